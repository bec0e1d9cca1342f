//! Terminals whose places are of another datum than they say: GCJ-02 or BD-09 for WGS-84.
//!
//! ```text
//! sampling --so many samples--> all in order, or a violation: places taken for that datum fit the roads,
//!                               and as they are they do not
//! violation --the next samples show the same--> violation
//! violation --they do not-------------------> ended
//! ```
//!
//! From time to time a place of a moving vehicle is held against the roads as it is, and as it would be
//! if it were given in each of the other datums. Only samples that lie on a road in one of the ways
//! tell anything: where the map has no roads nothing is concluded. It costs the driver nothing; it
//! tells of a terminal or a platform that converts what it must not.

use crate::geo::datum::Datum;
use crate::model::violation::Details;
use crate::model::{Course, Fix, Position, Timestamp, ViolationKind};
use crate::roads::RoadMap;

use super::episode::{Episode, Finding};
use super::grade::penalty;
use super::{Context, Transition};

/// The ways in which a place is taken, the first of them as it is.
const DATUMS: [Datum; 3] = [Datum::Wgs84, Datum::Gcj02, Datum::Bd09];

/// The samples of a vehicle since the last conclusion, and what goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DatumCheck {
    /// First moment of the next sample.
    pub(super) next: Option<Timestamp>,
    /// Samples that tell something.
    pub(super) samples: u16,
    /// How many of them lie on a road, by [`DATUMS`].
    pub(super) on_road: [u16; 3],
    pub(super) open: Option<Box<Shifted>>,
}

/// A datum that is not the one declared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shifted {
    /// Place of the datum in [`DATUMS`].
    pub(super) datum: u16,
    /// Share of the samples that lie on a road as they are. Unit: percent.
    pub(super) percent: u16,
    pub(super) episode: Episode,
}

impl DatumCheck {
    pub(super) fn heap_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |_| size_of::<Shifted>())
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
        let on_road = DATUMS.map(|datum| lies_on_road(context, map, datum, fix));
        if !on_road.contains(&true) {
            return;
        }
        self.samples += 1;
        for (count, is_on) in self.on_road.iter_mut().zip(on_road) {
            *count += u16::from(is_on);
        }
        if u32::from(self.samples) >= rules.samples {
            self.conclude(context, fix, out);
        }
    }

    /// Concludes from the samples and begins anew.
    fn conclude(&mut self, context: &Context<'_>, fix: &Fix, out: &mut Vec<Transition>) {
        let rules = &context.rules.datum;
        let percent = |count: u16| {
            u16::try_from(u32::from(count) * 100 / u32::from(self.samples)).unwrap_or(0)
        };
        let percents = self.on_road.map(percent);
        (self.samples, self.on_road) = (0, [0; 3]);
        let [as_it_is, shifted @ ..] = percents;
        let likeliest = (1..).zip(shifted).max_by_key(|(_, percent)| *percent);
        let found = likeliest
            .filter(|(_, percent)| {
                u32::from(as_it_is) <= rules.misfits_percent
                    && u32::from(*percent) >= rules.fits_percent
            })
            .map(|(datum, _)| datum);
        if let Some(other) = self.open.take_if(|open| Some(open.datum) != found) {
            let finding = || finding(context, other.datum, other.percent);
            other
                .episode
                .end(context, fix, fix.time, None, finding, out);
        }
        let Some(datum) = found else { return };
        let open = match &mut self.open {
            Some(open) => {
                open.episode.see(fix);
                open.percent = as_it_is;
                open
            }
            none => none.insert(Box::new(Shifted {
                datum,
                percent: as_it_is,
                episode: Episode::new(fix.time, fix),
            })),
        };
        let finding = || finding(context, datum, as_it_is);
        open.episode
            .tell(context, fix, Some(fix.time), finding, out);
    }
}

/// Whether a fix lies on a road when its place is taken for one of that datum.
fn lies_on_road(context: &Context<'_>, map: &RoadMap, datum: Datum, fix: &Fix) -> bool {
    let (lat, lon) = datum.to_wgs84(fix.position.lat(), fix.position.lon());
    let course: Option<Course> = fix.course;
    Position::from_degrees(lat, lon).is_some_and(|place| {
        map.is_on_road(
            &context.rules.roads,
            place,
            course,
            context.rules.datum.near_m,
        )
    })
}

/// What a violation calls it, by [`DATUMS`].
const ALARMS: [&str; 3] = ["datum_wgs84", "datum_gcj02", "datum_bd09"];

fn finding(context: &Context<'_>, datum: u16, percent: u16) -> Finding {
    let rules = &context.rules.datum;
    let alarm = ALARMS.get(usize::from(datum)).copied().unwrap_or_default();
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
