//! One row of a file of fixes, checked, borrowed from its line.

use std::borrow::Cow;
use std::fmt;

use super::error::{LineError, excerpt};
use super::index::Registry;
use crate::model::{
    Course, Datum, EVENTS_MAX, Events, Fix, Odometer, PlateColor, Position, Quality, Source, Speed,
    Timestamp,
};
use crate::normalize::place;

/// What a row names as the thing that moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Plate text and colour.
    Plate(Cow<'a, str>, PlateColor),
    /// Phone number of the terminal, leading zeros dropped.
    Terminal(Cow<'a, str>),
    /// Nothing; only where bare tracks are read ([`super::ReadOptions::bare`]).
    Unnamed,
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plate(text, color) => write!(f, "vehicle {} {color}", excerpt(text)),
            Self::Terminal(phone) => write!(f, "terminal {}", excerpt(phone)),
            Self::Unnamed => f.write_str("a vehicle without a name"),
        }
    }
}

/// One recorded fix before its vehicle is known by number.
#[derive(Clone, Debug, PartialEq)]
pub struct FixRow<'a> {
    /// What moved.
    pub subject: Subject<'a>,
    /// Phone number of the terminal where the plate is given, too: both must be of one vehicle.
    pub terminal: Option<Cow<'a, str>>,
    /// Fix time.
    pub time: Timestamp,
    /// Whether that is of the calendar; a bare track may count seconds from any moment.
    pub is_dated: bool,
    /// Place as given; [`FixRow::wgs84`] converts it.
    pub position: Position,
    /// Datum of the place, where the row or what it stands in says so; else the register does.
    pub datum: Option<Datum>,
    /// Ground speed.
    pub speed: Speed,
    /// Direction over ground, where given.
    pub course: Option<Course>,
    /// Height over sea level, where given. Unit: m.
    pub altitude_m: Option<i16>,
    /// Odometer, where given.
    pub odometer: Option<Odometer>,
    /// Alarm bits of JT/T 808 0x0200.
    pub alarm: u32,
    /// Status bits of JT/T 808 0x0200.
    pub status: u32,
    /// Persons aboard, where given.
    pub passengers: Option<u16>,
    /// Alarms of active-safety devices and video terminals.
    pub events: Events,
    /// Licence of the driver, where given.
    pub driver: Option<Cow<'a, str>>,
    /// Name of the track, where the file names tracks.
    pub track: Option<Cow<'a, str>>,
    /// Which values could not be kept as they are; those that can be kept are assessed later.
    pub quality: Quality,
}

impl FixRow<'_> {
    /// Status of a row that gives none: ignition on, positioned.
    pub const STATUS_DEFAULT: u32 = 3;

    /// The place in WGS-84 where the register declares that datum; the row's own wins.
    pub fn wgs84(&self, declared: Datum) -> Position {
        place::wgs84(self.datum.unwrap_or(declared), self.status, self.position)
    }

    /// The fix, with its vehicle and driver known by number; its quality is that of the row, not yet assessed.
    ///
    /// # Errors
    ///
    /// [`LineError::UnknownVehicle`] when the register does not have the subject,
    /// [`LineError::ContradictoryIdentity`] when the terminal is not that of the vehicle.
    pub fn resolve(
        &self,
        registry: &mut impl Registry,
        received: Timestamp,
        source: Source,
    ) -> Result<Fix, LineError> {
        let vehicle = registry
            .vehicle(&self.subject)
            .ok_or_else(|| LineError::UnknownVehicle {
                subject: self.subject.to_string(),
            })?;
        if let Some(phone) = &self.terminal {
            let terminal = Subject::Terminal(Cow::Borrowed(phone.as_ref()));
            if registry.vehicle(&terminal) != Some(vehicle) {
                return Err(LineError::ContradictoryIdentity {
                    subject: self.subject.to_string(),
                    terminal: excerpt(phone),
                });
            }
        }
        let driver = match &self.driver {
            Some(licence) => registry.driver(licence),
            None => None,
        };
        Ok(Fix {
            vehicle,
            time: self.time,
            received,
            position: self.wgs84(registry.datum(vehicle)),
            speed: self.speed,
            course: self.course,
            altitude_m: self.altitude_m,
            odometer: self.odometer,
            alarm: self.alarm,
            status: self.status,
            passengers: self.passengers,
            events: self.events,
            driver,
            source,
            quality: self.quality,
        })
    }

    /// The same row, owning its text.
    pub fn into_owned(self) -> FixRow<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        FixRow {
            subject: match self.subject {
                Subject::Plate(text, color) => Subject::Plate(own(text), color),
                Subject::Terminal(phone) => Subject::Terminal(own(phone)),
                Subject::Unnamed => Subject::Unnamed,
            },
            terminal: self.terminal.map(own),
            driver: self.driver.map(own),
            track: self.track.map(own),
            time: self.time,
            is_dated: self.is_dated,
            position: self.position,
            datum: self.datum,
            speed: self.speed,
            course: self.course,
            altitude_m: self.altitude_m,
            odometer: self.odometer,
            alarm: self.alarm,
            status: self.status,
            passengers: self.passengers,
            events: self.events,
            quality: self.quality,
        }
    }
}

/// A row's fields as a file gives them, before they are checked.
#[derive(Debug, Default)]
pub(super) struct RawRow<'a> {
    pub(super) plate: Option<Cow<'a, str>>,
    pub(super) plate_color: Option<Cow<'a, str>>,
    pub(super) terminal: Option<Cow<'a, str>>,
    pub(super) lat: Option<f64>,
    pub(super) lon: Option<f64>,
    pub(super) datum: Option<Cow<'a, str>>,
    pub(super) speed_kmh: Option<f64>,
    pub(super) course_deg: Option<f64>,
    pub(super) altitude_m: Option<f64>,
    pub(super) odometer_km: Option<f64>,
    pub(super) alarm: Option<u32>,
    pub(super) status: Option<u32>,
    pub(super) passengers: Option<u16>,
    pub(super) events: Option<Cow<'a, str>>,
    pub(super) driver: Option<Cow<'a, str>>,
    pub(super) track: Option<Cow<'a, str>>,
    /// Whether the row may name no vehicle.
    pub(super) bare: bool,
    /// Whether its time counts from any moment.
    pub(super) is_undated: bool,
}

impl<'a> RawRow<'a> {
    /// Checks that every field that must be there is, and takes the values over.
    ///
    /// A number outside of what can be is no error: the row is a record, which is kept and not judged. What no
    /// field of ours can hold becomes the nearest value or none, and the row's quality says so. `datum` is that
    /// of a row that names none.
    ///
    /// # Errors
    ///
    /// The first field at fault.
    pub(super) fn check(
        self,
        time: Timestamp,
        datum: Option<Datum>,
    ) -> Result<FixRow<'a>, LineError> {
        let (subject, terminal) = if self.bare && self.plate.is_none() && self.terminal.is_none() {
            (Subject::Unnamed, None)
        } else {
            subject(self.plate, self.plate_color, self.terminal)?
        };
        let datum = row_datum(self.datum.as_deref())?.or(datum);
        let position = position(self.lat, self.lon)?;
        if self.bare && !position.is_on_earth() {
            // It is only matched to roads, and there are none.
            let (field, value) = if position.lat().abs() > 90.0 {
                ("lat", position.lat())
            } else {
                ("lon", position.lon())
            };
            return Err(LineError::BadRange {
                field,
                value,
                expected: "a place on earth",
            });
        }
        let (speed, speed_quality) = speed(self.speed_kmh)?;
        let (course, course_quality) = given("course_deg", self.course_deg, course)?;
        let (odometer, odometer_quality) = given("odometer_km", self.odometer_km, odometer)?;
        Ok(FixRow {
            subject,
            terminal,
            time,
            is_dated: !self.is_undated,
            position,
            datum,
            speed,
            course,
            altitude_m: self.altitude_m.map(altitude).transpose()?,
            odometer,
            alarm: self.alarm.unwrap_or(0),
            status: self.status.unwrap_or(FixRow::STATUS_DEFAULT),
            passengers: self.passengers,
            events: self.events.map_or(Ok(Events::NONE), |text| events(&text))?,
            driver: self.driver.filter(|licence| !licence.is_empty()),
            track: self.track.filter(|name| !name.is_empty()),
            quality: speed_quality.with(course_quality).with(odometer_quality),
        })
    }
}

/// Longest plate. Unit: bytes.
const PLATE_BYTES_MAX: usize = 32;

/// What moved, and the terminal where it is named beside the plate.
fn subject<'a>(
    plate: Option<Cow<'a, str>>,
    color: Option<Cow<'a, str>>,
    terminal: Option<Cow<'a, str>>,
) -> Result<(Subject<'a>, Option<Cow<'a, str>>), LineError> {
    match (plate, terminal) {
        (Some(plate), terminal) => {
            let terminal = terminal.map(phone).transpose()?;
            let color = color.ok_or(LineError::MissingField {
                field: "plate_color",
            })?;
            let color = color.parse().map_err(|_unknown| LineError::BadPlateColor {
                text: excerpt(&color),
            })?;
            let plate = trim(plate);
            let valid = !plate.is_empty()
                && plate.len() <= PLATE_BYTES_MAX
                && !plate.chars().any(char::is_control);
            if valid {
                Ok((Subject::Plate(plate, color), terminal))
            } else {
                Err(LineError::BadPlate)
            }
        }
        (None, Some(terminal)) => Ok((Subject::Terminal(phone(terminal)?), None)),
        (None, None) => Err(LineError::MissingField { field: "plate" }),
    }
}

fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Leading zeros dropped, one digit stays.
fn phone(text: Cow<'_, str>) -> Result<Cow<'_, str>, LineError> {
    fn significant(text: &str) -> Option<&str> {
        let text = text.trim();
        let valid = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let stripped = text.trim_start_matches('0');
        valid.then_some(if stripped.is_empty() { "0" } else { stripped })
    }
    match text {
        Cow::Borrowed(text) => significant(text).map(Cow::Borrowed),
        Cow::Owned(text) => significant(&text).map(|digits| Cow::Owned(digits.to_owned())),
    }
    .ok_or(LineError::BadTerminal)
}

fn row_datum(name: Option<&str>) -> Result<Option<Datum>, LineError> {
    let parse = |name: &str| {
        name.parse().map_err(|_unknown| LineError::BadDatum {
            text: excerpt(name),
        })
    };
    name.map(parse).transpose()
}

fn position(lat: Option<f64>, lon: Option<f64>) -> Result<Position, LineError> {
    let lat = number("lat", lat.ok_or(LineError::MissingField { field: "lat" })?)?;
    let lon = number("lon", lon.ok_or(LineError::MissingField { field: "lon" })?)?;
    Ok(Position::nearest(lat, lon))
}

fn speed(kmh: Option<f64>) -> Result<(Speed, Quality), LineError> {
    let field = "speed_kmh";
    let kmh = number(field, kmh.ok_or(LineError::MissingField { field })?)?;
    Ok(match Speed::from_kmh(kmh) {
        Some(speed) => (speed, Quality::GOOD),
        None if kmh < 0.0 => (Speed::ZERO, Quality::SPEED_RANGE),
        None => (Speed::from_mkmh(u32::MAX), Quality::SPEED_RANGE),
    })
}

/// A value that need not be there, and its reason where it is one that cannot be.
fn given<T>(
    field: &'static str,
    value: Option<f64>,
    take: impl FnOnce(f64) -> (Option<T>, Quality),
) -> Result<(Option<T>, Quality), LineError> {
    match value {
        Some(value) => number(field, value).map(take),
        None => Ok((None, Quality::GOOD)),
    }
}

fn course(degrees: f64) -> (Option<Course>, Quality) {
    if !(0.0..=360.0).contains(&degrees) {
        return (None, Quality::COURSE_RANGE);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked above"
    )]
    let whole = degrees.round() as u16;
    (Course::from_degrees(whole), Quality::GOOD)
}

/// What is beyond the type is far beyond the plausible, too: it becomes the nearest value.
fn altitude(metres: f64) -> Result<i16, LineError> {
    let metres = number("altitude_m", metres)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the conversion saturates, which is meant"
    )]
    Ok(metres.round() as i16)
}

fn events(text: &str) -> Result<Events, LineError> {
    if text.split_whitespace().count() > EVENTS_MAX {
        return Err(LineError::BadValue {
            message: format!("more than {EVENTS_MAX} events"),
        });
    }
    text.parse().map_err(|_unknown| LineError::BadValue {
        message: format!(
            "events {:?} are not like \"dsm_phone:begin:2\"",
            excerpt(text)
        ),
    })
}

fn odometer(km: f64) -> (Option<Odometer>, Quality) {
    match Odometer::from_km(km) {
        Some(odometer) => (Some(odometer), Quality::GOOD),
        None => (None, Quality::ODOMETER_RANGE),
    }
}

/// A number, which neither "NaN" nor infinity is.
fn number(field: &'static str, value: f64) -> Result<f64, LineError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(LineError::BadRange {
            field,
            value,
            expected: "a number",
        })
    }
}
