//! Vehicles, plates, terminals, drivers and regions, each its own type.

use std::fmt;
use std::str::FromStr;

/// Our number for a vehicle; given at import, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VehicleId(pub u32);

/// Our number for a driver; given when the licence is first seen, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverId(pub u32);

/// Plate and plate colour: the natural key of a vehicle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plate {
    /// Plate text, such as `湘A12345`.
    pub text: String,
    /// Plate colour.
    pub color: PlateColor,
}

impl Plate {
    /// A plate, trimmed.
    ///
    /// Errors: `None` when empty, longer than 32 bytes, or with control characters.
    pub fn new(text: &str, color: PlateColor) -> Option<Self> {
        let text = text.trim();
        let valid = !text.is_empty() && text.len() <= 32 && !text.chars().any(char::is_control);
        valid.then(|| Self {
            text: text.to_owned(),
            color,
        })
    }
}

impl fmt::Display for Plate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.color.name())
    }
}

macro_rules! named_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name seen from outside.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::vehicle::UnknownName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err($crate::model::vehicle::UnknownName) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use named_enum;

/// A name that is not in the list of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

named_enum! {
    /// Plate colour. Source: JT/T 697.7-2014.
    PlateColor {
        /// Code 1.
        Blue = "blue",
        /// Code 2.
        Yellow = "yellow",
        /// Code 3.
        Black = "black",
        /// Code 4.
        White = "white",
        /// Code 5.
        Green = "green",
        /// Code 91.
        AgriculturalYellow = "agricultural_yellow",
        /// Code 92.
        AgriculturalGreen = "agricultural_green",
        /// Code 93.
        YellowGreen = "yellow_green",
        /// Code 94.
        GradientGreen = "gradient_green",
        /// Code 9.
        Other = "other",
    }
}

impl PlateColor {
    /// The JT/T 697.7 code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Blue => 1,
            Self::Yellow => 2,
            Self::Black => 3,
            Self::White => 4,
            Self::Green => 5,
            Self::AgriculturalYellow => 91,
            Self::AgriculturalGreen => 92,
            Self::YellowGreen => 93,
            Self::GradientGreen => 94,
            Self::Other => 9,
        }
    }

    /// From the JT/T 697.7 code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|color| color.code() == code)
    }
}

named_enum! {
    /// Class of a vehicle, which decides its limits and duties.
    VehicleClass {
        /// 旅游客车
        TouristCoach = "tourist_coach",
        /// 包车客车
        CharterCoach = "charter_coach",
        /// Line coach between provinces.
        LineCoach1 = "line_coach_1",
        /// Line coach inside a province, across prefecture-level cities.
        LineCoach2 = "line_coach_2",
        /// Line coach inside a prefecture, across counties.
        LineCoach3 = "line_coach_3",
        /// Line coach inside a county or between adjacent counties.
        LineCoach4 = "line_coach_4",
        /// 危货
        Hazmat = "hazmat",
        /// Heavy truck or tractor.
        HeavyTruck = "heavy_truck",
    }
}

impl VehicleClass {
    /// Whether it carries passengers (客运): coaches of every kind.
    pub const fn is_passenger(self) -> bool {
        match self {
            Self::TouristCoach
            | Self::CharterCoach
            | Self::LineCoach1
            | Self::LineCoach2
            | Self::LineCoach3
            | Self::LineCoach4 => true,
            Self::Hazmat | Self::HeavyTruck => false,
        }
    }
}

/// A terminal's phone number, leading zeros dropped, at least one digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TerminalPhone(String);

impl TerminalPhone {
    /// Reads digits; leading zeros are dropped, one digit stays.
    ///
    /// Errors: `None` when empty, longer than 20 digits, or not all digits.
    pub fn new(digits: &str) -> Option<Self> {
        let digits = digits.trim();
        let valid = (1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| {
            let stripped = digits.trim_start_matches('0');
            Self(if stripped.is_empty() { "0" } else { stripped }.to_owned())
        })
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TerminalPhone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A 6-digit administrative division code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(String);

impl Region {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The prefix that every code inside this region shares: 2, 4 or 6 digits.
    pub fn prefix(&self) -> &str {
        let length = match self.0.as_bytes() {
            [_, _, b'0', b'0', b'0', b'0'] => 2,
            [_, _, _, _, b'0', b'0'] => 4,
            _ => 6,
        };
        self.0.get(..length).unwrap_or(&self.0)
    }

    /// Whether `other` is this region or lies inside it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(self.prefix())
    }
}

impl FromStr for Region {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(UnknownName)
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_contains_what_shares_its_significant_prefix() {
        let region = |text: &str| text.parse::<Region>().unwrap();
        assert!(region("430000").contains(&region("430102")));
        assert!(region("430100").contains(&region("430102")));
        assert!(!region("430200").contains(&region("430102")));
        assert!(!region("430102").contains(&region("430100")));
    }

    #[test]
    fn leading_zeros_of_a_phone_are_dropped() {
        assert_eq!(
            TerminalPhone::new("013912344323").unwrap().as_str(),
            "13912344323"
        );
        assert_eq!(TerminalPhone::new("000000").unwrap().as_str(), "0");
        assert!(TerminalPhone::new("12a").is_none());
    }
}
