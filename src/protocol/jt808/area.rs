//! Areas: circles, rectangles, polygons.

use super::header::Edition;
use super::information::{decode_count, encode_count};
use crate::protocol::bcd::BcdTime;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::reader::Reader;
use crate::protocol::writer::Writer;

/// Set circles.
pub const SET_CIRCLES: u16 = 0x8600;
/// Delete circles.
pub const DELETE_CIRCLES: u16 = 0x8601;
/// Set rectangles.
pub const SET_RECTANGLES: u16 = 0x8602;
/// Delete rectangles.
pub const DELETE_RECTANGLES: u16 = 0x8603;
/// Set a polygon.
pub const SET_POLYGON: u16 = 0x8604;
/// Delete polygons.
pub const DELETE_POLYGONS: u16 = 0x8605;
/// Query areas and routes (2019).
pub const QUERY_AREAS: u16 = 0x8608;
/// Areas and routes of the terminal (2019).
pub const AREAS: u16 = 0x0608;

/// Attribute bit: the times are given.
pub const AREA_TIMES: u16 = 1;
/// Attribute bit: the speed limit is given.
pub const AREA_SPEED: u16 = 1 << 1;
/// Attribute bit: southern latitude.
pub const AREA_SOUTH: u16 = 1 << 6;
/// Attribute bit: western longitude.
pub const AREA_WEST: u16 = 1 << 7;

/// A corner, a centre, a vertex.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Without sign; the attribute bits have it. Unit: 1e-6 degree.
    pub lat_udeg: u32,
    /// Without sign; the attribute bits have it. Unit: 1e-6 degree.
    pub lon_udeg: u32,
}

impl Place {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            lat_udeg: r.u32()?,
            lon_udeg: r.u32()?,
        })
    }

    pub(super) fn encode(self, w: &mut Writer<'_>) {
        w.u32(self.lat_udeg);
        w.u32(self.lon_udeg);
    }
}

/// What holds in an area, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AreaTerms {
    /// Bits: 0 times, 1 speed, 2 to 5 alarms on entry and exit, 6 south, 7 west, 8 doors, ...
    pub attributes: u16,
    /// Begin and end, with attribute bit 0; a date of zeros means every day. Unit: GMT+8.
    pub times: Option<(BcdTime, BcdTime)>,
    /// Highest speed, with attribute bit 1. Unit: km/h.
    pub speed_kmh_max: Option<u16>,
    /// How long it may be passed, with attribute bit 1. Unit: second.
    pub over_s: Option<u8>,
    /// Highest speed at night, 2019 with attribute bit 1. Unit: km/h.
    pub night_speed_kmh_max: Option<u16>,
    /// Name, 2019.
    pub name: String,
}

impl AreaTerms {
    /// Reads times and speed.
    fn decode_head(attributes: u16, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut terms = Self {
            attributes,
            ..Self::default()
        };
        if attributes & AREA_TIMES != 0 {
            terms.times = Some((r.time()?, r.time()?));
        }
        if attributes & AREA_SPEED != 0 {
            terms.speed_kmh_max = Some(r.u16()?);
            terms.over_s = Some(r.u8()?);
        }
        Ok(terms)
    }

    /// Reads what 2019 adds.
    fn decode_tail(&mut self, r: &mut Reader<'_>, edition: Edition) -> Result<(), DecodeError> {
        if edition == Edition::V2019 {
            if self.attributes & AREA_SPEED != 0 {
                self.night_speed_kmh_max = Some(r.u16()?);
            }
            self.name = r.text_u16()?.decode_lossy().into_owned();
        }
        Ok(())
    }

    fn encode_head(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        if self.attributes & AREA_TIMES != 0 {
            let (start, end) = present("times", self.times)?;
            w.time(start);
            w.time(end);
        }
        if self.attributes & AREA_SPEED != 0 {
            w.u16(present("max_speed_kmh", self.speed_kmh_max)?);
            w.u8(present("over_speed_s", self.over_s)?);
        }
        Ok(())
    }

    fn encode_tail(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        if edition != Edition::V2019 {
            return Ok(());
        }
        if self.attributes & AREA_SPEED != 0 {
            w.u16(present("night_max_speed_kmh", self.night_speed_kmh_max)?);
        }
        w.text_u16("name", &self.name)
    }
}

/// The value that the attribute bits announce.
pub(super) fn present<T>(field: &'static str, value: Option<T>) -> Result<T, EncodeError> {
    value.ok_or(EncodeError::FieldMissing { field })
}

/// A circle. Shape: DWORD id, WORD attributes, centre, DWORD radius, terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circle {
    /// Unique among circles.
    pub id: u32,
    /// Centre.
    pub center: Place,
    /// Unit: metre.
    pub radius_m: u32,
    /// What holds in it.
    pub terms: AreaTerms,
}

/// A rectangle. Shape: DWORD id, WORD attributes, two corners, terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rectangle {
    /// Unique among rectangles.
    pub id: u32,
    /// Upper left corner.
    pub upper_left: Place,
    /// Lower right corner.
    pub lower_right: Place,
    /// What holds in it.
    pub terms: AreaTerms,
}

/// An area that travels in a list.
pub trait ListedArea: Sized {
    /// Reads one.
    ///
    /// # Errors
    /// When the body ends first.
    fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError>;

    /// Appends one.
    ///
    /// # Errors
    /// When a value is missing that the attributes announce, or the name is too long.
    fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError>;
}

impl ListedArea for Circle {
    fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        let id = r.u32()?;
        let attributes = r.u16()?;
        let center = Place::decode(r)?;
        let radius_m = r.u32()?;
        let mut terms = AreaTerms::decode_head(attributes, r)?;
        terms.decode_tail(r, edition)?;
        Ok(Self {
            id,
            center,
            radius_m,
            terms,
        })
    }

    fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32(self.id);
        w.u16(self.terms.attributes);
        self.center.encode(w);
        w.u32(self.radius_m);
        self.terms.encode_head(w)?;
        self.terms.encode_tail(edition, w)
    }
}

impl ListedArea for Rectangle {
    fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        let id = r.u32()?;
        let attributes = r.u16()?;
        let upper_left = Place::decode(r)?;
        let lower_right = Place::decode(r)?;
        let mut terms = AreaTerms::decode_head(attributes, r)?;
        terms.decode_tail(r, edition)?;
        Ok(Self {
            id,
            upper_left,
            lower_right,
            terms,
        })
    }

    fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32(self.id);
        w.u16(self.terms.attributes);
        self.upper_left.encode(w);
        self.lower_right.encode(w);
        self.terms.encode_head(w)?;
        self.terms.encode_tail(edition, w)
    }
}

/// A list of circles, 0x8600, or of rectangles, 0x8602.
///
/// Shape: BYTE action, BYTE n, areas. 2011: BYTE count here after n.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AreaList<A> {
    /// 0 replace all, 1 append, 2 modify.
    pub action: u8,
    /// The areas.
    pub areas: Vec<A>,
}

impl<A: ListedArea> AreaList<A> {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        let action = r.u8()?;
        let count = decode_count(r, edition, false)?;
        Ok(Self {
            action,
            areas: (0..count)
                .map(|_| A::decode(r, edition))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError`], when a value does not fit or is missing.
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(self.action);
        encode_count(self.areas.len(), edition, w)?;
        self.areas
            .iter()
            .try_for_each(|area| area.encode(edition, w))
    }
}

/// A polygon, 0x8604.
///
/// Shape: DWORD id, WORD attributes, times and speed, WORD n, n vertices, and
/// what 2019 adds. 2011: BYTE count here after n.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polygon {
    /// Unique among polygons.
    pub id: u32,
    /// Vertices in order.
    pub vertices: Vec<Place>,
    /// What holds in it.
    pub terms: AreaTerms,
}

impl Polygon {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>, edition: Edition) -> Result<Self, DecodeError> {
        let id = r.u32()?;
        let attributes = r.u16()?;
        let mut terms = AreaTerms::decode_head(attributes, r)?;
        let total = r.u16()?;
        let count = match edition {
            Edition::V2011 => u16::from(r.u8()?),
            Edition::V2013 | Edition::V2019 => total,
        };
        let vertices = (0..count)
            .map(|_| Place::decode(r))
            .collect::<Result<_, _>>()?;
        terms.decode_tail(r, edition)?;
        Ok(Self {
            id,
            vertices,
            terms,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError`], when a value does not fit or is missing.
    pub fn encode(&self, edition: Edition, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32(self.id);
        w.u16(self.terms.attributes);
        self.terms.encode_head(w)?;
        w.count_u16("points", self.vertices.len())?;
        if edition == Edition::V2011 {
            w.count_u8("points", self.vertices.len())?;
        }
        for vertex in &self.vertices {
            vertex.encode(w);
        }
        self.terms.encode_tail(edition, w)
    }
}

/// Query of areas and routes, 0x8608.
///
/// Shape: BYTE kind (1 circle, 2 rectangle, 3 polygon, 4 route), DWORD n (0 is all), DWORD\[n\].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryAreas {
    /// What to list.
    pub kind: u8,
    /// Which; none is all.
    pub ids: Vec<u32>,
}

impl QueryAreas {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = r.u8()?;
        let count = r.u32()?;
        Ok(Self {
            kind,
            ids: (0..count).map(|_| r.u32()).collect::<Result<_, _>>()?,
        })
    }

    /// Appends the body.
    ///
    /// Errors: [`EncodeError::ListLong`].
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(self.kind);
        let count = self.ids.len();
        let limit = usize::from(u16::MAX);
        let stated = u16::try_from(count).map_err(|_too_long| EncodeError::ListLong {
            field: "ids",
            count,
            limit,
        })?;
        w.u32(u32::from(stated));
        for id in &self.ids {
            w.u32(*id);
        }
        Ok(())
    }
}

/// Areas and routes of the terminal, 0x0608.
///
/// Shape: BYTE kind, DWORD n, data. The inner form is open in the standard, so raw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas<'a> {
    /// 1 circle, 2 rectangle, 3 polygon, 4 route.
    pub kind: u8,
    /// Stated count.
    pub count: u32,
    /// The data.
    pub data: &'a [u8],
}

impl<'a> Areas<'a> {
    /// Reads the body.
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            kind: r.u8()?,
            count: r.u32()?,
            data: r.take_rest(),
        })
    }
}
