//! Routes.

use super::area::{AREA_TIMES, Place, present};
use super::header::Edition;
use crate::protocol::bcd::BcdTime;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Set a route.
pub const SET_ROUTE: u16 = 0x8606;
/// Delete routes.
pub const DELETE_ROUTES: u16 = 0x8607;

/// Point attribute bit: the travel time is given.
pub const POINT_TRAVEL: u8 = 1;
/// Point attribute bit: the speed limit is given.
pub const POINT_SPEED: u8 = 1 << 1;
/// Point attribute bit: southern latitude.
pub const POINT_SOUTH: u8 = 1 << 2;
/// Point attribute bit: western longitude.
pub const POINT_WEST: u8 = 1 << 3;

/// A route, 0x8606.
///
/// Shape: DWORD id, WORD attributes, times, WORD n, points; 2019 WORD length,
/// name. 2011: BYTE count here after n.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Unique among routes.
    pub id: u32,
    /// Bits: 0 times, 2 to 5 alarms on entry and exit.
    pub attributes: u16,
    /// Begin and end, with attribute bit 0. Unit: GMT+8.
    pub times: Option<(BcdTime, BcdTime)>,
    /// Points in order.
    pub points: Vec<RoutePoint>,
    /// Name, 2019.
    pub name: String,
}

/// A point of a route, and the segment from it to the next.
///
/// Shape: DWORD point id, DWORD segment id, place, BYTE width, BYTE attributes,
/// travel times, speed. 2011 has no point id and one travel time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutePoint {
    /// Number of the point; absent in 2011.
    pub point_id: u32,
    /// Number of the segment.
    pub segment_id: u32,
    /// Where.
    pub place: Place,
    /// Width of the segment. Unit: metre.
    pub width_m: u8,
    /// Bits: 0 travel time, 1 speed, 2 south, 3 west.
    pub attributes: u8,
    /// Longest travel time, with bit 0 (2011: the only one). Unit: second.
    pub travel_s_max: Option<u16>,
    /// Shortest travel time, with bit 0. Unit: second.
    pub travel_s_min: Option<u16>,
    /// Highest speed, with bit 1. Unit: km/h.
    pub speed_kmh_max: Option<u16>,
    /// How long it may be passed, with bit 1. Unit: second.
    pub over_s: Option<u8>,
    /// Highest speed at night, 2019 with bit 1. Unit: km/h.
    pub night_speed_kmh_max: Option<u16>,
}

impl Route {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        let id = r.u32()?;
        let attributes = r.u16()?;
        let times = if attributes & AREA_TIMES != 0 {
            Some((r.time()?, r.time()?))
        } else {
            None
        };
        let total = r.u16()?;
        let count = match edition {
            Edition::V2011 => u16::from(r.u8()?),
            Edition::V2013 | Edition::V2019 => total,
        };
        let points = (0..count)
            .map(|_| RoutePoint::decode(r, edition))
            .collect::<Result<_, _>>()?;
        let name = match edition {
            Edition::V2011 | Edition::V2013 => String::new(),
            Edition::V2019 => r.text_u16()?.decode_lossy().into_owned(),
        };
        Ok(Self {
            id,
            attributes,
            times,
            points,
            name,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError`], when a value does not fit or is missing.
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32(self.id);
        w.u16(self.attributes);
        if self.attributes & AREA_TIMES != 0 {
            let (start, end) = present("times", self.times)?;
            w.time(start);
            w.time(end);
        }
        w.count_u16("points", self.points.len())?;
        if edition == Edition::V2011 {
            w.count_u8("points", self.points.len())?;
        }
        for point in &self.points {
            point.encode(edition, w)?;
        }
        match edition {
            Edition::V2011 | Edition::V2013 => Ok(()),
            Edition::V2019 => w.text_u16("name", &self.name),
        }
    }
}

impl RoutePoint {
    fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        let mut point = Self::default();
        if edition != Edition::V2011 {
            point.point_id = r.u32()?;
        }
        point.segment_id = r.u32()?;
        point.place = Place::decode(r)?;
        point.width_m = r.u8()?;
        point.attributes = r.u8()?;
        if point.attributes & POINT_TRAVEL != 0 {
            point.travel_s_max = Some(r.u16()?);
            if edition != Edition::V2011 {
                point.travel_s_min = Some(r.u16()?);
            }
        }
        if point.attributes & POINT_SPEED != 0 {
            point.speed_kmh_max = Some(r.u16()?);
            point.over_s = Some(r.u8()?);
            if edition == Edition::V2019 {
                point.night_speed_kmh_max = Some(r.u16()?);
            }
        }
        Ok(point)
    }

    fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        if edition != Edition::V2011 {
            w.u32(self.point_id);
        }
        w.u32(self.segment_id);
        self.place.encode(w);
        w.u8(self.width_m);
        w.u8(self.attributes);
        if self.attributes & POINT_TRAVEL != 0 {
            w.u16(present("max_travel_s", self.travel_s_max)?);
            if edition != Edition::V2011 {
                w.u16(present("min_travel_s", self.travel_s_min)?);
            }
        }
        if self.attributes & POINT_SPEED != 0 {
            w.u16(present("max_speed_kmh", self.speed_kmh_max)?);
            w.u8(present("over_speed_s", self.over_s)?);
            if edition == Edition::V2019 {
                w.u16(present("night_max_speed_kmh", self.night_speed_kmh_max)?);
            }
        }
        Ok(())
    }
}
