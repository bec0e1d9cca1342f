//! The built program as a black box: commands, and a server that dies with its test.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// Longest wait for anything of the program.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// The built program.
pub(crate) fn program() -> Command {
    Command::new(
        std::env::var_os("ROADWARDEN_BINARY")
            .unwrap_or_else(|| env!("CARGO_BIN_EXE_roadwarden").into()),
    )
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    program()
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs a command that must succeed; its standard output.
pub(crate) fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{errors}",
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) http: SocketAddr,
    pub(crate) jt808: SocketAddr,
}

impl Server {
    /// Starts on free ports over a data folder; further arguments are added.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_with(data, arguments, &[])
    }

    /// The same, with variables of the environment.
    pub(crate) fn start_with(
        data: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut child = program()
            .args([
                "serve",
                "--http",
                "127.0.0.1:0",
                "--jt808",
                "127.0.0.1:0",
                "--dev-open",
            ])
            .args(["--log", "warn", "--data"])
            .arg(data)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = |key: &str| -> Option<SocketAddr> {
            line.split_whitespace()
                .find_map(|part| part.strip_prefix(key))?
                .parse()
                .ok()
        };
        let (Some(http), Some(jt808)) = (address("http="), address("jt808=")) else {
            child.kill().unwrap();
            let mut errors = String::new();
            child
                .stderr
                .as_mut()
                .unwrap()
                .read_to_string(&mut errors)
                .unwrap();
            panic!("the server did not start: {line:?}\n{errors}");
        };
        Self { child, http, jt808 }
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; waits for the end. The log must be empty, because everything from `warn` on is unexpected.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let status = self.child.wait().unwrap();
        let mut errors = String::new();
        self.child
            .stderr
            .as_mut()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        assert!(status.success(), "{status}\n{errors}");
        assert_eq!(errors, "", "unexpected in the log");
    }

    /// Status and body of a request.
    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&str>) -> (u16, String) {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(DEADLINE))
            .build()
            .new_agent();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.http))
            .header("content-type", "application/json")
            .body(body.unwrap_or_default().to_owned())
            .unwrap();
        let mut response = agent.run(request).unwrap();
        (
            response.status().as_u16(),
            response.body_mut().read_to_string().unwrap(),
        )
    }

    /// JSON of a GET that must succeed.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.request("GET", path, None);
        assert_eq!(status, 200, "GET {path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// JSON of a POST that must succeed.
    pub(crate) fn post(&self, path: &str, body: &str) -> Value {
        let (status, answer) = self.request("POST", path, Some(body));
        assert!(
            (200..300).contains(&status),
            "POST {path}: {status} {answer}"
        );
        serde_json::from_str(&answer).unwrap()
    }

    /// Asks again until the answer is as wanted.
    pub(crate) fn wait_for(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut so_far = Duration::ZERO;
        loop {
            let (_, body) = self.request("GET", path, None);
            let value: Value = serde_json::from_str(&body).unwrap_or_default();
            if wanted(&value) {
                return value;
            }
            assert!(so_far < DEADLINE, "GET {path}: still {body}");
            std::thread::sleep(LOOK);
            so_far += LOOK;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
