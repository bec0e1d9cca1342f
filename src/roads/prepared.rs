//! The saved form of a network: what an import makes and a server loads.
//!
//! ```text
//! bytes 0..8     magic and version of the form
//! 6 x u64        numbers of nodes, segments, ways, names, bytes of names, bytes of limits
//! columns        one field of one kind of row after the other, little-endian
//! last 32 bytes  SHA-256 of all before
//! ```
//!
//! Columns of plain numbers are read as fast as memory is copied, without a cast that could be
//! unsafe. The first half of the check is the version of the map: it follows from the content
//! alone, so that the same extract gives the same version everywhere. There is no migration
//! between versions of the form: an extract can be imported again.

use sha2::{Digest as _, Sha256};

use crate::model::{RoadClass, Speed};

use super::index::Index;
use super::limit::hours::Window;
use super::limit::tags::{Direction, TaggedLimit, TaggedLimits, Value, Who};
use super::network::{BACKWARD, NONE, NodePlace, RoadNetwork, Segment, Way, WayFlags};

/// Name and version of the form.
const MAGIC: &[u8; 8] = b"RWROADS\x03";
/// Bytes of the check.
const CHECK_BYTES: usize = 32;
/// Numbers after the magic.
const COUNTS: usize = 6;

/// Why bytes are no prepared map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreparedError {
    /// They do not begin as this version's do.
    #[error(
        "this is no prepared road map of this version of the program: import the extract again"
    )]
    Magic,
    /// The check does not fit.
    #[error("the prepared road map is damaged: its check does not fit")]
    Check,
    /// The check fits, but the content contradicts itself.
    #[error("the prepared road map contradicts itself")]
    Content,
}

/// The saved form of a network, and its version.
pub fn encode(network: &RoadNetwork) -> (Vec<u8>, String) {
    let mut names = Vec::new();
    for name in &network.names {
        put_text(&mut names, name);
    }
    let mut limits = Vec::new();
    for set in &network.limits {
        put_limits(&mut limits, set);
    }
    let RoadNetwork {
        places,
        segments,
        ways,
        ..
    } = network;
    let mut bytes = Vec::with_capacity(places.len() * 20 + segments.len() * 16 + ways.len() * 24);
    bytes.extend(MAGIC);
    let counts: [usize; COUNTS] = [
        places.len(),
        segments.len(),
        ways.len(),
        network.names.len(),
        names.len(),
        limits.len(),
    ];
    bytes.extend(
        counts
            .iter()
            .flat_map(|count| (*count as u64).to_le_bytes()),
    );
    put_u32s(
        &mut bytes,
        places.iter().map(|place| place.lat_e7.cast_unsigned()),
    );
    put_u32s(
        &mut bytes,
        places.iter().map(|place| place.lon_e7.cast_unsigned()),
    );
    bytes.extend(network.node_ids.iter().flat_map(|id| id.to_le_bytes()));
    put_u32s(&mut bytes, network.first_out.iter().copied());
    put_u32s(&mut bytes, segments.iter().map(|segment| segment.way));
    put_u32s(&mut bytes, segments.iter().map(|segment| segment.to));
    put_u32s(&mut bytes, segments.iter().map(|segment| segment.twin));
    put_u32s(&mut bytes, segments.iter().map(|segment| segment.length_mm));
    for way in ways {
        put_way(&mut bytes, way);
    }
    bytes.extend(names);
    bytes.extend(limits);
    let check = Sha256::digest(&bytes);
    bytes.extend(check);
    (bytes, version_of(&check))
}

fn put_u32s(bytes: &mut Vec<u8>, numbers: impl Iterator<Item = u32>) {
    bytes.extend(numbers.flat_map(u32::to_le_bytes));
}

fn put_way(bytes: &mut Vec<u8>, way: &Way) {
    bytes.extend(way.id.to_le_bytes());
    bytes.extend([way.class.code(), way.lanes, way.layer.cast_unsigned(), 0]);
    put_u32s(
        bytes,
        [u32::from(way.flags.bits()), way.name, way.limits].into_iter(),
    );
}

/// The version that belongs to a check: its first 16 hexadecimal digits.
fn version_of(check: &[u8]) -> String {
    let digits = check
        .first_chunk()
        .map_or(0, |head| u64::from_be_bytes(*head));
    format!("{digits:016x}")
}

/// The network from its saved form, and its version.
///
/// # Errors
/// [`PreparedError`].
pub fn decode(bytes: &[u8]) -> Result<(RoadNetwork, String), PreparedError> {
    if !bytes.starts_with(MAGIC) {
        return Err(PreparedError::Magic);
    }
    let (saved, check) = bytes
        .split_last_chunk::<CHECK_BYTES>()
        .ok_or(PreparedError::Check)?;
    if Sha256::digest(saved)[..] != check[..] {
        return Err(PreparedError::Check);
    }
    let mut columns = Columns(saved.get(MAGIC.len()..).unwrap_or_default());
    let network = read(&mut columns)
        .filter(|_| columns.0.is_empty())
        .ok_or(PreparedError::Content)?;
    Ok((network, version_of(check)))
}

fn read(columns: &mut Columns<'_>) -> Option<RoadNetwork> {
    let counts = columns.u64s(COUNTS)?;
    let counts: Vec<usize> = counts
        .iter()
        .map(|count| usize::try_from(*count).ok())
        .collect::<Option<_>>()?;
    let [nodes, segments, ways, names, names_bytes, limits_bytes] = counts[..] else {
        return None;
    };
    let (lats, lons) = (columns.u32s(nodes)?, columns.u32s(nodes)?);
    let places: Vec<NodePlace> = lats
        .iter()
        .zip(&lons)
        .map(|(lat, lon)| NodePlace {
            lat_e7: lat.cast_signed(),
            lon_e7: lon.cast_signed(),
        })
        .collect();
    let node_ids = columns
        .u64s(nodes)?
        .into_iter()
        .map(u64::cast_signed)
        .collect();
    let first_out = columns.u32s(nodes.checked_add(1)?)?;
    let segments = read_segments(columns, segments, &first_out, nodes, ways)?;
    let ways = (0..ways)
        .map(|_| read_way(columns))
        .collect::<Option<Vec<Way>>>()?;
    let mut texts = Columns(columns.take(names_bytes)?);
    let names = (0..names)
        .map(|_| texts.text())
        .collect::<Option<Vec<Box<str>>>>()?;
    let mut sets = Columns(columns.take(limits_bytes)?);
    let mut limits = Vec::new();
    while !sets.0.is_empty() {
        limits.push(sets.limits()?);
    }
    let is_known =
        |way: &Way| (way.name as usize) < names.len() && (way.limits as usize) < limits.len();
    if !ways.iter().all(is_known) || segments.is_empty() {
        return None;
    }
    let index = Index::new(&places, &segments);
    Some(RoadNetwork {
        places,
        node_ids,
        first_out,
        segments,
        ways,
        names,
        limits,
        index,
        pieces_too_long: 0,
    })
}

/// Segments; where each begins follows from the first segments of the nodes.
fn read_segments(
    columns: &mut Columns<'_>,
    count: usize,
    first_out: &[u32],
    nodes: usize,
    ways: usize,
) -> Option<Vec<Segment>> {
    let [of_way, to, twin, length_mm] = [
        columns.u32s(count)?,
        columns.u32s(count)?,
        columns.u32s(count)?,
        columns.u32s(count)?,
    ];
    let is_sorted = first_out.first() == Some(&0) && first_out.is_sorted();
    if !is_sorted || first_out.last().map(|end| *end as usize) != Some(count) {
        return None;
    }
    let mut segments = Vec::with_capacity(count);
    for (from, ends) in (0_u32..).zip(first_out.windows(2)) {
        let [first, end] = *ends else { return None };
        for number in first as usize..end as usize {
            segments.push(Segment {
                way: of_way[number],
                from,
                to: to[number],
                twin: twin[number],
                length_mm: length_mm[number],
            });
        }
    }
    let is_known = |segment: &Segment| {
        ((segment.way & !BACKWARD) as usize) < ways
            && (segment.to as usize) < nodes
            && (segment.twin == NONE || (segment.twin as usize) < count)
    };
    segments.iter().all(is_known).then_some(segments)
}

fn read_way(columns: &mut Columns<'_>) -> Option<Way> {
    let id = columns.u64()?.cast_signed();
    let [class, lanes, layer, _] = *columns.take(4)?.first_chunk()?;
    let flags = columns.u32()?;
    Some(Way {
        id,
        class: RoadClass::from_code(class)?,
        lanes,
        layer: layer.cast_signed(),
        flags: WayFlags::from_bits(u16::try_from(flags).ok()?),
        name: columns.u32()?,
        limits: columns.u32()?,
    })
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(super::network::count(text.len()).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn put_limits(bytes: &mut Vec<u8>, set: &TaggedLimits) {
    bytes.extend(super::network::count(set.limits.len()).to_le_bytes());
    for limit in &set.limits {
        bytes.extend([
            limit.direction as u8,
            limit.who as u8,
            u8::from(limit.only_raises),
        ]);
        bytes.extend(super::network::count(limit.hours.len()).to_le_bytes());
        for window in &limit.hours {
            bytes.push(window.days);
            bytes.extend(window.begin_min.to_le_bytes());
            bytes.extend(window.end_min.to_le_bytes());
        }
        match &limit.value {
            Value::Speed(speed) => {
                bytes.push(0);
                bytes.extend(speed.mkmh().to_le_bytes());
            }
            Value::None => bytes.push(1),
            Value::Unknown => bytes.push(3),
            Value::Zone(zone) => {
                bytes.push(2);
                put_text(bytes, zone);
            }
        }
    }
}

/// Bytes from which columns are taken.
struct Columns<'a>(&'a [u8]);

impl<'a> Columns<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        let (head, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*head)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(*self.take(2)?.first_chunk()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.take(8)?.first_chunk()?))
    }

    fn u32s(&mut self, count: usize) -> Option<Vec<u32>> {
        let (numbers, _) = self.take(count.checked_mul(4)?)?.as_chunks();
        Some(
            numbers
                .iter()
                .map(|bytes| u32::from_le_bytes(*bytes))
                .collect(),
        )
    }

    fn u64s(&mut self, count: usize) -> Option<Vec<u64>> {
        let (numbers, _) = self.take(count.checked_mul(8)?)?.as_chunks();
        Some(
            numbers
                .iter()
                .map(|bytes| u64::from_le_bytes(*bytes))
                .collect(),
        )
    }

    fn text(&mut self) -> Option<Box<str>> {
        let length = self.u32()? as usize;
        let text = std::str::from_utf8(self.take(length)?).ok()?;
        Some(Box::from(text))
    }

    fn limits(&mut self) -> Option<TaggedLimits> {
        let count = self.u32()?;
        let limits = (0..count)
            .map(|_| self.limit())
            .collect::<Option<Vec<TaggedLimit>>>()?;
        Some(TaggedLimits { limits })
    }

    fn limit(&mut self) -> Option<TaggedLimit> {
        let direction = match self.u8()? {
            0 => Direction::Both,
            1 => Direction::Forward,
            2 => Direction::Backward,
            _ => return None,
        };
        let who = match self.u8()? {
            0 => Who::All,
            1 => Who::Bus,
            2 => Who::Goods,
            3 => Who::Hazmat,
            _ => return None,
        };
        let only_raises = match self.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let windows = self.u32()?;
        let hours = (0..windows)
            .map(|_| self.window())
            .collect::<Option<Vec<Window>>>()?;
        let value = match self.u8()? {
            0 => Value::Speed(Speed::from_mkmh(self.u32()?)),
            1 => Value::None,
            2 => Value::Zone(self.text()?),
            3 => Value::Unknown,
            _ => return None,
        };
        Some(TaggedLimit {
            direction,
            who,
            hours,
            value,
            only_raises,
        })
    }

    fn window(&mut self) -> Option<Window> {
        Some(Window {
            days: self.u8()?,
            begin_min: self.u16()?,
            end_min: self.u16()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roads::limit::tags;
    use crate::roads::network::tests::{grid, way};

    fn network() -> RoadNetwork {
        let nodes: Vec<(i64, NodePlace)> = (1..=4)
            .map(|id| {
                let lat_e7 = 280_000_000 + i32::try_from(id).unwrap() * 1000;
                let lon_e7 = -1_120_000_000;
                (id, NodePlace { lat_e7, lon_e7 })
            })
            .collect();
        let mut named = way(7, &[1, 2, 3]);
        named.name = "机场高速".to_owned();
        named.layer = -2;
        named.flags = WayFlags::URBAN.with(WayFlags::BRIDGE);
        let tags = [
            ("maxspeed", "CN:urban"),
            ("maxspeed:forward", "none"),
            ("maxspeed:hgv:conditional", "35 mph @ (Mo-Fr 22:00-06:00)"),
            ("maxspeed:bus:conditional", "80 @ (dry)"),
            ("maxspeed:variable", "yes"),
        ];
        named.limits = tags::read(tags).limits;
        RoadNetwork::build(&nodes, vec![named, way(-8, &[3, 4])]).unwrap()
    }

    #[test]
    fn a_network_comes_back_with_its_version() {
        for network in [network(), grid(12)] {
            let (bytes, version) = encode(&network);
            let (back, same) = decode(&bytes).unwrap();
            assert_eq!(version, same);
            assert_eq!(back.places, network.places);
            assert_eq!(back.node_ids, network.node_ids);
            assert_eq!(back.first_out, network.first_out);
            assert_eq!(back.segments, network.segments);
            assert_eq!(back.ways, network.ways);
            assert_eq!(back.names, network.names);
            assert_eq!(back.limits, network.limits);
            assert_eq!(encode(&back).0, bytes);
        }
    }

    /// In version 2 nothing was urban.
    #[test]
    fn a_map_of_an_older_version_is_refused() {
        let (mut bytes, _) = encode(&network());
        bytes[MAGIC.len() - 1] = 2;
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error, PreparedError::Magic);
        assert!(error.to_string().ends_with("import the extract again"));
    }

    #[test]
    fn damage_is_seen() {
        let (bytes, _) = encode(&network());
        assert_eq!(decode(b"something else").unwrap_err(), PreparedError::Magic);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err());
        }
        for at in (0..bytes.len()).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            assert!(decode(&damaged).is_err(), "{at}");
        }
    }

    #[test]
    fn content_that_contradicts_itself_is_refused_although_the_check_fits() {
        let (bytes, _) = encode(&network());
        let saved = &bytes[..bytes.len() - CHECK_BYTES];
        for at in MAGIC.len()..saved.len() {
            let mut wrong = saved.to_vec();
            wrong[at] = 0xff;
            let check = Sha256::digest(&wrong);
            wrong.extend(check);
            // Some values may be anything; none may make the reader or a query panic.
            if let Ok((network, _)) = decode(&wrong) {
                network.near(network.places[0], 50.0, |near| {
                    network.way_of(near.segment);
                });
            }
        }
    }
}
