//! The saved form of a [`VehicleState`].
//!
//! ```text
//! byte 0        version, 9
//! bytes         moment from which times are counted, then every part in the order of the struct
//! last 4 bytes  FNV-1a of all before, folded to 32 bits, little-endian
//! ```
//!
//! Numbers are variable-length, so that the state of a standing vehicle takes about a hundred
//! bytes. A change of the meaning of any field is a new version; there is no migration, because a
//! state can be built again from the stored track.

mod bytes;
mod pieces;

use crate::model::Timestamp;

use super::VehicleState;
use super::admit::{Admit, Mark, Newcomer};
use super::alarm::{ALARMS_MAX, Alarms, OpenAlarm};
use super::approach::Approach;
use super::area::{Areas, VISITS_MAX, Visit};
use super::charter::Charter;
use super::datum::{DatumCheck, Shifted};
use super::deviation::{Deviation, Outside};
use super::drift::{Day, Drift};
use super::episode::Episode;
use super::fault::{Fault, Run};
use super::limit::{Carrier, Limit};
use super::motion::{DrivingReport, Motion};
use super::night_ban::NightBan;
use super::overload::{self, Overload};
use super::piece::Piece;
use super::place::Place;
use super::road::{FIXES_MAX, Roads, Trace, Verdict, Waiting};
use super::speeding::{Confirmed, GROUPS_MAX, Group, Roads as GroupRoads, Speeding};
use super::stop::{Stand, UnplannedStop};
use super::suspects::{Run as SuspectRun, Suspects};
use super::tamper::{Apart, Counted, Tamper};
use super::wheel::{OFF_MAX, Off, Wheel};

use crate::geo::{AreaKey, RouteKey};
use crate::model::overlay::CapKey;
use crate::model::violation::Grave;

use bytes::{Reader, Saved, Writer, load_list, save_list, saved_struct};

pub use pieces::{read_pieces, write_pieces};

/// Version of the saved form.
const VERSION: u8 = 9;

/// Bytes of the check code.
const CHECK_BYTES: usize = 4;

/// Why bytes are no saved state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The saved form is of another version.
    #[error("snapshot has version {0}, which this program does not write")]
    Version(u8),
    /// The check code does not fit the bytes.
    #[error("snapshot is damaged: its check code does not fit")]
    Check,
    /// The bytes end too early.
    #[error("snapshot ends too early")]
    Truncated,
    /// A value that was never written.
    #[error("snapshot holds a value that is never written")]
    Value,
    /// Bytes are left over.
    #[error("snapshot has {0} bytes too many")]
    Trailing(usize),
}

impl SnapshotError {
    /// Whether an older version of the program wrote it.
    pub const fn is_outdated(&self) -> bool {
        matches!(self, Self::Version(version) if *version < VERSION)
    }
}

/// The saved form of a state.
pub(super) fn write(state: &VehicleState) -> Vec<u8> {
    let base = state.admit.last_seen().map_or(0, |fix| fix.time.millis());
    seal(VERSION, base, state)
}

/// The state from its saved form.
pub(super) fn read(bytes: &[u8]) -> Result<VehicleState, SnapshotError> {
    open(VERSION, bytes)
}

/// Version, base, value, check code.
fn seal<T: Saved>(version: u8, base: i64, value: &T) -> Vec<u8> {
    let mut writer = Writer {
        bytes: vec![version],
        base,
    };
    base.save(&mut writer);
    value.save(&mut writer);
    let check = check_code(&writer.bytes);
    writer.bytes.extend_from_slice(&check);
    writer.bytes
}

fn open<T: Saved>(expected: u8, bytes: &[u8]) -> Result<T, SnapshotError> {
    let version = *bytes.first().ok_or(SnapshotError::Truncated)?;
    if version != expected {
        return Err(SnapshotError::Version(version));
    }
    let (saved, check) = bytes
        .split_last_chunk::<CHECK_BYTES>()
        .filter(|(saved, _)| !saved.is_empty())
        .ok_or(SnapshotError::Truncated)?;
    if check_code(saved) != *check {
        return Err(SnapshotError::Check);
    }
    let mut reader = Reader {
        bytes: saved.get(1..).unwrap_or_default(),
        base: 0,
    };
    reader.base = i64::load(&mut reader)?;
    let value = T::load(&mut reader)?;
    match reader.bytes.len() {
        0 => Ok(value),
        left => Err(SnapshotError::Trailing(left)),
    }
}

fn check_code(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix);
    let folded = (hash ^ (hash >> 32)) & 0xffff_ffff;
    let [a, b, c, d, ..] = folded.to_le_bytes();
    [a, b, c, d]
}

saved_struct!(VehicleState {
    admit,
    motion,
    driving,
    place,
    speeding,
    approach,
    wheel,
    deviation,
    fault,
    night_ban,
    areas,
    alarms,
    overload,
    tamper,
    drift,
    datum,
    charter,
    unplanned_stop,
    roads,
});
saved_struct!(Admit {
    seen,
    judged,
    newcomer
});
saved_struct!(Mark { fix, driver });
saved_struct!(Newcomer { last, fixes });
saved_struct!(Motion {
    pending_since,
    driving,
    standing_since
});
saved_struct!(DrivingReport { untold, minute_end });
saved_struct!(Group {
    limit,
    reference,
    started_at,
    confirmed,
    span_from,
    ended_at,
    peak,
    last_over,
    fixes,
    driver,
    roads,
    grave,
});
saved_struct!(GroupRoads {
    way,
    permille,
    permille_sum,
    map_version
});
saved_struct!(Trace {
    time,
    position,
    speed,
    course,
    is_first
});
saved_struct!(Waiting {
    fix,
    after_gap,
    verdict
});
saved_struct!(SuspectRun { from, last });
saved_struct!(Suspects { run, ended, counts });
saved_struct!(Limit {
    monitor,
    legal,
    source,
    carrier,
    road,
    hazmat_cap,
    assumed
});
saved_struct!(Confirmed { at, first_seen_at });
saved_struct!(Grave { at, seen_at });
saved_struct!(Piece {
    subject,
    vehicle,
    from,
    to,
    doing
});
saved_struct!(Off {
    subject,
    since,
    told,
    to
});
saved_struct!(Deviation { route, outside });
saved_struct!(Outside {
    route_id,
    started_at,
    confirmed,
    returned_at,
    peak,
    max_distance_m,
    far,
    fixes,
    last,
    driver,
});
saved_struct!(Episode {
    started_at,
    confirmed,
    paused_at,
    peak,
    first,
    last,
    fixes,
    driver,
});
saved_struct!(Approach { near, told_at });
saved_struct!(NightBan { run });
saved_struct!(Charter { run });
saved_struct!(UnplannedStop { stand });
saved_struct!(Stand {
    route_id,
    listed,
    distance_m,
    episode
});
saved_struct!(OpenAlarm {
    source,
    level,
    begun,
    episode
});
saved_struct!(Overload { counted, run });
saved_struct!(overload::Run { persons, episode });
saved_struct!(Tamper {
    odometer,
    still,
    apart
});
saved_struct!(Counted {
    anchor,
    runs_from,
    block,
    block_odometer,
    track_m,
    last
});
saved_struct!(Apart {
    odometer_km,
    track_km,
    episode
});
saved_struct!(Drift { day });
saved_struct!(DatumCheck {
    next,
    samples,
    as_they_are,
    on_road,
    open
});
saved_struct!(Shifted {
    way,
    percent,
    episode
});
saved_struct!(Day { end, episode });
saved_struct!(Visit {
    area,
    named,
    since,
    deep,
    episode
});
saved_struct!(Fault { run });
saved_struct!(Run {
    from,
    to,
    driven,
    alarm
});

impl Saved for Place {
    fn save(&self, to: &mut Writer) {
        self.hint.save(to);
    }

    /// The areas around are looked up again.
    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        Ok(Self {
            hint: Saved::load(from)?,
            around: None,
        })
    }
}

impl Saved for Alarms {
    fn save(&self, to: &mut Writer) {
        save_list(&self.open, to);
        self.bits.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        Ok(Self {
            open: load_list(from, ALARMS_MAX)?,
            bits: Saved::load(from)?,
        })
    }
}

impl Saved for Areas {
    fn save(&self, to: &mut Writer) {
        save_list(&self.visits, to);
        self.away.save(to);
        self.home.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        Ok(Self {
            visits: load_list(from, VISITS_MAX)?,
            away: Saved::load(from)?,
            home: Saved::load(from)?,
        })
    }
}

impl Saved for Carrier {
    fn save(&self, to: &mut Writer) {
        let (kind, key): (u8, u64) = match self {
            Self::Route(key) => (0, key.0),
            Self::Area(key) => (1, key.0),
            Self::Overlay(key) => (2, key.0),
            Self::Road => (3, 0),
        };
        (kind, key).save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        match <(u8, u64)>::load(from)? {
            (0, key) => Ok(Self::Route(RouteKey(key))),
            (1, key) => Ok(Self::Area(AreaKey(key))),
            (2, key) => Ok(Self::Overlay(CapKey(key))),
            (3, _) => Ok(Self::Road),
            _ => Err(SnapshotError::Value),
        }
    }
}

impl Saved for Speeding {
    fn save(&self, to: &mut Writer) {
        save_list(&self.groups, to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        Ok(Self {
            groups: load_list(from, GROUPS_MAX)?,
        })
    }
}

impl Saved for Roads {
    fn save(&self, to: &mut Writer) {
        save_list(&self.traces, to);
        save_list(&self.waiting, to);
        (self.block, self.step).save(to);
        self.in_block.save(to);
        self.suspects.save(to);
        // The last of all that is saved: states without it look as they did before there was any.
        if let Some(until) = &self.silent_until {
            until.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let traces = load_list(from, FIXES_MAX)?;
        let waiting = load_list(from, FIXES_MAX)?;
        let (block, step) = Saved::load(from)?;
        Ok(Self {
            traces,
            waiting,
            block,
            in_block: Saved::load(from)?,
            step,
            suspects: Saved::load(from)?,
            silent_until: if from.bytes.is_empty() {
                None
            } else {
                Some(Saved::load(from)?)
            },
        })
    }
}

impl Saved for Verdict {
    fn save(&self, to: &mut Writer) {
        let code: u8 = match self {
            Self::NotOver => 0,
            Self::WithoutRoad => 1,
            Self::Open => 2,
            Self::ByRoad => 3,
        };
        code.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        match u8::load(from)? {
            0 => Ok(Self::NotOver),
            1 => Ok(Self::WithoutRoad),
            2 => Ok(Self::Open),
            3 => Ok(Self::ByRoad),
            _ => Err(SnapshotError::Value),
        }
    }
}

impl Saved for Wheel {
    fn save(&self, to: &mut Writer) {
        self.growing.save(to);
        if self.growing.is_some() {
            self.grows_until.save(to);
        }
        self.subject.save(to);
        self.standing_since.save(to);
        save_list(&self.off, to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let growing: Option<Piece> = Saved::load(from)?;
        let grows_until = match growing {
            Some(_) => Saved::load(from)?,
            None => Timestamp::default(),
        };
        Ok(Self {
            growing,
            grows_until,
            subject: Saved::load(from)?,
            standing_since: Saved::load(from)?,
            off: load_list(from, OFF_MAX)?,
        })
    }
}
