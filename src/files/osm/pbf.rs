//! The `.osm.pbf` format: blobs are decoded in parallel.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use osmpbf::{Blob, BlobDecode, BlobReader, Element, PrimitiveBlock};
use rayon::iter::{ParallelBridge as _, ParallelIterator as _};

use super::extract::{Found, place_of_nano};
use crate::roads::NodePlace;

/// All roads.
pub(super) fn ways(reader: impl Read + Send) -> Result<Found, String> {
    let parts = each_block(reader, |block| {
        let mut found = Found::default();
        block.for_each_element(|element| {
            if let Element::Way(way) = element {
                found.add_way(way.id(), way.tags(), || way.refs().collect());
            }
        });
        found
    })?;
    let mut all = Found::default();
    for part in parts {
        all.add(part);
    }
    Ok(all)
}

/// The places of the wanted nodes, in any order.
pub(super) fn nodes(
    reader: impl Read + Send,
    wanted: &[i64],
) -> Result<Vec<(i64, NodePlace)>, String> {
    let parts = each_block(reader, |block| {
        let mut found = Vec::new();
        let mut cursor = Cursor { wanted, at: 0 };
        block.for_each_element(|element| {
            let (id, lat, lon) = match element {
                Element::Node(node) => (node.id(), node.nano_lat(), node.nano_lon()),
                Element::DenseNode(node) => (node.id(), node.nano_lat(), node.nano_lon()),
                Element::Way(_) | Element::Relation(_) => return,
            };
            if cursor.wants(id)
                && let Some(place) = place_of_nano(lat, lon)
            {
                found.push((id, place));
            }
        });
        found
    })?;
    Ok(parts.concat())
}

/// Steps that are tried before a new search.
const STEPS: usize = 64;

/// Finds identifiers that come mostly in order.
struct Cursor<'a> {
    wanted: &'a [i64],
    at: usize,
}

impl Cursor<'_> {
    fn wants(&mut self, id: i64) -> bool {
        let near = self
            .wanted
            .get(self.at..)
            .unwrap_or_default()
            .iter()
            .take(STEPS);
        let step = near.clone().position(|wanted| *wanted >= id);
        let after_before = self.at == 0
            || self
                .wanted
                .get(self.at - 1)
                .is_some_and(|before| *before < id);
        self.at = match step {
            Some(step) if after_before => self.at + step,
            _ => self.wanted.partition_point(|wanted| *wanted < id),
        };
        self.wanted.get(self.at) == Some(&id)
    }
}

/// What `read` finds in every block of data, blocks in parallel and in any order.
fn each_block<T: Send>(
    reader: impl Read + Send,
    read: impl Fn(&PrimitiveBlock) -> T + Sync,
) -> Result<Vec<T>, String> {
    BlobReader::new(reader)
        .par_bridge()
        .map(|blob| decode(blob, &read))
        .filter_map(Result::transpose)
        .collect()
}

/// Decodes one blob; `None` for one without data.
///
/// The decoder trusts lengths inside a block and panics on some that are wrong: that is damage too.
fn decode<T>(
    blob: osmpbf::Result<Blob>,
    read: impl Fn(&PrimitiveBlock) -> T,
) -> Result<Option<T>, String> {
    let blob = blob.map_err(|error| error.to_string())?;
    let decoded = catch_unwind(AssertUnwindSafe(|| match blob.decode() {
        Ok(BlobDecode::OsmData(block)) => Ok(Some(read(&block))),
        Ok(BlobDecode::OsmHeader(_) | BlobDecode::Unknown(_)) => Ok(None),
        Err(error) => Err(error.to_string()),
    }));
    decoded.unwrap_or_else(|_panic| Err("a block of data contradicts itself".to_owned()))
}
