//! OpenStreetMap extracts: `.osm.pbf` and `.osm`.
//!
//! Two passes: the first finds the roads and the nodes that they use, the second the places of these
//! nodes, so that memory is for the roads and not for the whole extract. The roads in towns are told from
//! the others by how dense they are (`roads::urban`). What cannot be used is
//! skipped and counted; a file that is no extract, is cut or holds no road gives an error and no map.

mod extract;
mod look;
mod pbf;
mod ways;
mod xml;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::roads::urban::{self, Urban};
use crate::roads::{BuildError, RoadNetwork, WayInput};

use extract::{Found, Source};

/// What an extract held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Roads that can be driven.
    pub roads: u64,
    /// Of these, with a posted limit.
    pub roads_with_limit: u64,
    /// What is urban of them.
    pub urban: Urban,
    /// Of these, with nodes that the extract does not hold.
    pub roads_incomplete: u64,
    /// Nodes that roads use and the extract does not hold.
    pub nodes_missing: u64,
    /// Values of limits that are none, such as `fast`.
    pub limits_bad: u64,
    /// Pieces of roads that are too long to be any.
    pub pieces_too_long: u64,
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
    /// The file is something else than its name says.
    #[error("{} is {found}", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
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
    look::look(path, extract.source)?;
    let Found {
        mut ways,
        mut summary,
    } = extract.ways()?;
    unique(&mut ways);
    let mut wanted: Vec<i64> = ways
        .iter()
        .flat_map(|way| way.nodes.iter().copied())
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.shrink_to_fit();
    let nodes = extract.nodes(&wanted)?;
    summary.nodes_missing = (wanted.len() - nodes.len()) as u64;
    drop(wanted);
    let is_known = |id: &i64| nodes.binary_search_by_key(id, |node| node.0).is_ok();
    let is_whole = |way: &&WayInput| way.nodes.iter().all(is_known);
    summary.roads_incomplete = (ways.len() - ways.iter().filter(is_whole).count()) as u64;
    // A way of which the extract has no two nodes in a row leads nowhere.
    let is_driven = |pair: &[i64]| pair.iter().all(is_known);
    ways.retain(|way| way.nodes.windows(2).any(is_driven));
    let has_limit = |way: &&WayInput| !way.limits.is_empty();
    summary.roads = ways.len() as u64;
    summary.roads_with_limit = ways.iter().filter(has_limit).count() as u64;
    ways.shrink_to_fit();
    let mut network = RoadNetwork::build(&nodes, ways).map_err(|source| OsmError::Build {
        path: path.to_owned(),
        source,
    })?;
    summary.pieces_too_long = network.pieces_too_long();
    summary.urban = urban::mark(&mut network);
    summary.segments = network.len() as u64;
    summary.nodes = network.node_count() as u64;
    Ok((network, summary))
}

/// Leaves each way once, as extracts that were laid together may not: whichever thread read it first, the same.
fn unique(ways: &mut Vec<WayInput>) {
    let content = |way: &WayInput| format!("{way:?}");
    ways.sort_unstable_by(|one, other| {
        let by_id = one.id.cmp(&other.id);
        by_id.then_with(|| content(one).cmp(&content(other)))
    });
    ways.dedup_by_key(|way| way.id);
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
