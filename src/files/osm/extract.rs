//! One extract and the two questions that are asked of it.

use std::path::Path;

use super::{OsmError, Summary, pbf, xml};
use crate::roads::{NodePlace, WayInput};

/// Format of an extract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Protocol buffers.
    Pbf,
    /// XML.
    Xml,
}

impl Source {
    /// By the file's name.
    pub(super) fn of(path: &Path) -> Result<Self, OsmError> {
        let is = |wanted: &str| {
            path.extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
        };
        if is("pbf") {
            Ok(Self::Pbf)
        } else if is("osm") || is("xml") {
            Ok(Self::Xml)
        } else {
            Err(OsmError::Format {
                path: path.to_owned(),
            })
        }
    }
}

/// Roads found in a part of an extract.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) ways: Vec<WayInput>,
    pub(super) summary: Summary,
}

impl Found {
    /// Takes up what another part had.
    pub(super) fn add(&mut self, other: Self) {
        self.ways.extend(other.ways);
        self.summary.limits_bad += other.summary.limits_bad;
    }

    /// Takes up a way when it is a road.
    pub(super) fn add_way<'a>(
        &mut self,
        id: i64,
        tags: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        nodes: impl FnOnce() -> Vec<i64>,
    ) {
        let Some(read) = super::ways::read(id, tags) else {
            return;
        };
        let way = WayInput {
            nodes: nodes(),
            ..read.way
        };
        self.summary.limits_bad += u64::from(read.limits_bad);
        self.ways.push(way);
    }
}

/// An extract.
#[derive(Clone, Copy)]
pub(super) struct Extract<'a> {
    pub(super) path: &'a Path,
    pub(super) source: Source,
    pub(super) progress: &'a (dyn Fn(u64) + Sync),
}

impl Extract<'_> {
    /// All roads.
    pub(super) fn ways(&self) -> Result<Found, OsmError> {
        let reader = super::open(self.path, self.progress)?;
        let found = match self.source {
            Source::Pbf => self.whole().and_then(|()| pbf::ways(reader)),
            Source::Xml => xml::ways(reader),
        };
        found.map_err(|reason| self.damaged(reason))
    }

    /// The places of the wanted nodes that are there, in order of their identifiers.
    pub(super) fn nodes(&self, wanted: &[i64]) -> Result<Vec<(i64, NodePlace)>, OsmError> {
        let reader = super::open(self.path, self.progress)?;
        let found = match self.source {
            Source::Pbf => pbf::nodes(reader, wanted),
            Source::Xml => xml::nodes(reader, wanted),
        };
        let mut nodes = found.map_err(|reason| self.damaged(reason))?;
        nodes.sort_unstable();
        nodes.dedup_by_key(|node| node.0);
        Ok(nodes)
    }

    /// Whether the last blob ends where the file does: its reader takes a file that ends within the length of a
    /// blob for whole.
    fn whole(&self) -> Result<(), String> {
        let file = std::fs::File::open(self.path).map_err(|error| error.to_string())?;
        pbf::whole(file)
    }

    fn damaged(&self, reason: String) -> OsmError {
        OsmError::Damaged {
            path: self.path.to_owned(),
            reason,
        }
    }
}

/// A place from 1e-9 degrees; `None` outside the earth.
pub(super) fn place_of_nano(lat: i64, lon: i64) -> Option<NodePlace> {
    let e7 = |nano: i64, most: i64| {
        let e7 = nano.checked_add(50)?.div_euclid(100);
        i32::try_from(e7)
            .ok()
            .filter(|e7| i64::from(*e7).abs() <= most)
    };
    Some(NodePlace {
        lat_e7: e7(lat, 900_000_000)?,
        lon_e7: e7(lon, 1_800_000_000)?,
    })
}
