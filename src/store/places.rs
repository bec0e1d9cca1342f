//! Routes and areas: their rows and the stored form of their shapes.

use sqlx::any::AnyRow;

use super::StoreError;
use super::rows::Columns as _;
use crate::model::route::{Area, Route};
use crate::model::{Position, Speed};

/// Columns: id, name, `half_width_m`, line, `limit_mkmh`, road, stops.
pub(super) fn route(row: &AnyRow) -> Result<Route, StoreError> {
    let mut bytes = row.bytes(3)?;
    let line = take_points(&mut bytes, usize::MAX).ok_or(StoreError::damaged("route line"))?;
    // Rows from before there were stops have none.
    let mut stops = row.cell::<Option<&[u8]>>(6)?.unwrap_or_default();
    let stops = take_points(&mut stops, usize::MAX).ok_or(StoreError::damaged("route stops"))?;
    Ok(Route {
        id: row.text(0)?,
        name: row.text(1)?,
        half_width_m: row.cell(2)?,
        line,
        stops,
        limit: row.number_opt(4, "limit")?.map(Speed::from_mkmh),
        road: row.name_opt(5, "road kind")?,
    })
}

/// Columns: id, name, kind, `limit_mkmh`, `begin_min`, `end_min`, classes, polygons.
pub(super) fn area(row: &AnyRow) -> Result<Area, StoreError> {
    let begin = row.number_opt(4, "area hours")?;
    let end = row.number_opt(5, "area hours")?;
    let classes = row
        .text_opt(6)?
        .map(|names| {
            let names = names.split_whitespace();
            names
                .map(|name| name.parse().or(Err(StoreError::damaged("vehicle class"))))
                .collect()
        })
        .transpose()?;
    Ok(Area {
        id: row.text(0)?,
        name: row.text(1)?,
        kind: row.name(2, "area kind")?,
        limit: row.number_opt(3, "limit")?.map(Speed::from_mkmh),
        hours: begin.zip(end),
        classes,
        polygons: polygons_from_bytes(row.bytes(7)?).ok_or(StoreError::damaged("polygons"))?,
    })
}

/// The stored form of a line.
pub(super) fn line_to_bytes(line: &[Position]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len() * 8);
    put_points(&mut bytes, line);
    bytes
}

/// The points of a stored line; `None` when it is cut.
pub(super) fn points_from_bytes(mut bytes: &[u8]) -> Option<Vec<Position>> {
    take_points(&mut bytes, usize::MAX)
}

/// The stored form of polygons.
pub(super) fn polygons_to_bytes(polygons: &[Vec<Vec<Position>>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_count(&mut bytes, polygons.len());
    for rings in polygons {
        put_count(&mut bytes, rings.len());
        for ring in rings {
            put_count(&mut bytes, ring.len());
            put_points(&mut bytes, ring);
        }
    }
    bytes
}

fn polygons_from_bytes(mut bytes: &[u8]) -> Option<Vec<Vec<Vec<Position>>>> {
    let bytes = &mut bytes;
    let mut polygons = Vec::new();
    for _ in 0..take_u32(bytes)? {
        let mut rings = Vec::new();
        for _ in 0..take_u32(bytes)? {
            let points = usize::try_from(take_u32(bytes)?).ok()?;
            rings.push(take_points(bytes, points)?);
        }
        polygons.push(rings);
    }
    bytes.is_empty().then_some(polygons)
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    // An import file is far below four thousand million points.
    bytes.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_points(bytes: &mut Vec<u8>, points: &[Position]) {
    for point in points {
        bytes.extend(point.lat_udeg.to_le_bytes());
        bytes.extend(point.lon_udeg.to_le_bytes());
    }
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*head))
}

/// Takes `count` points; with `usize::MAX` all that there are.
fn take_points(bytes: &mut &[u8], count: usize) -> Option<Vec<Position>> {
    let mut points = Vec::with_capacity(count.min(bytes.len() / 8));
    while points.len() < count && !(count == usize::MAX && bytes.is_empty()) {
        let lat = take_u32(bytes)?;
        let lon = take_u32(bytes)?;
        points.push(Position {
            lat_udeg: lat.cast_signed(),
            lon_udeg: lon.cast_signed(),
        });
    }
    Some(points)
}

/// A stored limit.
pub(super) fn limit_mkmh(limit: Option<Speed>) -> Option<i64> {
    limit.map(|limit| i64::from(limit.mkmh()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_come_back_and_damage_is_seen() {
        let point = |lat_udeg, lon_udeg| Position { lat_udeg, lon_udeg };
        let ring = vec![point(1, -2), point(i32::MIN, i32::MAX), point(0, 0)];
        let polygons = vec![vec![ring.clone(), ring], vec![]];
        let bytes = polygons_to_bytes(&polygons);
        assert_eq!(polygons_from_bytes(&bytes), Some(polygons));
        for length in 0..bytes.len() {
            assert_eq!(polygons_from_bytes(&bytes[..length]), None);
        }
        assert_eq!(polygons_from_bytes(&[0xff; 64]), None);
    }
}
