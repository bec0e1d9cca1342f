//! The saved form of pieces: those of one subject and one vehicle, in order.
//!
//! ```text
//! byte 0        version, 1
//! bytes         beginning of the first piece, number of pieces, then each piece with its times
//!               counted from the end of the piece before
//! last 4 bytes  check code, as in a snapshot
//! ```
//!
//! A drive takes about twenty bytes, a stop six.

use super::super::piece::{Doing, Piece, Subject, Wheel};
use super::SnapshotError;
use super::bytes::{Reader, Saved, Writer, saved_struct};
use super::{open, seal};
use crate::model::{DriverId, Timestamp, VehicleId};

/// Version of the saved form.
const VERSION: u8 = 1;

/// Most pieces of one saved list; a bucket of two hours holds far fewer.
const PIECES_MAX: u64 = 1 << 16;

/// Saves pieces of one subject and one vehicle.
pub fn write_pieces(pieces: &[Piece]) -> Vec<u8> {
    let base = pieces.first().map_or(0, |piece| piece.from.millis());
    seal(
        VERSION,
        base,
        &Pieces(pieces.iter().map(Unowned::from).collect()),
    )
}

/// Reads saved pieces of that subject and vehicle.
///
/// # Errors
/// [`SnapshotError`] when the bytes are of another version, cut, or no saved form.
pub fn read_pieces(
    subject: Subject,
    vehicle: VehicleId,
    bytes: &[u8],
) -> Result<Vec<Piece>, SnapshotError> {
    let Pieces(pieces) = open(VERSION, bytes)?;
    Ok(pieces
        .into_iter()
        .map(|Unowned { from, to, doing }| Piece {
            subject,
            vehicle,
            from,
            to,
            doing,
        })
        .collect())
}

/// A piece whose subject and vehicle are known.
#[derive(Clone, Copy)]
struct Unowned {
    from: Timestamp,
    to: Timestamp,
    doing: Doing,
}

impl From<&Piece> for Unowned {
    fn from(piece: &Piece) -> Self {
        Self {
            from: piece.from,
            to: piece.to,
            doing: piece.doing,
        }
    }
}

struct Pieces(Vec<Unowned>);

impl Saved for Pieces {
    fn save(&self, to: &mut Writer) {
        (self.0.len() as u64).save(to);
        for piece in &self.0 {
            piece.from.save(to);
            to.base = piece.from.millis();
            piece.to.save(to);
            to.base = piece.to.millis();
            piece.doing.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let count = u64::load(from)?;
        if count > PIECES_MAX {
            return Err(SnapshotError::Value);
        }
        let mut pieces = Vec::new();
        for _ in 0..count {
            let begin = Timestamp::load(from)?;
            from.base = begin.millis();
            let end = Timestamp::load(from)?;
            from.base = end.millis();
            pieces.push(Unowned {
                from: begin,
                to: end,
                doing: Doing::load(from)?,
            });
        }
        Ok(Self(pieces))
    }
}

impl Saved for Doing {
    fn save(&self, to: &mut Writer) {
        let tag: u8 = match self {
            Self::Drove(_) => 0,
            Self::Unknown { .. } => 1,
            Self::Stood => 2,
            Self::StoodInferred => 3,
        };
        tag.save(to);
        match self {
            Self::Drove(wheel) => wheel.save(to),
            Self::Unknown { distance_m } => distance_m.save(to),
            Self::Stood | Self::StoodInferred => {}
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        Ok(match u8::load(from)? {
            0 => Self::Drove(Wheel::load(from)?),
            1 => Self::Unknown {
                distance_m: f64::load(from)?,
            },
            2 => Self::Stood,
            3 => Self::StoodInferred,
            _ => return Err(SnapshotError::Value),
        })
    }
}

saved_struct!(Wheel {
    fixes,
    position,
    speed,
    first_received,
    received
});

impl Saved for Subject {
    fn save(&self, to: &mut Writer) {
        match self {
            Self::Driver(driver) => (0_u8, *driver).save(to),
            Self::Unknown(vehicle) => (1_u8, *vehicle).save(to),
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        Ok(match u8::load(from)? {
            0 => Self::Driver(DriverId::load(from)?),
            1 => Self::Unknown(VehicleId::load(from)?),
            _ => return Err(SnapshotError::Value),
        })
    }
}
