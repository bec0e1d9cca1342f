//! The whole server: terminals over TCP beside a bare echo server, replay of a file, restart, memory.
//!
//! `cargo bench --bench end_to_end [tcp] [replay] [restart] [memory]`; without names, all. The client, the
//! server and the echo server share the machine, so figures are ratios within one run. Run by `cargo test` it
//! does everything for a moment, as a test.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench stops where something is wrong, and its figures are rounded"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use roadwarden::model::{LocalZone, Timestamp};
use roadwarden::protocol::Writer;
use roadwarden::protocol::bcd::BcdTime;
use roadwarden::protocol::jt808::frame::{decode_frame, encode_frame};
use roadwarden::protocol::jt808::header::{Edition, Header, Phone};
use roadwarden::protocol::jt808::location::LocationReport;
use roadwarden::simulate::write_fleet;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Semaphore};

/// First phone number of `write_fleet`.
const PHONE_FIRST: u64 = 19_000_000_000;
/// Fixes begin here: 2026-11-21T08:00:00+08:00. Unit: s.
const BEGIN_S: i64 = 1_795_219_200;
/// Connections that come online at a time.
const RAMP: usize = 64;

/// How much is done.
#[derive(Clone, Copy)]
struct Scale {
    measured: Duration,
    /// Connections and reports a write.
    loads: &'static [(usize, usize)],
    replay_fixes: usize,
    memory_connections: usize,
}

const FULL: Scale = Scale {
    measured: Duration::from_secs(6),
    loads: &[(1000, 1), (8000, 1), (1000, 10)],
    replay_fixes: 3_000_000,
    memory_connections: 8000,
};

const MOMENT: Scale = Scale {
    measured: Duration::from_millis(200),
    loads: &[(10, 1), (5, 10)],
    replay_fixes: 5000,
    memory_connections: 20,
};

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
fn say(text: &str) {
    println!("{text}");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "echo") {
        block_on(echo());
        return;
    }
    let scale = if arguments.iter().any(|argument| argument == "--bench") {
        FULL
    } else {
        MOMENT
    };
    let wanted = |name: &str| {
        let names: Vec<_> = arguments
            .iter()
            .filter(|argument| !argument.starts_with('-'))
            .collect();
        names.is_empty() || names.iter().any(|wanted| *wanted == name)
    };
    if wanted("tcp") {
        tcp(scale);
    }
    if wanted("replay") {
        replay(scale);
    }
    if wanted("restart") {
        restart(scale);
    }
    if wanted("memory") {
        memory(scale);
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// A bare echo server: what the network, the kernel and the run time cost without any work.
async fn echo() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    say(&format!(
        "listening jt808={}",
        listener.local_addr().unwrap()
    ));
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(async move {
            stream.set_nodelay(true).ok();
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                if stream.write_all(&bytes[..length]).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// A child process that says where it listens.
struct Peer {
    child: Child,
    address: SocketAddr,
    http: Option<SocketAddr>,
    /// From the start of the process to its line.
    ready_after: Duration,
}

impl Peer {
    fn start(mut command: Command) -> Self {
        let begun = now();
        let mut child = command
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let find = |key: &str| {
            line.split_whitespace()
                .find_map(|part| part.strip_prefix(key)?.parse().ok())
        };
        Self {
            address: find("jt808=").unwrap(),
            http: find("http="),
            ready_after: begun.elapsed(),
            child,
        }
    }

    fn echo() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("echo");
        Self::start(command)
    }

    fn server(data: &Path, arguments: &[&str]) -> Self {
        let mut command = program();
        command.args([
            "serve",
            "--http",
            "127.0.0.1:0",
            "--jt808",
            "127.0.0.1:0",
            "--dev-open",
            "--log",
            "error",
        ]);
        command.arg("--data").arg(data).args(arguments);
        Self::start(command)
    }

    /// Resident memory. Unit: bytes.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_roadwarden"))
}

fn fleet(data: &Path, vehicles: usize) {
    let folder = data.join("fleet");
    write_fleet(&folder, u32::try_from(vehicles).unwrap()).unwrap();
    let done = program()
        .args(["import", "fleet"])
        .arg(&folder)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A frame of a terminal.
fn frame(phone: Phone, message_id: u16, serial: u16, body: &[u8], out: &mut Vec<u8>) {
    let header = Header {
        message_id,
        edition: Edition::V2013,
        phone,
        serial,
        version: 0,
        encryption: 0,
        package: None,
    };
    encode_frame(&header, body, out);
}

fn report(step: i64, lane: u32) -> Vec<u8> {
    let report = LocationReport {
        alarm: 0,
        status: 3,
        lat_udeg: 28_000_000 + lane,
        lon_udeg: u32::try_from(112_000_000 + step * 20).unwrap(),
        altitude_m: 50,
        speed_dkmh: 700,
        course_deg: 90,
        time: BcdTime::from_unix_s(BEGIN_S + step).unwrap(),
        additional: &[1, 4, 0, 0, 1, 0],
    };
    let mut body = Vec::new();
    report.encode(&mut Writer::new(&mut body));
    body
}

/// One connection of the load: reports go out `batch` at a time, the next when all have been answered.
struct Client {
    stream: TcpStream,
    phone: Phone,
    lane: u32,
    step: i64,
    batch: usize,
}

impl Client {
    /// Connects; registers and authenticates unless the peer only echoes.
    async fn connect(address: SocketAddr, number: usize, batch: usize, echo: bool) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let digits = (PHONE_FIRST + number as u64).to_string();
        let mut client = Self {
            stream,
            phone: Phone::from_digits(&digits, Edition::V2013).unwrap(),
            lane: u32::try_from(number).unwrap(),
            step: 0,
            batch,
        };
        if !echo {
            // Province, city, maker, model, terminal id; no plate: the register knows it.
            let mut body = vec![0; 36];
            body.push(2);
            let answer = client.ask(0x0100, &body).await;
            assert_eq!(answer[2], 0, "registration refused");
            let answer = client.ask(0x0102, &answer[3..]).await;
            assert_eq!(answer[4], 0, "authentication refused");
        }
        client
    }

    /// Sends a message and reads the body of the one answer.
    async fn ask(&mut self, message_id: u16, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame(self.phone, message_id, 0, body, &mut out);
        self.stream.write_all(&out).await.unwrap();
        let mut answer = Vec::new();
        while memchr::memchr_iter(0x7e, &answer).count() < 2 {
            self.stream.read_buf(&mut answer).await.unwrap();
        }
        let mut buffer = Vec::new();
        decode_frame(&answer, &mut buffer).unwrap().body.to_vec()
    }

    /// Sends reports until the time is over; counts what was answered while it was measured.
    async fn load(mut self, counted: Arc<AtomicU64>, until: Instant) {
        let mut out = Vec::new();
        let mut bytes = [0; 4096];
        while now() < until {
            out.clear();
            for _ in 0..self.batch {
                let serial = u16::try_from(self.step & 0xffff).unwrap();
                frame(
                    self.phone,
                    0x0200,
                    serial,
                    &report(self.step, self.lane),
                    &mut out,
                );
                self.step += 1;
            }
            if self.stream.write_all(&out).await.is_err() {
                return;
            }
            // Each frame, echo or acknowledgement, has two flags.
            let mut flags = 0;
            while flags < 2 * self.batch {
                let Ok(length @ 1..) = self.stream.read(&mut bytes).await else {
                    return;
                };
                flags += memchr::memchr_iter(0x7e, &bytes[..length]).count();
            }
            counted.fetch_add(self.batch as u64, Ordering::Relaxed);
        }
    }
}

async fn connect_all(
    address: SocketAddr,
    connections: usize,
    batch: usize,
    echo: bool,
) -> Vec<Client> {
    let ramp = Arc::new(Semaphore::new(RAMP));
    let connecting: Vec<_> = (0..connections)
        .map(|number| {
            let ramp = Arc::clone(&ramp);
            tokio::spawn(async move {
                let _permit = ramp.acquire().await.unwrap();
                Client::connect(address, number, batch, echo).await
            })
        })
        .collect();
    let mut clients = Vec::with_capacity(connections);
    for client in connecting {
        clients.push(client.await.unwrap());
    }
    clients
}

/// Answers a second.
async fn rate(
    address: SocketAddr,
    connections: usize,
    batch: usize,
    echo: bool,
    measured: Duration,
) -> f64 {
    let clients = connect_all(address, connections, batch, echo).await;
    let counted = Arc::new(AtomicU64::new(0));
    let start = Arc::new(Barrier::new(connections + 1));
    let warm = measured / 4;
    let loads: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let (counted, start) = (Arc::clone(&counted), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                client.load(counted, now() + warm + measured + warm).await;
            })
        })
        .collect();
    start.wait().await;
    tokio::time::sleep(warm).await;
    let (before, begun) = (counted.load(Ordering::Relaxed), now());
    tokio::time::sleep(measured).await;
    let answered = counted.load(Ordering::Relaxed) - before;
    let rate = answered as f64 / begun.elapsed().as_secs_f64();
    for load in loads {
        load.await.unwrap();
    }
    rate
}

fn tcp(scale: Scale) {
    say("JT/T 808 over TCP, acknowledged when durable, beside a bare echo server");
    for &(connections, batch) in scale.loads {
        let echo_rate = || {
            let peer = Peer::echo();
            block_on(rate(peer.address, connections, batch, true, scale.measured))
        };
        let before = echo_rate();
        let folder = tempfile::tempdir().unwrap();
        fleet(folder.path(), connections);
        let peer = Peer::server(
            folder.path(),
            &["--terminal-frames-per-second-max", "1000000"],
        );
        let ours = block_on(rate(
            peer.address,
            connections,
            batch,
            false,
            scale.measured,
        ));
        drop(peer);
        let after = echo_rate();
        let echo = f64::midpoint(before, after);
        say(&format!(
            "  {connections} connections, {batch} in flight: {ours:.0}/s, echo {before:.0}/s and {after:.0}/s, ratio {:.2}",
            ours / echo
        ));
    }
}

/// NDJSON of the vehicles of `write_fleet`: a minute of driving is 60 lines, coaches by turns.
fn ndjson(folder: &Path, fixes: usize, vehicles: usize) -> PathBuf {
    let path = folder.join("fixes.ndjson");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let zone = LocalZone::default();
    let mut written = 0;
    let mut step = 0_i64;
    while written < fixes {
        let time = zone.rfc3339(Timestamp::from_seconds(BEGIN_S + step * 10));
        for vehicle in 0..vehicles.min(fixes - written) {
            let lon = 112.0 + step as f64 * 0.0018;
            writeln!(
                file,
                "{{\"plate\":\"湘S{vehicle:05}\",\"plate_color\":\"yellow\",\"time\":\"{time}\",\"lat\":{:.6},\"lon\":{lon:.6},\
                 \"speed_kmh\":{:.1},\"course_deg\":90,\"altitude_m\":50,\"odometer_km\":{:.1},\"alarm\":0,\"status\":3}}",
                28.0 + vehicle as f64 * 0.0001,
                64.0 + (step % 10) as f64,
                1000.0 + step as f64 * 0.2,
            )
            .unwrap();
            written += 1;
        }
        step += 1;
    }
    file.flush().unwrap();
    path
}

fn replay(scale: Scale) {
    let vehicles = 1000.min(scale.replay_fixes);
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path(), vehicles);
    let file = ndjson(folder.path(), scale.replay_fixes, vehicles);
    let output = program()
        .arg("replay")
        .arg(&file)
        .arg("--data")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["stored"].as_u64(), Some(scale.replay_fixes as u64));
    let rate = scale.replay_fixes as f64 / summary["seconds"].as_f64().unwrap();
    let bytes = std::fs::metadata(folder.path().join("roadwarden.db"))
        .unwrap()
        .len();
    say(&format!(
        "replay of NDJSON, stored and judged: {rate:.0} fixes/s ({} fixes, {vehicles} vehicles), {:.1} bytes a fix in the database",
        scale.replay_fixes,
        bytes as f64 / scale.replay_fixes as f64
    ));
}

fn restart(scale: Scale) {
    let vehicles = 1000.min(scale.replay_fixes);
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path(), vehicles);
    let file = ndjson(folder.path(), scale.replay_fixes, vehicles);
    // Nothing is flushed, so that all is in the journal only when the server is killed.
    let slow = [
        "--shard-flush-ms",
        "60000",
        "--shard-flush-changes-max",
        "1000000",
    ];
    let peer = Peer::server(folder.path(), &slow);
    let output = program()
        .arg("replay")
        .arg(&file)
        .arg("--data")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    drop(peer);
    let replayed = Peer::server(folder.path(), &slow);
    let with_replay = replayed.ready_after;
    drop(replayed);
    let empty = tempfile::tempdir().unwrap();
    fleet(empty.path(), vehicles);
    let without = Peer::server(empty.path(), &slow).ready_after;
    let rate =
        scale.replay_fixes as f64 / with_replay.saturating_sub(without).as_secs_f64().max(1e-3);
    say(&format!(
        "restart after kill -9: {:.2} s with {} fixes in the journal, {:.2} s with none: {rate:.0} fixes/s",
        with_replay.as_secs_f64(),
        scale.replay_fixes,
        without.as_secs_f64()
    ));
}

fn memory(scale: Scale) {
    let connections = scale.memory_connections;
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path(), connections);
    let peer = Peer::server(folder.path(), &[]);
    block_on(async {
        let before = peer.resident();
        let clients = connect_all(peer.address, connections, 1, false).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let connected = peer.resident();
        say(&format!(
            "memory of a connection: {} bytes resident ({connections} registered and online)",
            connected.saturating_sub(before) / connections as u64
        ));
        let counted = Arc::new(AtomicU64::new(0));
        let until = now() + scale.measured;
        let loads: Vec<_> = clients
            .into_iter()
            .map(|client| tokio::spawn(client.load(Arc::clone(&counted), until)))
            .collect();
        for load in loads {
            load.await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    });
    let metrics = get(peer.http.unwrap(), "/metrics");
    let sum = |name: &str| -> f64 {
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    let (bytes, states) = (
        sum("roadwarden_vehicle_state_bytes"),
        sum("roadwarden_vehicles"),
    );
    say(&format!(
        "memory of a vehicle: {:.0} bytes, track tail included ({states:.0} vehicles)",
        bytes / states
    ));
}

fn get(http: SocketAddr, path: &str) -> String {
    let mut response = ureq::get(format!("http://{http}{path}")).call().unwrap();
    response.body_mut().read_to_string().unwrap()
}
