//! An S3-compatible store for tests: `s3s-fs` in this process, behind a proxy that does harm.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use roadwarden::archive::{Archive, Place, PlaceSettings};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(super) const BUCKET: &str = "fleet";
pub(super) const KEY: &str = "roadwarden-test";

/// What the proxy does to connections.
#[derive(Debug, Default)]
pub(super) struct Harm {
    /// Milliseconds before each piece of an answer.
    pub(super) slow_ms: AtomicU64,
    /// Connections that get an error instead of an answer.
    pub(super) errors: AtomicU64,
    /// Bytes of requests after which a connection is cut; 0 for never.
    pub(super) cut_after: AtomicU64,
    /// The store gets every request, and its answers get lost.
    pub(super) mute: AtomicBool,
    /// Bytes of an upload after which nothing of it is carried any more; 0 for never.
    pub(super) hold_upload_after: AtomicU64,
    /// Uploads held so.
    pub(super) held: AtomicU64,
}

/// An S3 store and the proxy before it.
pub(super) struct S3 {
    pub(super) root: TempDir,
    pub(super) address: SocketAddr,
    pub(super) harm: Arc<Harm>,
}

impl S3 {
    pub(super) async fn start() -> Self {
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

    pub(super) fn archive(&self, retries_max: usize) -> Archive {
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
    pub(super) fn files(&self) -> usize {
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
        let (mut bytes, mut sent, mut uploaded) = ([0; 4096], 0, None);
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            sent += read as u64;
            let cut_after = harm.cut_after.load(Ordering::SeqCst);
            if cut_after > 0 && sent > cut_after {
                return;
            }
            if bytes.starts_with(b"PUT ") {
                uploaded = Some(0);
            } else if bytes.starts_with(b"GET ") || bytes.starts_with(b"DELETE ") {
                uploaded = None;
            }
            if let Some(uploaded) = &mut uploaded {
                *uploaded += read as u64;
                let hold_after = harm.hold_upload_after.load(Ordering::SeqCst);
                if hold_after > 0 && *uploaded > hold_after {
                    harm.held.fetch_add(1, Ordering::SeqCst);
                    std::future::pending::<()>().await;
                }
            }
            if to_server.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    let answers = async {
        let mut bytes = [0; 8192];
        while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
            if harm.mute.load(Ordering::SeqCst) {
                return;
            }
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
