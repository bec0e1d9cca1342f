//! In which datum a source gives its places.

use super::time::Timestamp;
use super::vehicle::named_enum;

named_enum! {
    /// The datum of places that come from outside; inside all are WGS-84.
    Datum {
        /// Satellite positioning's own.
        Wgs84 = "wgs84",
        /// China's public maps.
        Gcj02 = "gcj02",
        /// Baidu's maps.
        Bd09 = "bd09",
    }
}

/// That the places of a vehicle look as if they were of another datum than declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatumSuspicion {
    /// The datum of which they look: the one to declare.
    pub datum: Datum,
    /// Fix time at which it was found.
    pub since: Timestamp,
}

impl Default for Datum {
    /// What a source gives that declares nothing.
    fn default() -> Self {
        Self::Wgs84
    }
}
