//! Vehicles whose places are of another datum than is declared for them, whichever is declared.
//!
//! ```text
//! sampling --so many samples--> all in order, or a violation: places taken for that datum fit the roads,
//!                               and as they are they do not
//! violation --the next samples show the same--> violation
//! violation --they do not-------------------> ended
//! ```
//!
//! From time to time a place of a moving vehicle is held against the roads as it is, and, where it lies on none,
//! as it would be if another datum had been declared than the one in which it was given. Only samples that lie
//! on a road in one of the ways tell anything: where the map has no roads nothing is concluded. It costs the
//! driver nothing; it tells of a terminal or a platform that converts what it must not, or of a wrong line in
//! the register.
//!
//! A stored place does not say what was declared when it came, and the register says only what is declared now.
//! But each wrong declaration moves the places another way, so that the places themselves tell which it was.

use std::cmp::Reverse;

use crate::geo::datum::{from_wgs84, to_wgs84};
use crate::model::violation::Details;
use crate::model::{Course, Datum, DatumSuspicion, Fix, Position, Timestamp, ViolationKind};
use crate::roads::RoadMap;

use super::episode::{Episode, Finding};
use super::grade::penalty;
use super::{Context, Transition};

/// How a place came to be what is stored: converted as of the declared datum, and given in another.
#[derive(Clone, Copy, Debug)]
struct Way {
    declared: Datum,
    given: Datum,
}

/// The wrong ways, the likeliest first.
const WAYS: [Way; 6] = [
    way(Datum::Wgs84, Datum::Gcj02),
    way(Datum::Wgs84, Datum::Bd09),
    way(Datum::Gcj02, Datum::Wgs84),
    way(Datum::Bd09, Datum::Wgs84),
    way(Datum::Gcj02, Datum::Bd09),
    way(Datum::Bd09, Datum::Gcj02),
];

const fn way(declared: Datum, given: Datum) -> Way {
    Way { declared, given }
}

impl Way {
    /// Where the vehicle was, if its stored place came this way; `None` where the ways do not differ.
    fn place(self, stored: Position) -> Option<Position> {
        let (lat, lon) = from_wgs84(self.declared, stored.lat(), stored.lon());
        let (lat, lon) = to_wgs84(self.given, lat, lon);
        Position::from_degrees(lat, lon).filter(|place| *place != stored)
    }
}

/// The samples of a vehicle since the last conclusion, and what goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DatumCheck {
    /// First moment of the next sample.
    pub(super) next: Option<Timestamp>,
    /// Samples that tell something.
    pub(super) samples: u16,
    /// How many of them lie on a road as they are.
    pub(super) as_they_are: u16,
    /// How many of the others lie on a road, by [`WAYS`].
    pub(super) on_road: [u16; 6],
    pub(super) open: Option<Box<Shifted>>,
}

/// Places of a datum that is not the one declared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shifted {
    /// Number of the way in [`WAYS`].
    pub(super) way: u16,
    /// Share of the samples that lie on a road as they are. Unit: percent.
    pub(super) percent: u16,
    pub(super) episode: Episode,
}

impl DatumCheck {
    pub(super) fn heap_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |_| size_of::<Shifted>())
    }

    /// Of which datum the places look, where that is not the declared one.
    pub(super) fn suspicion(&self) -> Option<DatumSuspicion> {
        let open = self.open.as_ref()?;
        Some(DatumSuspicion {
            datum: given(open.way),
            since: open.episode.started_at,
        })
    }

    /// One judged fix.
    pub(super) fn handle_fix(
        &mut self,
        context: &Context<'_>,
        fix: &Fix,
        out: &mut Vec<Transition>,
    ) {
        let rules = &context.rules.datum;
        let Some(map) = context.roads else { return };
        if fix.speed < context.rules.roads.course_from
            || self.next.is_some_and(|next| fix.time < next)
        {
            return;
        }
        self.next = Some(fix.time + rules.step);
        if lies_on_road(context, map, fix.position, fix.course) {
            self.as_they_are += 1;
        } else {
            let on_road = WAYS.map(|way| {
                way.place(fix.position)
                    .is_some_and(|place| lies_on_road(context, map, place, fix.course))
            });
            if !on_road.contains(&true) {
                return;
            }
            for (count, is_on) in self.on_road.iter_mut().zip(on_road) {
                *count += u16::from(is_on);
            }
        }
        self.samples += 1;
        if u32::from(self.samples) >= rules.samples {
            self.conclude(context, fix, out);
        }
    }

    /// Concludes from the samples and begins anew.
    fn conclude(&mut self, context: &Context<'_>, fix: &Fix, out: &mut Vec<Transition>) {
        let rules = &context.rules.datum;
        let as_they_are = percent(self.as_they_are, self.samples);
        let others = self.samples - self.as_they_are;
        // Of two that fit equally well the likelier one, which stands first.
        let likeliest = (0..)
            .zip(self.on_road)
            .min_by_key(|(_, count)| Reverse(*count));
        let found = likeliest
            .filter(|(_, count)| {
                u32::from(as_they_are) <= rules.misfits_percent
                    && u32::from(percent(*count, others)) >= rules.fits_percent
            })
            .map(|(way, _)| way);
        (self.samples, self.as_they_are, self.on_road) = (0, 0, [0; 6]);
        if let Some(other) = self.open.take_if(|open| Some(open.way) != found) {
            let finding = || finding(context, other.way, other.percent);
            other
                .episode
                .end(context, fix, fix.time, None, finding, out);
        }
        let Some(way) = found else { return };
        let open = match &mut self.open {
            Some(open) => {
                open.episode.see(fix);
                open.percent = as_they_are;
                open
            }
            none => none.insert(Box::new(Shifted {
                way,
                percent: as_they_are,
                episode: Episode::new(fix.time, fix),
            })),
        };
        let finding = || finding(context, way, as_they_are);
        open.episode
            .tell(context, fix, Some(fix.time), finding, out);
    }
}

/// The share of `count` in `all`, rounded down. Unit: percent.
fn percent(count: u16, all: u16) -> u16 {
    let share = (u32::from(count) * 100).checked_div(u32::from(all));
    u16::try_from(share.unwrap_or(0)).unwrap_or(0)
}

fn lies_on_road(
    context: &Context<'_>,
    map: &RoadMap,
    place: Position,
    course: Option<Course>,
) -> bool {
    let near_m = context.rules.datum.near_m;
    map.is_on_road(&context.rules.roads, place, course, near_m)
}

/// The datum in which places of that way were given.
fn given(way: u16) -> Datum {
    WAYS.get(usize::from(way))
        .map_or(Datum::default(), |way| way.given)
}

/// What a violation calls it: the datum that is to be declared.
const fn alarm(datum: Datum) -> &'static str {
    match datum {
        Datum::Wgs84 => "datum_wgs84",
        Datum::Gcj02 => "datum_gcj02",
        Datum::Bd09 => "datum_bd09",
    }
}

fn finding(context: &Context<'_>, way: u16, percent: u16) -> Finding {
    let rules = &context.rules.datum;
    let alarm = alarm(given(way));
    Finding {
        kind: ViolationKind::TerminalAlarm,
        details: Details::TerminalAlarm {
            alarm: alarm.to_owned(),
            level: None,
            measured: Some(f64::from(percent)),
            allowed: Some(f64::from(rules.misfits_percent)),
            fine_cny: None,
        },
        grade: penalty(context.rules, &rules.penalty, context.profile.class, true),
    }
}
