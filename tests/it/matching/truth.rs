//! Tracks whose true road is known, and how well a match agrees with it.
//!
//! Shared by the tests and the bench `matching`. The data are not part of the project: they are read
//! from the folder that `ROADWARDEN_SHARED` names, else from `shared` beside the project.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use roadwarden::files::osm;
use roadwarden::model::{Course, Position, Speed};
use roadwarden::roads::matching::{Match, Matcher, Sighting};
use roadwarden::roads::{RoadNetwork, SegmentNumber};

/// A fix with what is true of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrueFix {
    /// The fix as reported.
    pub(crate) sighting: Sighting,
    /// The way that is driven.
    pub(crate) way: i64,
    /// The limit of that way, where it has one.
    pub(crate) limit: Option<Speed>,
    /// The segment, for drives of our own.
    pub(crate) segment: Option<SegmentNumber>,
}

/// A file of the shared data; `None` (said on standard output) when it is not there.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ROADWARDEN_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let path = root.join("data").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

/// The roads of an extract of the shared data.
pub(crate) fn network(name: &str) -> Option<RoadNetwork> {
    let path = shared(&format!("osm/{name}.osm.pbf"))?;
    Some(osm::read(&path, &|_| ()).unwrap().0)
}

/// Lines of a packed table of the shared data, header first.
pub(crate) fn table(name: &str) -> Option<csv::Reader<std::io::Cursor<Vec<u8>>>> {
    let mut text = Vec::new();
    let file = File::open(shared(&format!("tracks/{name}.csv.gz"))?).unwrap();
    GzDecoder::new(file).read_to_end(&mut text).unwrap();
    Some(csv::Reader::from_reader(std::io::Cursor::new(text)))
}

/// The tracks of a synthetic set.
pub(crate) fn synthetic(name: &str) -> Option<Vec<Vec<TrueFix>>> {
    let mut tracks: BTreeMap<u32, Vec<TrueFix>> = BTreeMap::new();
    for row in table(&format!("synthetic_{name}"))?.records() {
        let row = row.unwrap();
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds of a track and whole degrees"
        )]
        let (at_ms, course) = ((number(1) * 1000.0) as i64, number(5) as u16);
        let fix = TrueFix {
            sighting: Sighting {
                at_ms,
                position: Position::from_degrees(number(3), number(2)).unwrap(),
                speed: Speed::from_kmh(number(4)).unwrap(),
                course: Course::from_degrees(course),
            },
            way: row[9].parse().unwrap(),
            limit: row[14].parse().ok().and_then(Speed::from_kmh),
            segment: None,
        };
        tracks.entry(row[0].parse().unwrap()).or_default().push(fix);
    }
    Some(tracks.into_values().collect())
}

/// How a track is thinned and matched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampling {
    /// Every how many fixes one is kept.
    pub(crate) every: usize,
    /// Whether the course is given.
    pub(crate) with_course: bool,
    /// Later fixes for each decision; `None` for all.
    pub(crate) lag: Option<usize>,
}

impl Sampling {
    /// Every fix, with its course, whole tracks.
    pub(crate) const DENSE: Self = Self {
        every: 1,
        with_course: true,
        lag: None,
    };

    /// What is left of the tracks.
    pub(crate) fn thin(self, tracks: &[Vec<TrueFix>]) -> Vec<Vec<TrueFix>> {
        let thin = tracks.iter().map(|track| {
            let kept = track.iter().step_by(self.every);
            let kept = kept.map(|fix| TrueFix {
                sighting: Sighting {
                    course: fix.sighting.course.filter(|_| self.with_course),
                    ..fix.sighting
                },
                ..*fix
            });
            kept.collect()
        });
        thin.collect()
    }

    /// Matches what is left.
    pub(crate) fn run(self, matcher: &mut Matcher<'_>, track: &[TrueFix]) -> Vec<Option<Match>> {
        let sightings: Vec<Sighting> = track.iter().map(|fix| fix.sighting).collect();
        match self.lag {
            Some(lag) => matcher.track_with_lag(&sightings, lag),
            None => matcher.track(&sightings),
        }
    }
}

/// Counts of fixes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    fixes: u32,
    right_way: u32,
    with_limit: u32,
    right_limit: u32,
    over_and_said: u32,
    over_not_said: u32,
    said_not_over: u32,
    sure: u32,
    sure_and_right: u32,
}

impl Score {
    /// Of all tracks.
    pub(crate) fn of(network: &RoadNetwork, tracks: &[Vec<TrueFix>], sampling: Sampling) -> Self {
        let mut matcher = Matcher::new(network);
        let mut score = Self::default();
        for track in sampling.thin(tracks) {
            let found = sampling.run(&mut matcher, &track);
            for (fix, found) in track.iter().zip(&found) {
                score.add(network, fix, found.as_ref());
            }
        }
        score
    }

    fn add(&mut self, network: &RoadNetwork, fix: &TrueFix, found: Option<&Match>) {
        let way = found.map(|found| network.way_of(found.segment).id);
        self.fixes += 1;
        self.right_way += u32::from(way == Some(fix.way));
        let Some(truth) = fix.limit else { return };
        let limit = found.and_then(|found| network.posted_limit(found.segment));
        let is_right = limit.is_some_and(|limit| is_same(limit, truth));
        let is_sure = found.is_some_and(|found| found.confidence >= 0.8);
        self.with_limit += 1;
        self.right_limit += u32::from(is_right);
        self.sure += u32::from(is_sure);
        self.sure_and_right += u32::from(is_sure && is_right);
        let is_over = |limit: Speed| fix.sighting.speed.excess_ratio(limit) > 0.1;
        match (is_over(truth), limit.is_some_and(is_over)) {
            (true, true) => self.over_and_said += 1,
            (true, false) => self.over_not_said += 1,
            (false, true) => self.said_not_over += 1,
            (false, false) => {}
        }
    }

    /// Share of the fixes with a true limit whose limit was found.
    pub(crate) fn agreement(self) -> f64 {
        share(self.right_limit, self.with_limit)
    }

    /// Share of all fixes whose way was found.
    pub(crate) fn way_agreement(self) -> f64 {
        share(self.right_way, self.fixes)
    }

    /// Share of the fixes said to be over 110 % of the limit that are.
    pub(crate) fn precision(self) -> f64 {
        share(self.over_and_said, self.over_and_said + self.said_not_over)
    }

    /// Share of the fixes over 110 % of the limit of which it was said.
    pub(crate) fn recall(self) -> f64 {
        share(self.over_and_said, self.over_and_said + self.over_not_said)
    }

    /// Share of the fixes with a confidence of 0.8 or more, and how often these are right.
    pub(crate) fn sure(self) -> (f64, f64) {
        (
            share(self.sure, self.with_limit),
            share(self.sure_and_right, self.sure),
        )
    }
}

/// Limits agree within the rounding of the truth to 0.01 km/h.
fn is_same(limit: Speed, truth: Speed) -> bool {
    limit.mkmh().abs_diff(truth.mkmh()) <= 10
}

fn share(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole.max(1))
}
