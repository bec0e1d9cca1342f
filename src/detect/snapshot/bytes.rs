//! The bytes of a snapshot: variable-length numbers, times relative to one moment.

use crate::geo::{AreaKey, RouteKey, SegmentNumber};
use crate::model::alarm::AlarmSource;
use crate::model::route::RoadKind;
use crate::model::violation::{FixMark, LimitSource};
use crate::model::{
    Course, DriverId, EventKind, Events, Fix, Odometer, Position, Quality, Source, Span, Speed,
    Timestamp, VehicleId,
};

use super::SnapshotError;

/// Longest text that a snapshot may hold. Unit: bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// Where a snapshot is written to.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    /// Moment from which times are counted.
    pub(super) base: i64,
}

/// What is left of a snapshot to read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    /// Moment from which times are counted.
    pub(super) base: i64,
}

/// A value with a saved form.
pub(super) trait Saved: Sized {
    /// Appends the saved form.
    fn save(&self, to: &mut Writer);
    /// Reads the saved form.
    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError>;
}

/// Implements [`Saved`] for a struct, field after field.
macro_rules! saved_struct {
    ($name:path { $($field:ident),+ $(,)? }) => {
        impl $crate::detect::snapshot::bytes::Saved for $name {
            fn save(&self, to: &mut $crate::detect::snapshot::bytes::Writer) {
                $($crate::detect::snapshot::bytes::Saved::save(&self.$field, to);)+
            }
            fn load(
                from: &mut $crate::detect::snapshot::bytes::Reader<'_>,
            ) -> Result<Self, $crate::detect::SnapshotError> {
                Ok(Self { $($field: $crate::detect::snapshot::bytes::Saved::load(from)?),+ })
            }
        }
    };
}
pub(super) use saved_struct;

/// Implements [`Saved`] for a type made of one saved value.
macro_rules! saved_as {
    ($name:ty, $value:ty, $to:expr, $from:expr) => {
        impl Saved for $name {
            fn save(&self, to: &mut Writer) {
                let value: $value = ($to)(self);
                value.save(to);
            }
            fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
                let value = <$value>::load(from)?;
                ($from)(value).ok_or(SnapshotError::Value)
            }
        }
    };
}

impl Saved for u64 {
    fn save(&self, to: &mut Writer) {
        let mut rest = *self;
        while rest > 0x7f {
            to.bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        to.bytes.push((rest & 0x7f) as u8);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = u8::load(from)?;
            value |= Self::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(SnapshotError::Value)
    }
}

impl Saved for u8 {
    fn save(&self, to: &mut Writer) {
        to.bytes.push(*self);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let (byte, rest) = from.bytes.split_first().ok_or(SnapshotError::Truncated)?;
        from.bytes = rest;
        Ok(*byte)
    }
}

/// Small for small numbers of either sign.
const fn fold(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unfold(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

saved_as!(i64, u64, |value: &i64| fold(*value), |value| Some(unfold(
    value
)));
saved_as!(u32, u64, |value: &u32| u64::from(*value), |value: u64| {
    Self::try_from(value).ok()
});
saved_as!(u16, u64, |value: &u16| u64::from(*value), |value: u64| {
    Self::try_from(value).ok()
});
saved_as!(i32, i64, |value: &i32| i64::from(*value), |value: i64| {
    Self::try_from(value).ok()
});
saved_as!(i16, i64, |value: &i16| i64::from(*value), |value: i64| {
    Self::try_from(value).ok()
});
saved_as!(
    bool,
    u8,
    |value: &bool| u8::from(*value),
    |value| match value {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
);
saved_as!(
    f64,
    u64,
    |value: &f64| value.to_bits().swap_bytes(),
    |value: u64| Some(Self::from_bits(value.swap_bytes()))
);
saved_as!(Span, i64, |value: &Span| value.millis(), |value| Some(
    Self::from_millis(value)
));
saved_as!(Speed, u32, |value: &Speed| value.mkmh(), |value| Some(
    Self::from_mkmh(value)
));
saved_as!(
    Course,
    u16,
    |value: &Course| value.degrees(),
    Self::from_degrees
);
saved_as!(Odometer, u32, |value: &Odometer| value.hm(), |value| Some(
    Self::from_hm(value)
));
saved_as!(Source, u8, |value: &Source| value.code(), Self::from_code);
saved_as!(Events, u64, |value: &Events| value.bits(), |value| Some(
    Self::from_bits(value)
));
saved_as!(Quality, u16, |value: &Quality| value.bits(), |value| Some(
    Self::from_bits(value)
));
saved_as!(VehicleId, u32, |value: &VehicleId| value.0, |value| Some(
    Self(value)
));
saved_as!(DriverId, u32, |value: &DriverId| value.0, |value| Some(
    Self(value)
));
saved_as!(RouteKey, u64, |value: &RouteKey| value.0, |value| Some(
    Self(value)
));
saved_as!(AreaKey, u64, |value: &AreaKey| value.0, |value| Some(Self(
    value
)));
saved_as!(
    SegmentNumber,
    u32,
    |value: &SegmentNumber| value.0,
    |value| Some(Self(value))
);
saved_as!(
    LimitSource,
    u8,
    |value: &LimitSource| place(Self::ALL, *value),
    |value| { Self::ALL.get(usize::from(value)).copied() }
);
saved_as!(
    RoadKind,
    u8,
    |value: &RoadKind| place(Self::ALL, *value),
    |value| { Self::ALL.get(usize::from(value)).copied() }
);

saved_as!(
    EventKind,
    u8,
    |value: &EventKind| place(Self::ALL, *value),
    |value| { Self::ALL.get(usize::from(value)).copied() }
);

impl Saved for AlarmSource {
    fn save(&self, to: &mut Writer) {
        match self {
            Self::Bit(bit) => (0_u8, *bit).save(to),
            Self::Event(kind) => (1_u8, *kind).save(to),
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        match u8::load(from)? {
            0 => Ok(Self::Bit(u8::load(from)?)),
            1 => Ok(Self::Event(EventKind::load(from)?)),
            _ => Err(SnapshotError::Value),
        }
    }
}

/// Place of a value in the list of all; every list is shorter than 256.
fn place<T: PartialEq + Copy>(all: &[T], value: T) -> u8 {
    let index = all.iter().position(|known| *known == value);
    index
        .and_then(|index| u8::try_from(index).ok())
        .unwrap_or(u8::MAX)
}

impl Saved for Timestamp {
    fn save(&self, to: &mut Writer) {
        self.millis().wrapping_sub(to.base).save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        Ok(Self::from_millis(i64::load(from)?.wrapping_add(from.base)))
    }
}

impl<T: Saved> Saved for Option<T> {
    fn save(&self, to: &mut Writer) {
        self.is_some().save(to);
        if let Some(value) = self {
            value.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        bool::load(from)?.then(|| T::load(from)).transpose()
    }
}

impl<T: Saved> Saved for Box<T> {
    fn save(&self, to: &mut Writer) {
        T::save(self, to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        T::load(from).map(Self::new)
    }
}

impl<A: Saved, B: Saved> Saved for (A, B) {
    fn save(&self, to: &mut Writer) {
        self.0.save(to);
        self.1.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        Ok((A::load(from)?, B::load(from)?))
    }
}

impl<T: Saved, const N: usize> Saved for [T; N] {
    fn save(&self, to: &mut Writer) {
        for value in self {
            value.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let values: Vec<T> = (0..N).map(|_| T::load(from)).collect::<Result<_, _>>()?;
        Self::try_from(values).ok().ok_or(SnapshotError::Value)
    }
}

impl Saved for Box<str> {
    fn save(&self, to: &mut Writer) {
        save_bytes(self.as_bytes(), to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let bytes = load_bytes(from, TEXT_BYTES_MAX)?;
        let text = std::str::from_utf8(bytes)
            .ok()
            .ok_or(SnapshotError::Value)?;
        Ok(Self::from(text))
    }
}

/// Appends a length and bytes.
pub(super) fn save_bytes(bytes: &[u8], to: &mut Writer) {
    (bytes.len() as u64).save(to);
    to.bytes.extend_from_slice(bytes);
}

/// Reads a length, at most `length_max`, and as many bytes.
pub(super) fn load_bytes<'a>(
    from: &mut Reader<'a>,
    length_max: usize,
) -> Result<&'a [u8], SnapshotError> {
    let length = load_length(from, length_max)?;
    let (bytes, rest) = from
        .bytes
        .split_at_checked(length)
        .ok_or(SnapshotError::Truncated)?;
    from.bytes = rest;
    Ok(bytes)
}

/// Appends a length and values.
pub(super) fn save_list<T: Saved>(values: &[T], to: &mut Writer) {
    (values.len() as u64).save(to);
    for value in values {
        value.save(to);
    }
}

/// Reads a length, at most `length_max`, and as many values.
pub(super) fn load_list<T: Saved>(
    from: &mut Reader<'_>,
    length_max: usize,
) -> Result<Vec<T>, SnapshotError> {
    let length = load_length(from, length_max)?;
    let mut values = Vec::new();
    values.reserve_exact(length);
    for _ in 0..length {
        values.push(T::load(from)?);
    }
    Ok(values)
}

fn load_length(from: &mut Reader<'_>, length_max: usize) -> Result<usize, SnapshotError> {
    usize::try_from(u64::load(from)?)
        .ok()
        .filter(|length| *length <= length_max)
        .ok_or(SnapshotError::Value)
}

saved_struct!(Position { lat_udeg, lon_udeg });
saved_struct!(FixMark {
    time,
    position,
    speed
});
saved_struct!(Fix {
    vehicle,
    time,
    received,
    position,
    speed,
    course,
    altitude_m,
    odometer,
    alarm,
    status,
    passengers,
    events,
    driver,
    source,
    quality,
});
