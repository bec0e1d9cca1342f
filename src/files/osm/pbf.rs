//! The `.osm.pbf` format: blobs are decoded in parallel.

use std::fs::File;
use std::io::{BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use osmpbf::{Blob, BlobDecode, BlobReader, Element, HeaderBlock, PrimitiveBlock};
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

/// Bytes of the header of a blob at most. Source: the format's own bound.
const HEADER_BYTES_MAX: u32 = 64 * 1024;

/// Whether the blobs of a file end where it does.
pub(super) fn whole(file: File) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    let length = file.metadata().map_err(told)?.len();
    let mut reader = BufReader::new(file);
    let mut at = 0_u64;
    while at < length {
        let cut = |_short| "the file ends inside a blob".to_owned();
        let mut size = [0; 4];
        reader.read_exact(&mut size).map_err(cut)?;
        let size = u32::from_be_bytes(size);
        if size > HEADER_BYTES_MAX {
            return Err(format!("a blob header of {size} bytes"));
        }
        let mut header = vec![0; size as usize];
        reader.read_exact(&mut header).map_err(cut)?;
        let data = data_bytes(&header).ok_or("a blob header does not tell a length")?;
        at += 4 + u64::from(size) + u64::from(data);
        reader.seek_relative(i64::from(data)).map_err(told)?;
    }
    if at == length {
        Ok(())
    } else {
        Err("the file ends inside a blob".to_owned())
    }
}

/// Bytes of the blob after a header: its field 3. Source: `fileformat.proto` of the format.
fn data_bytes(mut header: &[u8]) -> Option<u32> {
    let mut found = None;
    while !header.is_empty() {
        let key = varint(&mut header)?;
        match key & 7 {
            0 if key >> 3 == 3 => found = Some(u32::try_from(varint(&mut header)?).ok()?),
            0 => drop(varint(&mut header)?),
            2 => {
                let bytes = usize::try_from(varint(&mut header)?).ok()?;
                header = header.get(bytes..)?;
            }
            1 => header = header.get(8..)?,
            5 => header = header.get(4..)?,
            _ => return None,
        }
    }
    found
}

/// A number of seven bits a byte, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for place in 0..10 {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f).checked_shl(7 * place)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// What a file may demand of its reader.
const FEATURES: [&str; 2] = ["OsmSchema-V0.6", "DenseNodes"];

/// A file that keeps old versions, or demands what we do not know, would be misread.
fn check_header(header: &HeaderBlock) -> Result<(), String> {
    let mut demanded = header.required_features().iter();
    match demanded.find(|feature| !FEATURES.contains(&feature.as_str())) {
        Some(feature) => Err(format!("it demands {feature:?} of its reader")),
        None => Ok(()),
    }
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
        Ok(BlobDecode::OsmHeader(header)) => check_header(&header).map(|()| None),
        Ok(BlobDecode::Unknown(_)) => Ok(None),
        Err(error) => Err(error.to_string()),
    }));
    decoded.unwrap_or_else(|_panic| Err("a block of data contradicts itself".to_owned()))
}
