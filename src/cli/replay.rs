//! `replay`: recorded fixes are stored and judged, by this process or by the server that runs already.

use std::collections::VecDeque;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::fix_options::FixOptions;
use crate::app::{self, Control};
use crate::clock::Clock;
use crate::config::{Config, Values};
use crate::files::fixes::{
    self, ChunkReader, FixRow, Format, Input, LineError, ReadOptions, Subject,
};
use crate::ingest::{Counts, Engine, Intake, IntakeError, Parsed, Parts, Rejected};
use crate::live::Live;
use crate::model::{Datum, LocalZone, Odometer, Quality, Source, Timestamp};
use crate::telemetry;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Files: .ndjson, .csv, .gpx or .jt808hex, each also with .gz
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to read them
    #[command(flatten)]
    pub reading: FixOptions,
    /// Settings.
    #[command(flatten)]
    pub settings: Values,
}

/// Fixes put in order together: an unsorted file is judged as a sorted one within such a window.
const WINDOW_FIXES: usize = 500_000;
/// Bytes of a file parsed at once.
const CHUNK_BYTES: usize = 2 << 20;
/// Chunks being parsed at a time.
const CHUNKS_MAX: usize = 3;
/// Rows handed over at once by the readers that are not cut into chunks.
const ROWS_MAX: usize = 16_384;
/// Bytes posted to a running server at once.
const POST_BYTES: usize = 4 << 20;
/// Bad lines printed one by one.
const PRINTED_MAX: usize = 20;

/// The line on standard output.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Summary {
    read: u64,
    stored: u64,
    duplicates: u64,
    rejected: u64,
    violations: u64,
    seconds: f64,
}

/// Replays the files.
///
/// # Errors
/// A file that cannot be read, a database that cannot be used; what was stored until then stays.
pub async fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let config = Config::new(&args.settings)?;
    telemetry::start_log(&config.log);
    let options = Arc::new(args.reading.read_options()?);
    let clock = Clock::system();
    let began = clock.monotonic();
    let mut report = Report::new(&args.files)?;
    let opened = app::open_owned(&config).await;
    match opened {
        Ok((store, journal)) => {
            let parts = Parts {
                live: Live::new(0, 0),
                store: store.clone(),
                journal: journal.clone(),
                clock: clock.clone(),
            };
            let engine = Engine::start(parts, &config).await?;
            let replayed = here(&engine.intake(), &args.files, &options, &mut report).await;
            // A file may hold late data: they are judged before the count of violations is worth anything.
            engine.settle().await;
            // The files are at their end, and so is what is to be waited for.
            engine.end_input();
            engine.drain().await;
            // Drivers, and what waited, are judged after their fixes are counted.
            report.summary.violations += engine.fatigue_begun() + engine.silent_begun();
            journal.close().await;
            store.close().await;
            replayed?;
        }
        Err(error) => match Control::read(&config.data_dir())? {
            Some(control) => there(control, &args.files, &options, &mut report).await?,
            None => return Err(error),
        },
    }
    report.finish(clock.monotonic().saturating_sub(began))
}

/// Counts, bad lines and the progress bar.
struct Report {
    summary: Summary,
    printed: usize,
    bar: ProgressBar,
    /// Bytes of the files that are done.
    bytes_done: u64,
}

impl Report {
    fn new(files: &[PathBuf]) -> anyhow::Result<Self> {
        let mut total = 0;
        for file in files {
            if Format::from_path(file).is_none() {
                bail!(
                    "{}: wanted .ndjson, .csv, .gpx or .jt808hex",
                    file.display()
                );
            }
            let metadata = std::fs::metadata(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            total += metadata.len();
        }
        // Hidden by itself when standard error is no terminal.
        let bar = ProgressBar::new(total);
        let style = ProgressStyle::with_template(
            "{bar:40} {percent:>3}% {bytes}/{total_bytes} {msg} eta {eta}",
        );
        bar.set_style(style.context("progress bar")?);
        Ok(Self {
            summary: Summary::default(),
            printed: 0,
            bar,
            bytes_done: 0,
        })
    }

    fn progress(&self, bytes_read: u64) {
        self.bar.set_position(self.bytes_done + bytes_read);
        self.bar.set_message(format!("{} fixes", self.summary.read));
    }

    fn read(&mut self, file: &Path, parsed: &Parsed) {
        self.summary.read += parsed.fixes.len() as u64;
        self.reject(file, &parsed.rejected, parsed.rejected_total);
    }

    fn reject(&mut self, file: &Path, rejected: &[Rejected], total: u64) {
        self.summary.read += total;
        self.summary.rejected += total;
        for line in rejected
            .iter()
            .take(PRINTED_MAX.saturating_sub(self.printed))
        {
            self.printed += 1;
            let text = format!(
                "{}:{}: {} ({})",
                file.display(),
                line.line,
                line.message,
                line.code
            );
            self.bar.suspend(|| tracing::warn!("{text}"));
        }
    }

    fn count(&mut self, counts: Counts) {
        self.summary.stored += counts.stored;
        self.summary.duplicates += counts.duplicates;
        self.summary.violations += counts.violations;
    }

    fn finish(mut self, took: Duration) -> anyhow::Result<()> {
        self.bar.finish_and_clear();
        let unprinted = self.summary.rejected.saturating_sub(self.printed as u64);
        if unprinted > 0 {
            tracing::warn!("{unprinted} further bad lines are not shown");
        }
        self.summary.seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        let mut out = std::io::stdout();
        serde_json::to_writer(&mut out, &self.summary)?;
        writeln!(out)?;
        Ok(())
    }
}

/// Takes parsed rows in windows; while one window is judged, the next is read.
struct Windows<'a> {
    intake: &'a Intake,
    /// When everything that is replayed was received.
    received: Timestamp,
    filling: Parsed,
    judging: Option<JoinHandle<Result<Counts, IntakeError>>>,
}

impl Windows<'_> {
    async fn add(&mut self, parsed: Parsed, report: &mut Report) -> anyhow::Result<()> {
        self.filling.append(parsed);
        if self.filling.fixes.len() >= WINDOW_FIXES {
            self.submit(report).await?;
        }
        Ok(())
    }

    async fn submit(&mut self, report: &mut Report) -> anyhow::Result<()> {
        self.judged(report).await?;
        let mut window = std::mem::take(&mut self.filling);
        let intake = self.intake.clone();
        self.judging = Some(tokio::spawn(
            async move { intake.submit(&mut window).await },
        ));
        Ok(())
    }

    async fn judged(&mut self, report: &mut Report) -> anyhow::Result<()> {
        if let Some(judging) = self.judging.take() {
            report.count(judging.await??);
        }
        Ok(())
    }

    async fn finish(mut self, report: &mut Report) -> anyhow::Result<()> {
        self.submit(report).await?;
        self.judged(report).await
    }
}

/// Judges the files in this process.
async fn here(
    intake: &Intake,
    files: &[PathBuf],
    options: &Arc<ReadOptions>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut windows = Windows {
        intake,
        // One moment for all files: of records that contradict each other none came first.
        received: intake.received(),
        filling: Parsed::default(),
        judging: None,
    };
    for file in files {
        let input = fixes::open(file)?;
        let bytes = input.bytes_total;
        if input.format == Format::Ndjson {
            read_chunks(intake, file, input, options, &mut windows, report).await?;
        } else {
            read_rows(intake, file, input, options, &mut windows, report).await?;
        }
        report.bytes_done += bytes;
    }
    windows.finish(report).await
}

/// NDJSON: chunks are parsed side by side, and taken in their order.
async fn read_chunks(
    intake: &Intake,
    file: &Path,
    input: Input,
    options: &Arc<ReadOptions>,
    windows: &mut Windows<'_>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let read = Arc::clone(&input.bytes_read);
    let (sender, mut chunks) = mpsc::channel(CHUNKS_MAX);
    let reading = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        let mut reader = ChunkReader::new(input.reader, CHUNK_BYTES);
        while let Some(chunk) = reader.next_chunk()? {
            if sender.blocking_send(chunk).is_err() {
                break;
            }
        }
        Ok(())
    });
    let mut parsing = VecDeque::new();
    loop {
        let chunk = chunks.recv().await;
        let ended = chunk.is_none();
        if let Some(chunk) = chunk {
            let intake = intake.clone();
            let datum = options.datum;
            let origin = (Source::File, windows.received);
            parsing.push_back(tokio::task::spawn_blocking(move || {
                intake.parse_ndjson(&chunk.bytes, chunk.first_line, datum, origin)
            }));
        }
        while parsing.len() >= CHUNKS_MAX || ended {
            let Some(oldest) = parsing.pop_front() else {
                break;
            };
            let parsed = oldest.await?;
            report.read(file, &parsed);
            report.progress(read.load(Ordering::Relaxed));
            windows.add(parsed, report).await?;
        }
        if ended {
            break;
        }
    }
    reading
        .await?
        .with_context(|| format!("cannot read {}", file.display()))
}

/// The other formats: one reader, row by row.
async fn read_rows(
    intake: &Intake,
    file: &Path,
    input: Input,
    options: &Arc<ReadOptions>,
    windows: &mut Windows<'_>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let read = Arc::clone(&input.bytes_read);
    let (sender, mut pieces) = mpsc::channel(CHUNKS_MAX);
    let (reader, options) = (intake.clone(), Arc::clone(options));
    let received = windows.received;
    let reading = tokio::task::spawn_blocking(move || {
        let directory = reader.directory();
        let mut piece = Parsed::default();
        let result = fixes::read(input.format, input.reader, &options, &mut |line, row| {
            reader.take_row(&directory, received, Source::File, line, row, &mut piece);
            if piece.fixes.len() >= ROWS_MAX
                && sender.blocking_send(std::mem::take(&mut piece)).is_err()
            {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        // Nobody takes the last piece when the reading was broken off.
        drop(sender.blocking_send(piece));
        result
    });
    while let Some(piece) = pieces.recv().await {
        report.read(file, &piece);
        report.progress(read.load(Ordering::Relaxed));
        windows.add(piece, report).await?;
    }
    reading
        .await?
        .with_context(|| format!("cannot read {}", file.display()))
}

/// The part of the server's answer that is needed.
#[derive(Debug, Deserialize)]
struct Answer {
    stored: u64,
    duplicates: u64,
    rejected: Vec<AnswerLine>,
    violations: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct AnswerLine {
    line: u64,
    code: String,
    message: String,
}

/// Posts the files to the server that owns the database, in parts of which each is received when it is posted:
/// with one moment for all, records of a later part would go before live ones that came meanwhile.
async fn there(
    control: Control,
    files: &[PathBuf],
    options: &Arc<ReadOptions>,
    report: &mut Report,
) -> anyhow::Result<()> {
    for file in files {
        let input = fixes::open(file)?;
        let bytes = input.bytes_total;
        let read = Arc::clone(&input.bytes_read);
        let (sender, mut posted) = mpsc::channel(1);
        let (control, options) = (control.clone(), Arc::clone(options));
        let posting =
            tokio::task::spawn_blocking(move || post_file(&control, input, &options, &sender));
        while let Some(part) = posted.recv().await {
            let Posted {
                answer,
                rejected,
                lines,
            } = part;
            report.summary.read += lines;
            report.reject(file, &rejected, rejected.len() as u64);
            // The lines were read here; those that the server did not take were counted as read.
            report.summary.rejected += answer.rejected.len() as u64;
            for line in answer
                .rejected
                .iter()
                .take(PRINTED_MAX.saturating_sub(report.printed))
            {
                report.printed += 1;
                tracing::warn!(
                    "{}: {} ({}), line {} of a part",
                    file.display(),
                    line.message,
                    line.code,
                    line.line
                );
            }
            report.count(Counts {
                stored: answer.stored,
                duplicates: answer.duplicates,
                violations: answer.violations.unwrap_or(0),
            });
            report.progress(read.load(Ordering::Relaxed));
        }
        posting
            .await?
            .with_context(|| format!("cannot replay {}", file.display()))?;
        report.bytes_done += bytes;
    }
    Ok(())
}

/// One part that the server took.
struct Posted {
    answer: Answer,
    /// Lines that did not get as far as the server.
    rejected: Vec<Rejected>,
    /// Lines posted.
    lines: u64,
}

fn post_file(
    control: &Control,
    input: Input,
    options: &ReadOptions,
    sender: &mpsc::Sender<Posted>,
) -> anyhow::Result<()> {
    let zone = LocalZone::default();
    let mut body = Vec::new();
    let mut rejected = Vec::new();
    let mut lines = 0;
    let mut failed = None;
    let flush = |body: &mut Vec<u8>,
                 rejected: &mut Vec<Rejected>,
                 lines: &mut u64|
     -> anyhow::Result<bool> {
        let answer = post(control, body)?;
        body.clear();
        let part = Posted {
            answer,
            rejected: std::mem::take(rejected),
            lines: std::mem::take(lines),
        };
        Ok(sender.blocking_send(part).is_ok())
    };
    fixes::read(input.format, input.reader, options, &mut |line, row| {
        match row {
            Ok(row) => {
                lines += 1;
                write_row(&zone, &row, &mut body);
            }
            Err(error) => rejected.push(rejection(line, &error)),
        }
        if body.len() < POST_BYTES {
            return ControlFlow::Continue(());
        }
        match flush(&mut body, &mut rejected, &mut lines) {
            Ok(true) => ControlFlow::Continue(()),
            Ok(false) => ControlFlow::Break(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => flush(&mut body, &mut rejected, &mut lines).map(drop),
    }
}

fn rejection(line: u64, error: &LineError) -> Rejected {
    Rejected {
        line,
        code: error.code(),
        message: error.to_string(),
    }
}

/// One row as `POST /fixes` takes it.
fn write_row(zone: &LocalZone, row: &FixRow<'_>, body: &mut Vec<u8>) {
    // A value that cannot be goes on as another one that cannot be: the server finds the same reason.
    let or_odd = |value: Option<f64>, reason| {
        let odd = row.quality.contains(reason);
        if odd { Some(-1.0) } else { value }
    };
    let course_deg = row.course.map(|course| f64::from(course.degrees()));
    let mut object = serde_json::json!({
        "time": zone.rfc3339(row.time), "lat": row.position.lat(), "lon": row.position.lon(),
        "datum": row.datum.map(Datum::name),
        "speed_kmh": or_odd(Some(row.speed.kmh()), Quality::SPEED_RANGE),
        "course_deg": or_odd(course_deg, Quality::COURSE_RANGE), "altitude_m": row.altitude_m,
        "odometer_km": or_odd(row.odometer.map(Odometer::km), Quality::ODOMETER_RANGE),
        "alarm": row.alarm, "status": row.status, "driver": row.driver, "passengers": row.passengers,
        "events": (!row.events.is_empty()).then(|| row.events.to_string()),
    });
    if let Some(fields) = object.as_object_mut() {
        match &row.subject {
            Subject::Plate(text, color) => {
                if let Some(phone) = &row.terminal {
                    fields.insert("terminal".to_owned(), phone.as_ref().into());
                }
                fields.insert("plate".to_owned(), text.as_ref().into());
                fields.insert("plate_color".to_owned(), color.name().into());
            }
            Subject::Terminal(phone) => {
                fields.insert("terminal".to_owned(), phone.as_ref().into());
            }
            // The server says what is missing.
            Subject::Unnamed => {}
        }
    }
    body.extend_from_slice(object.to_string().as_bytes());
    body.push(b'\n');
}

fn post(control: &Control, body: &[u8]) -> anyhow::Result<Answer> {
    let mut response = ureq::post(format!("http://{}/api/v1/fixes", control.http))
        .header("content-type", "application/x-ndjson")
        .header("authorization", format!("Bearer {}", control.token))
        .send(body)
        .context("the server that owns the database does not answer")?;
    let text = response
        .body_mut()
        .read_to_string()
        .context("answer of the server")?;
    serde_json::from_str(&text).context("answer of the server")
}
