//! Who is at the wheel: the stretches of one vehicle as pieces of its drivers' time.
//!
//! ```text
//! stretch of the same subject, same doing, no hole --> the growing piece grows
//! any other stretch --> the growing piece is told, a new one grows
//! standing for a rest or longer --> nothing more to tell: time of which nobody speaks is time off
//! another subject takes over --> the one before is off, told until that has become a rest (A8)
//! ```
//!
//! The piece that grows is told when it ends, or when somebody asks for it.

use crate::model::rules::RuleSet;
use crate::model::{Fix, Timestamp, VehicleId};

use super::Transition;
use super::motion::{Activity, Stretch};
use super::piece::{Doing, Piece, Subject, Wheel as LastFix};

/// Drivers who left the wheel and may not have rested yet; of more the first one is forgotten.
pub(super) const OFF_MAX: usize = 8;

/// The wheel of one vehicle.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wheel {
    /// The piece that may still grow; told up to its beginning.
    pub(super) growing: Option<Piece>,
    /// The end up to which it may grow.
    pub(super) grows_until: Timestamp,
    /// Who was at the wheel last.
    pub(super) subject: Option<Subject>,
    /// Since when the vehicle stands with this subject.
    pub(super) standing_since: Option<Timestamp>,
    /// Who left the wheel lately, the first one first.
    pub(super) off: Vec<Off>,
}

/// Somebody who left the wheel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Off {
    /// Who.
    pub(super) subject: Subject,
    /// Since when.
    pub(super) since: Timestamp,
    /// Told up to here.
    pub(super) told: Timestamp,
    /// Known up to here.
    pub(super) to: Timestamp,
}

impl Wheel {
    pub(super) fn heap_bytes(&self) -> usize {
        self.off.capacity() * size_of::<Off>()
    }

    /// Takes in a stretch that `fix` has decided.
    pub(super) fn handle_stretch(
        &mut self,
        rules: &RuleSet,
        stretch: &Stretch,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        let subject = Subject::at_wheel(fix.vehicle, stretch.driver);
        if self.subject != Some(subject) {
            self.change(subject, fix.vehicle, stretch.from, out);
        }
        if !self.off.is_empty() {
            self.rest_off(rules, stretch, fix.vehicle, out);
        }
        let doing = match stretch.activity {
            Activity::Driving => Doing::Drove(LastFix {
                fixes: 1,
                position: fix.position,
                speed: fix.speed,
                first_received: fix.received,
                received: fix.received,
            }),
            Activity::Unknown { distance_m } => Doing::Unknown { distance_m },
            Activity::Standing => Doing::Stood,
            Activity::StandingInferred => Doing::StoodInferred,
        };
        let rested = match doing {
            Doing::Drove(_) | Doing::Unknown { .. } => {
                self.standing_since = None;
                false
            }
            Doing::Stood | Doing::StoodInferred => {
                let since = *self.standing_since.get_or_insert(stretch.from);
                stretch.from.since(since) >= rules.fatigue.rest_min
            }
        };
        if rested && doing == Doing::Stood {
            return;
        }
        let piece = Piece {
            subject,
            vehicle: fix.vehicle,
            from: stretch.from,
            to: stretch.to,
            doing,
        };
        let grows_until = self.grows_until;
        if let Some(growing) = &mut self.growing
            && growing.absorb(&piece, grows_until)
        {
            return;
        }
        self.tell_growing(out);
        self.grows_until = piece.grows_until(rules);
        self.growing = Some(piece);
    }

    /// Tells everything that is known and not told yet.
    pub(super) fn tell(&mut self, vehicle: VehicleId, out: &mut Vec<Transition>) {
        self.tell_growing(out);
        for off in &mut self.off {
            off.tell(vehicle, out);
        }
    }

    fn tell_growing(&mut self, out: &mut Vec<Transition>) {
        if let Some(piece) = self.growing.take() {
            self.grows_until = Timestamp::default();
            out.push(Transition::Piece(Box::new(piece)));
        }
    }

    /// Another subject is at the wheel from `at` on.
    fn change(
        &mut self,
        subject: Subject,
        vehicle: VehicleId,
        at: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        self.tell_growing(out);
        if let Some(index) = self.off.iter().position(|off| off.subject == subject) {
            self.off.remove(index).tell(vehicle, out);
        }
        if let Some(before) = self.subject.replace(subject) {
            if self.off.len() >= OFF_MAX {
                self.off.remove(0).tell(vehicle, out);
            }
            self.off.reserve_exact(1);
            self.off.push(Off {
                subject: before,
                since: at,
                told: at,
                to: at,
            });
        }
        self.standing_since = None;
    }

    /// Those who left the wheel are off for one more stretch, whatever the vehicle did.
    fn rest_off(
        &mut self,
        rules: &RuleSet,
        stretch: &Stretch,
        vehicle: VehicleId,
        out: &mut Vec<Transition>,
    ) {
        for off in &mut self.off {
            off.to = stretch.to;
            if off.to.since(off.since) >= rules.fatigue.rest_min {
                off.tell(vehicle, out);
            }
        }
        self.off
            .retain(|off| off.to.since(off.since) < rules.fatigue.rest_min);
    }
}

impl Off {
    fn tell(&mut self, vehicle: VehicleId, out: &mut Vec<Transition>) {
        if self.told < self.to {
            out.push(Transition::Piece(Box::new(Piece {
                subject: self.subject,
                vehicle,
                from: self.told,
                to: self.to,
                doing: Doing::Stood,
            })));
            self.told = self.to;
        }
    }
}
