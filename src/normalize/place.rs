//! A place as its source gives it, in the datum that is declared for the source, to WGS-84.

use crate::geo::datum::to_wgs84;
use crate::model::{Datum, Position};
use crate::protocol::jt808::location::{STATUS_COORDINATES_ENCRYPTED, STATUS_POSITIONED};

/// Whether a record has a place at all: its status says so, it is not encrypted, and it is not (0, 0).
pub fn is_given(status: u32, place: Position) -> bool {
    let positioned = status & (STATUS_POSITIONED | STATUS_COORDINATES_ENCRYPTED);
    positioned == STATUS_POSITIONED && place != Position::default()
}

/// The place of a record in WGS-84; every source comes through here, once.
///
/// What is no place, or none on earth, is of no datum and stays as it was sent.
pub fn wgs84(datum: Datum, status: u32, given: Position) -> Position {
    if datum == Datum::Wgs84 || !is_given(status, given) || !given.is_on_earth() {
        return given;
    }
    let (lat, lon) = to_wgs84(datum, given.lat(), given.lon());
    Position::nearest(lat, lon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::datum::from_wgs84;

    fn check(datum: Datum, status: u32, lat: f64, lon: f64, expected: (f64, f64)) {
        let found = wgs84(datum, status, Position::nearest(lat, lon));
        // A millionth of a degree is what a place holds.
        let off = (found.lat() - expected.0)
            .abs()
            .max((found.lon() - expected.1).abs());
        assert!(off < 1.5e-6, "{datum} {status} {lat} {lon}: {found:?}");
    }

    #[test]
    fn a_place_in_china_is_moved_by_its_datum() {
        let place = (22.537_619, 114.058_209);
        for datum in Datum::ALL.iter().copied() {
            let (lat, lon) = from_wgs84(datum, place.0, place.1);
            check(datum, 3, lat, lon, place);
        }
        check(Datum::Gcj02, 3, 22.534_902, 114.063_323, place);
    }

    #[test]
    fn what_is_no_place_stays_as_it_was_sent() {
        let (lat, lon) = (22.534_902, 114.063_323);
        for datum in Datum::ALL.iter().copied() {
            let nowhere = Position::default();
            assert_eq!(wgs84(datum, 3, nowhere), nowhere);
            check(datum, 1, lat, lon, (lat, lon));
            check(
                datum,
                3 | STATUS_COORDINATES_ENCRYPTED,
                lat,
                lon,
                (lat, lon),
            );
            check(datum, 3, 120.5, lon, (120.5, lon));
            check(datum, 3, 60.17, 24.94, (60.17, 24.94));
        }
    }
}
