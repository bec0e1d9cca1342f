//! OpenStreetMap extracts: `.osm.pbf` and `.osm`.
//!
//! Two passes: the first finds the roads and the nodes that they use, the second the places of these
//! nodes, so that memory is for the roads and not for the whole extract. What cannot be used is
//! skipped and counted; a file that is no extract, is cut or holds no road gives an error and no map.

mod extract;
mod pbf;
mod ways;
mod xml;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::roads::{BuildError, NodePlace, RoadNetwork, WayInput};

use extract::{Found, Source};

/// What an extract held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Roads that can be driven.
    pub roads: u64,
    /// Of these, with a posted limit.
    pub roads_with_limit: u64,
    /// Of these, with nodes that the extract does not hold.
    pub roads_incomplete: u64,
    /// Nodes that roads use and the extract does not hold.
    pub nodes_missing: u64,
    /// Values of limits that are none, such as `fast`.
    pub limits_bad: u64,
    /// Directed segments.
    pub segments: u64,
    /// Nodes of segments.
    pub nodes: u64,
}

/// Why an extract gives no map.
#[derive(Debug, thiserror::Error)]
pub enum OsmError {
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The name says neither format.
    #[error("{} is neither .osm.pbf nor .osm", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The file is cut or damaged, or something else than its name says.
    #[error("{} is cut or damaged: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        reason: String,
    },
    /// What was read makes no map.
    #[error("{} makes no road map", .path.display())]
    Build {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: BuildError,
    },
}

/// Passes over the file.
pub const PASSES: u64 = 2;

/// Reads an extract; `progress` is told the bytes read since the last call, over all [`PASSES`],
/// from several threads.
///
/// # Errors
/// [`OsmError`].
pub fn read(
    path: &Path,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(RoadNetwork, Summary), OsmError> {
    let extract = extract::Extract {
        path,
        source: Source::of(path)?,
        progress,
    };
    let Found {
        mut ways,
        mut summary,
    } = extract.ways()?;
    let mut wanted: Vec<i64> = ways
        .iter()
        .flat_map(|way| way.nodes.iter().copied())
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.shrink_to_fit();
    let nodes = extract.nodes(&wanted)?;
    summary.nodes_missing = (wanted.len() - nodes.len()) as u64;
    summary.roads_incomplete = incomplete(&ways, &nodes);
    drop(wanted);
    ways.shrink_to_fit();
    let network = RoadNetwork::build(&nodes, ways).map_err(|source| OsmError::Build {
        path: path.to_owned(),
        source,
    })?;
    summary.segments = network.len() as u64;
    summary.nodes = network.node_count() as u64;
    Ok((network, summary))
}

/// Ways with nodes that are not there.
fn incomplete(ways: &[WayInput], nodes: &[(i64, NodePlace)]) -> u64 {
    let is_known = |id: &i64| nodes.binary_search_by_key(id, |node| node.0).is_ok();
    ways.iter()
        .filter(|way| !way.nodes.iter().all(is_known))
        .count() as u64
}

/// Opens the file for one pass.
fn open<'p>(
    path: &Path,
    progress: &'p (dyn Fn(u64) + Sync),
) -> Result<impl Read + Send + use<'p>, OsmError> {
    let file = File::open(path).map_err(|source| OsmError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(std::io::BufReader::with_capacity(
        1 << 18,
        Counted { file, progress },
    ))
}

/// Tells how far a file was read.
struct Counted<'p> {
    file: File,
    progress: &'p (dyn Fn(u64) + Sync),
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        (self.progress)(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
