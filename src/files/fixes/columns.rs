//! Which column of a CSV file carries which field.

/// The fields of a fix, as files name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Plate,
    PlateColor,
    Terminal,
    Time,
    Lat,
    Lon,
    Datum,
    SpeedKmh,
    CourseDeg,
    AltitudeM,
    OdometerKm,
    Alarm,
    Status,
    Passengers,
    Events,
    Driver,
    Track,
}

impl Field {
    pub(super) const ALL: [Self; 17] = [
        Self::Plate,
        Self::PlateColor,
        Self::Terminal,
        Self::Time,
        Self::Lat,
        Self::Lon,
        Self::Datum,
        Self::SpeedKmh,
        Self::CourseDeg,
        Self::AltitudeM,
        Self::OdometerKm,
        Self::Alarm,
        Self::Status,
        Self::Passengers,
        Self::Events,
        Self::Driver,
        Self::Track,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plate => "plate",
            Self::PlateColor => "plate_color",
            Self::Terminal => "terminal",
            Self::Time => "time",
            Self::Lat => "lat",
            Self::Lon => "lon",
            Self::Datum => "datum",
            Self::SpeedKmh => "speed_kmh",
            Self::CourseDeg => "course_deg",
            Self::AltitudeM => "altitude_m",
            Self::OdometerKm => "odometer_km",
            Self::Alarm => "alarm",
            Self::Status => "status",
            Self::Passengers => "passengers",
            Self::Events => "events",
            Self::Driver => "driver",
            Self::Track => "track",
        }
    }

    /// The column of a bare track that carries the field under another name.
    pub(super) const fn bare_name(self) -> Option<&'static str> {
        match self {
            Self::Time => Some("t_s"),
            Self::CourseDeg => Some("heading_deg"),
            _ => None,
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// Where the value of a field comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// The column of the field's own name, where there is one.
    #[default]
    OwnName,
    /// The column of that name.
    Column(String),
    /// The same for every row.
    Constant(String),
}

/// Which column carries which field; a field that is not named comes from the column of its own
/// name.
///
/// Written `plate=vehicle,time=location_time,plate_color:=yellow`: `=` names a column, `:=` a
/// value for every row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMap {
    origins: [Origin; 17],
}

/// A column map that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnMapError {
    /// A part without `=`.
    #[error("{part:?} is not field=column or field:=value")]
    Part {
        /// The part.
        part: String,
    },
    /// A field that a fix does not have.
    #[error("{field:?} is not a field of a fix")]
    Field {
        /// The name given.
        field: String,
    },
}

impl ColumnMap {
    pub(super) fn origin(&self, field: Field) -> &Origin {
        self.origins.get(field.index()).unwrap_or(&Origin::OwnName)
    }
}

impl std::str::FromStr for ColumnMap {
    type Err = ColumnMapError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut map = Self::default();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) = part.split_once('=').ok_or_else(|| ColumnMapError::Part {
                part: part.to_owned(),
            })?;
            let (name, origin) = match name.strip_suffix(':') {
                Some(name) => (name, Origin::Constant(value.trim().to_owned())),
                None => (name, Origin::Column(value.trim().to_owned())),
            };
            let field = Field::ALL
                .into_iter()
                .find(|field| field.name() == name.trim())
                .ok_or_else(|| ColumnMapError::Field {
                    field: name.to_owned(),
                })?;
            if let Some(slot) = map.origins.get_mut(field.index()) {
                *slot = origin;
            }
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_constants_are_told_apart() {
        let map: ColumnMap = "plate=vehicle, plate_color:=yellow".parse().unwrap();
        assert_eq!(
            map.origin(Field::Plate),
            &Origin::Column("vehicle".to_owned())
        );
        assert_eq!(
            map.origin(Field::PlateColor),
            &Origin::Constant("yellow".to_owned())
        );
        assert_eq!(map.origin(Field::Time), &Origin::OwnName);
    }

    #[test]
    fn a_field_that_does_not_exist_is_refused() {
        assert!("speed=v".parse::<ColumnMap>().is_err());
        assert!("lat".parse::<ColumnMap>().is_err());
    }
}
