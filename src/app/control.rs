//! How our own commands find a running server: a file in the data folder that only its owner may read.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::random::unguessable_hex;

/// Random bytes of the token.
const TOKEN_BYTES: usize = 24;
/// Name of the file.
const FILE: &str = "server.json";

/// What the file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Control {
    /// Address of the HTTP API.
    pub http: SocketAddr,
    /// Token that opens it to our own commands.
    pub token: String,
}

impl Control {
    /// Reads the file of a server that runs on this data folder; `None` when there is none.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn read(data: &Path) -> anyhow::Result<Option<Self>> {
        let path = data.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let control = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged", path.display()))?;
        Ok(Some(control))
    }
}

/// The file of the running server.
#[derive(Debug)]
pub struct ControlFile {
    path: PathBuf,
}

impl ControlFile {
    /// Writes the file with a new random token.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn create(data: &Path, http: SocketAddr) -> anyhow::Result<(Self, String)> {
        let token = unguessable_hex(TOKEN_BYTES).context("no random bytes")?;
        let path = data.join(FILE);
        let text = serde_json::to_string(&Control {
            http,
            token: token.clone(),
        })?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        options
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok((Self { path }, token))
    }

    /// Takes the file away when the server ends.
    pub(super) fn remove(&self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "control file stays");
        }
    }
}
