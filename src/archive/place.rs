//! Where the archive is: a folder or an S3-compatible store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

/// How an archive is reached.
#[derive(Clone, Debug)]
pub struct PlaceSettings {
    /// A folder, or `s3://BUCKET/PREFIX`. Keys, region and endpoint of S3 come from the environment, as
    /// other tools read them: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`.
    pub url: String,
    /// Longest time for one request.
    pub request_max: Duration,
    /// Repetitions of a request that failed.
    pub retries_max: usize,
    /// Settings of S3 that win over the environment, by the names of their variables in small letters.
    pub options: Vec<(String, String)>,
}

/// Why there is no archive at a place.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The folder cannot be made.
    #[error("cannot make the archive folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Neither a folder nor an `s3://` URL.
    #[error("`{url}` is neither a folder nor s3://BUCKET/PREFIX")]
    Url {
        /// What was given.
        url: String,
    },
    /// The store cannot be used as it is set up.
    #[error("the archive at {url} cannot be used")]
    Store {
        /// What was given.
        url: String,
        /// Why.
        #[source]
        source: object_store::Error,
    },
}

/// A place of files; cheap to clone.
#[derive(Clone, Debug)]
pub struct Place {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Place {
    /// Opens a place; a folder is made where it does not exist.
    ///
    /// # Errors
    /// [`PlaceError`]; whether an S3 store answers is seen by the first request only.
    pub fn open(settings: &PlaceSettings) -> Result<Self, PlaceError> {
        match settings.url.split_once("://") {
            Some(("s3", rest)) => Self::s3(settings, rest),
            Some(("file", path)) => Self::folder(PathBuf::from(path), settings),
            Some(_) => Err(PlaceError::Url {
                url: settings.url.clone(),
            }),
            None => Self::folder(PathBuf::from(&settings.url), settings),
        }
    }

    /// Any store, for tests that bring their own.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            prefix: Path::default(),
        }
    }

    fn folder(path: PathBuf, settings: &PlaceSettings) -> Result<Self, PlaceError> {
        if let Err(source) = std::fs::create_dir_all(&path) {
            return Err(PlaceError::Folder { path, source });
        }
        // The catalogue names a file only after it and its folder were synced.
        let store = LocalFileSystem::new_with_prefix(&path)
            .map_err(|source| PlaceError::Store {
                url: settings.url.clone(),
                source,
            })?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Self::new(Arc::new(store)))
    }

    fn s3(settings: &PlaceSettings, rest: &str) -> Result<Self, PlaceError> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(PlaceError::Url {
                url: settings.url.clone(),
            });
        }
        install_tls();
        let mut builder = AmazonS3Builder::from_env();
        for (key, value) in &settings.options {
            let key = key.parse().map_err(|source| PlaceError::Store {
                url: settings.url.clone(),
                source,
            })?;
            builder = builder.with_config(key, value);
        }
        let store = builder
            .with_bucket_name(bucket)
            .with_client_options(
                ClientOptions::new()
                    .with_timeout(settings.request_max)
                    .with_allow_http(true),
            )
            .with_allow_http(true)
            .with_retry(RetryConfig {
                max_retries: settings.retries_max,
                retry_timeout: settings.request_max.saturating_mul(2),
                ..RetryConfig::default()
            })
            .build()
            .map_err(|source| PlaceError::Store {
                url: settings.url.clone(),
                source,
            })?;
        Ok(Self {
            store: Arc::new(store),
            prefix: Path::from(prefix),
        })
    }

    pub(super) fn store(&self) -> &dyn ObjectStore {
        &*self.store
    }

    /// The store's path of a path of the catalogue.
    pub(super) fn path(&self, path: &str) -> Path {
        let path = Path::from(path);
        self.prefix.parts().chain(path.parts()).collect()
    }

    /// The catalogue's path of a store's path; `None` for one that is not below the archive's URL.
    pub(super) fn own(&self, path: &Path) -> Option<String> {
        let below: Path = path.prefix_match(&self.prefix)?.collect();
        Some(below.to_string())
    }
}

/// Says which cryptography TLS uses, once a process.
fn install_tls() {
    // Another part of the process may have said it before; then that one holds.
    drop(rustls::crypto::ring::default_provider().install_default());
}
