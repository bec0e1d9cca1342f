//! The archive on an S3-compatible store: slow answers, errors, and a crash in the middle of an upload.
//!
//! The store is `s3s-fs`, in this process, behind a proxy that does harm.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use roadwarden::archive::{Archive, Place, PlaceSettings};
use roadwarden::store::StoreError;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::support::Kept;
use crate::store::samples::fixes;
use crate::store::support::{Place as Database, on_sqlite};

const BUCKET: &str = "fleet";
const KEY: &str = "roadwarden-test";

/// What the proxy does to connections.
#[derive(Debug, Default)]
struct Harm {
    /// Milliseconds before each piece of an answer.
    slow_ms: AtomicU64,
    /// Connections that get an error instead of an answer.
    errors: AtomicU64,
    /// Bytes of requests after which a connection is cut; 0 for never.
    cut_after: AtomicU64,
}

/// An S3 store and the proxy before it.
struct S3 {
    root: TempDir,
    address: SocketAddr,
    harm: Arc<Harm>,
}

impl S3 {
    async fn start() -> Self {
        let root = TempDir::new().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let store = serve(root.path()).await;
        let harm = Arc::new(Harm::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&harm);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, store, Arc::clone(&shared)));
            }
        });
        Self {
            root,
            address,
            harm,
        }
    }

    fn archive(&self, retries_max: usize) -> Archive {
        let option = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let place = Place::open(&PlaceSettings {
            url: format!("s3://{BUCKET}/province/43"),
            request_max: Duration::from_secs(2),
            retries_max,
            options: vec![
                option("aws_endpoint", &format!("http://{}", self.address)),
                option("aws_access_key_id", KEY),
                option("aws_secret_access_key", KEY),
                option("aws_region", "us-east-1"),
            ],
        });
        Archive::new(place.unwrap(), 1 << 20)
    }

    /// Parquet files in the store.
    fn files(&self) -> usize {
        fn walk(folder: &Path) -> usize {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let count =
                |path: &Path| usize::from(path.extension().is_some_and(|end| end == "parquet"));
            entries
                .map(|entry| entry.path())
                .map(|path| {
                    if path.is_dir() {
                        walk(&path)
                    } else {
                        count(&path)
                    }
                })
                .sum()
        }
        walk(self.root.path())
    }
}

/// The store itself.
async fn serve(root: &Path) -> SocketAddr {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY, KEY));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                // A client that goes away is what the tests want.
                drop(server.serve_connection(TokioIo::new(socket), service).await);
            });
        }
    });
    address
}

/// Carries one connection, with harm.
async fn forward(mut client: TcpStream, store: SocketAddr, harm: Arc<Harm>) {
    let takes = |count: u64| count.checked_sub(1);
    if harm
        .errors
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes)
        .is_ok()
    {
        let mut request = [0; 1024];
        if client.read(&mut request).await.is_ok() {
            let answer = "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            drop(client.write_all(answer.as_bytes()).await);
        }
        return;
    }
    let server = TcpStream::connect(store).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let (mut bytes, mut sent) = ([0; 4096], 0);
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            sent += read as u64;
            let cut_after = harm.cut_after.load(Ordering::SeqCst);
            if cut_after > 0 && sent > cut_after {
                return;
            }
            if to_server.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    let answers = async {
        let mut bytes = [0; 8192];
        while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
            tokio::time::sleep(Duration::from_millis(harm.slow_ms.load(Ordering::SeqCst))).await;
            if to_client.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        () = answers => {}
    }
}

async fn kept_whole(database: Database) {
    let s3 = S3::start().await;
    let kept = Kept::with(&database, s3.archive(0)).await;
    let track = fixes(1, (0..40_000).step_by(10));
    let mut merged = 0;
    for part in track.chunks(800) {
        kept.stage(part, 100).await;
        merged += kept.pass().await.files_merged;
    }
    assert_eq!(kept.track(1).await, track);
    kept.clock.advance(roadwarden::model::Span::from_hours(7));
    merged += kept.pass().await.files_merged;
    assert!(merged > 0);
    kept.clock.advance(roadwarden::model::Span::from_hours(1));
    assert!(kept.pass().await.files_deleted > 0);
    assert_eq!((kept.catalogue().await.len(), s3.files()), (1, 1));
    assert!(
        s3.root
            .path()
            .join(BUCKET)
            .join("province/43/tracks/day=2026-11-21")
            .exists()
    );
    assert_eq!(kept.track(1).await, track);
    assert!(
        kept.archive
            .verify(&kept.store)
            .await
            .unwrap()
            .problems
            .is_empty()
    );
    // What nothing names is found and deleted, here too.
    let file = s3
        .root
        .path()
        .join(BUCKET)
        .join("province/43")
        .join(&kept.catalogue().await[0].path);
    std::fs::copy(&file, file.with_file_name("orphan.parquet")).unwrap();
    kept.clock
        .advance(roadwarden::model::Span::from_hours(24 * 365 * 20));
    assert_eq!(
        kept.keeper_of_ages().pass().await.unwrap().orphans_deleted,
        1
    );
    std::fs::remove_file(&file).unwrap();
    assert_eq!(
        kept.archive
            .verify(&kept.store)
            .await
            .unwrap()
            .problems
            .len(),
        1
    );
}

#[test]
fn a_store_is_kept_like_a_folder() {
    on_sqlite(kept_whole);
}

async fn slow_and_failing(database: Database) {
    let s3 = S3::start().await;
    let kept = Kept::with(&database, s3.archive(3)).await;
    let track = fixes(1, (0..20_000).step_by(10));
    kept.stage(&track, 100).await;
    // Errors that pass are tried again.
    s3.harm.errors.store(2, Ordering::SeqCst);
    s3.harm.slow_ms.store(100, Ordering::SeqCst);
    kept.pass().await;
    assert_eq!(kept.track(1).await, track);
    // An answer that is too slow is none; the archive is away and not damaged.
    let impatient = kept.reader(s3.archive(0)).await;
    s3.harm.slow_ms.store(5000, Ordering::SeqCst);
    let error = impatient
        .find_fix(track[5].vehicle, track[5].time)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::ArchiveAway { .. }), "{error:?}");
    s3.harm.slow_ms.store(0, Ordering::SeqCst);
    let found = impatient.find_fix(track[5].vehicle, track[5].time).await;
    assert_eq!(found.unwrap(), Some(track[5]));
}

#[test]
fn slow_answers_and_errors_are_borne() {
    on_sqlite(slow_and_failing);
}

async fn crash_in_upload(database: Database) {
    let s3 = S3::start().await;
    let kept = Kept::with(&database, s3.archive(0)).await;
    let track = fixes(1, (0..20_000).step_by(10));
    kept.stage(&track, 100).await;
    s3.harm.cut_after.store(1500, Ordering::SeqCst);
    kept.keeper().pass().await.unwrap_err();
    assert_eq!(kept.catalogue().await, []);
    assert_eq!(kept.track(1).await, track, "what is staged stays readable");
    // The server is ended there and started again.
    kept.store.close().await;
    s3.harm.cut_after.store(0, Ordering::SeqCst);
    let kept = Kept::with(&database, s3.archive(0)).await;
    assert_eq!(kept.track(1).await, track);
    kept.pass().await;
    let files = kept.catalogue().await;
    assert_eq!(files.iter().map(|file| file.fixes).sum::<u64>(), 2000);
    assert_eq!(s3.files(), files.len(), "half an upload leaves no file");
    assert_eq!(kept.track(1).await, track);
}

#[test]
fn a_restart_in_the_middle_of_an_upload_loses_nothing() {
    on_sqlite(crash_in_upload);
}
