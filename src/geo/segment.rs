//! One directed segment of a route line, in a plane of its own.

use crate::model::Position;

use super::DEGREE_M;

/// A directed segment between two neighbouring points of a route line.
///
/// The plane around it is scaled with the cosine of its middle latitude, so
/// a distance near the segment is right to 1 part in 1,000 within 10 km and better nearer by.
/// Looking at a segment costs what fetching it costs: single precision keeps it small, and is right
/// to a millimetre up to 10 km.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Segment {
    from: Position,
    /// From the first point to the second, north. Unit: m.
    north_m: f32,
    /// From the first point to the second, east. Unit: m.
    east_m: f32,
    /// Metres of one degree of longitude.
    degree_east_m: f32,
    /// Length of the route before this segment; to 6 cm within 1,000 km. Unit: m.
    progress_m: f32,
}

/// Where a place lies beside a segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Foot {
    /// Squared distance to the nearest point of the segment. Unit: m².
    pub(super) distance_2: f64,
    /// Share of the segment that lies before that point, `0..=1`.
    pub(super) share: f64,
}

impl Segment {
    /// The segment from `from` to `to`, `progress_m` along its route.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "precise enough; see the type"
    )]
    pub(super) fn new(from: Position, to: Position, progress_m: f64) -> Self {
        let north = to.lat() - from.lat();
        let middle = (from.lat() + north / 2.0).to_radians();
        let degree_east_m = DEGREE_M * middle.cos();
        Self {
            from,
            north_m: (north * DEGREE_M) as f32,
            east_m: ((to.lon() - from.lon()) * degree_east_m) as f32,
            degree_east_m: degree_east_m as f32,
            progress_m: progress_m as f32,
        }
    }

    /// Its length. Unit: m.
    pub(super) fn length_m(&self) -> f64 {
        f64::from(self.north_m).hypot(f64::from(self.east_m))
    }

    /// Length of the route before this segment. Unit: m.
    pub(super) fn progress_m(&self) -> f64 {
        f64::from(self.progress_m)
    }

    /// Metres of one degree of longitude in its plane.
    pub(super) fn degree_east_m(&self) -> f64 {
        f64::from(self.degree_east_m)
    }

    /// Corners: (lat, lon) of both ends. Unit: degrees.
    pub(super) fn ends(&self) -> [(f64, f64); 2] {
        let (lat, lon) = (self.from.lat(), self.from.lon());
        let north = f64::from(self.north_m) / DEGREE_M;
        let east = f64::from(self.east_m) / self.degree_east_m();
        [(lat, lon), (lat + north, lon + east)]
    }

    /// The nearest point of the segment to a place.
    #[inline]
    pub(super) fn foot(&self, place: Position) -> Foot {
        let udeg = |to: i32, from: i32| f64::from(to) - f64::from(from);
        let north = udeg(place.lat_udeg, self.from.lat_udeg) * (DEGREE_M / 1e6);
        let east = udeg(place.lon_udeg, self.from.lon_udeg) * (self.degree_east_m() / 1e6);
        let (north_m, east_m) = (f64::from(self.north_m), f64::from(self.east_m));
        let length_2 = north_m * north_m + east_m * east_m;
        let share = if length_2 > 0.0 {
            ((north * north_m + east * east_m) / length_2).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let off_north = north - share * north_m;
        let off_east = east - share * east_m;
        Foot {
            distance_2: off_north * off_north + off_east * off_east,
            share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance and the progress of a place beside a kilometre that runs north.
    fn check(lat: f64, lon: f64, distance_m: f64, progress_m: f64) {
        let at = |lat, lon| Position::from_degrees(lat, lon).unwrap();
        let segment = Segment::new(at(28.0, 112.0), at(28.01, 112.0), 500.0);
        let foot = segment.foot(at(lat, lon));
        let progress = segment.progress_m() + foot.share * segment.length_m();
        assert!(
            (foot.distance_2.sqrt() - distance_m).abs() < 0.5,
            "{foot:?}"
        );
        assert!((progress - progress_m).abs() < 0.5, "{progress}");
    }

    #[test]
    fn distance_is_across_the_segment_and_progress_along_it() {
        check(28.005, 112.001, 98.18, 500.0 + 555.97);
        check(28.005, 112.0, 0.0, 500.0 + 555.97);
    }

    #[test]
    fn past_an_end_the_distance_is_to_the_end() {
        check(27.999, 112.0, 111.19, 500.0);
        check(28.011, 112.0, 111.19, 500.0 + 1111.95);
    }

    #[test]
    fn a_segment_without_length_is_a_point() {
        let at = Position::from_degrees(28.0, 112.0).unwrap();
        let foot = Segment::new(at, at, 0.0).foot(at);
        assert_eq!((foot.distance_2, foot.share), (0.0, 0.0));
    }
}
