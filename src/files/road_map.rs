//! Prepared road maps on disk: written whole or not at all, read whole.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::roads::RoadNetwork;
use crate::roads::prepared::{PreparedError, decode, encode};

/// Folder of the prepared maps in the data folder.
const FOLDER: &str = "roads";

/// Why a prepared map cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapFileError {
    /// The file cannot be read or written.
    #[error("cannot use {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What it holds is no map.
    #[error("cannot use {}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PreparedError,
    },
}

/// Writes a map into the data folder; its version, and the name of its file there.
///
/// The file appears whole under its name, which follows from the content, and is durable then.
///
/// # Errors
/// [`MapFileError::File`]; no file of that name is there then, unless it was before.
pub fn write(data: &Path, network: &RoadNetwork) -> Result<(String, String), MapFileError> {
    let (bytes, version) = encode(network);
    let name = format!("{version}.map");
    let folder = data.join(FOLDER);
    let path = folder.join(&name);
    let written = fs::create_dir_all(&folder).and_then(|()| {
        let unfinished = folder.join(format!("{name}.{}.unfinished", std::process::id()));
        let mut file = File::create(&unfinished)?;
        let done = file
            .write_all(&bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&unfinished, &path));
        if done.is_err() {
            // What was begun is of no use; that it cannot be removed changes nothing.
            drop(fs::remove_file(&unfinished));
        }
        done?;
        File::open(&folder)?.sync_all()
    });
    written.map_err(|source| MapFileError::File { path, source })?;
    Ok((version, name))
}

/// Reads a map of the data folder, and its version.
///
/// # Errors
/// [`MapFileError`].
pub fn read(data: &Path, name: &str) -> Result<(RoadNetwork, String), MapFileError> {
    let path = data.join(FOLDER).join(name);
    match fs::read(&path) {
        Ok(bytes) => decode(&bytes).map_err(|source| MapFileError::Content { path, source }),
        Err(source) => Err(MapFileError::File { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roads::limit::tags::TaggedLimits;
    use crate::roads::{NodePlace, RoadClass, WayFlags, WayInput};

    fn network() -> RoadNetwork {
        let place = |lat_e7| NodePlace {
            lat_e7,
            lon_e7: 1_129_000_000,
        };
        let way = WayInput {
            id: 5,
            class: RoadClass::Trunk,
            lanes: 0,
            layer: 0,
            flags: WayFlags::default(),
            forward: true,
            backward: true,
            name: String::new(),
            limits: TaggedLimits::default(),
            nodes: vec![1, 2],
        };
        RoadNetwork::build(
            &[(1, place(281_000_000)), (2, place(281_010_000))],
            vec![way],
        )
        .unwrap()
    }

    #[test]
    fn a_map_is_written_whole_and_read_again() {
        let data = tempfile::tempdir().unwrap();
        let (version, name) = write(data.path(), &network()).unwrap();
        let (back, same) = read(data.path(), &name).unwrap();
        assert_eq!(version, same);
        assert_eq!(back.len(), 2);
        assert_eq!(write(data.path(), &network()).unwrap().0, version);
        let files = fs::read_dir(data.path().join(FOLDER)).unwrap();
        assert_eq!(files.count(), 1);
    }

    #[test]
    fn a_cut_or_absent_file_is_told() {
        let data = tempfile::tempdir().unwrap();
        let (_, name) = write(data.path(), &network()).unwrap();
        let path = data.path().join(FOLDER).join(&name);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = read(data.path(), &name).unwrap_err();
        assert!(matches!(error, MapFileError::Content { .. }), "{error}");
        let error = read(data.path(), "nothing.map").unwrap_err();
        assert!(matches!(error, MapFileError::File { .. }), "{error}");
    }
}
