//! Real floating-car tracks of the town of Hof with a route corrected by hand.
//!
//! Route mismatch after Newson and Krumm: length driven that is not on the true route, and length of
//! the true route that was not driven, against the length of the true route. Segments count whole.

use std::collections::BTreeMap;

use roadwarden::geo::metres;
use roadwarden::model::{Position, Speed, Timestamp};
use roadwarden::roads::matching::{Match, Matcher, Sighting};
use roadwarden::roads::{NodeNumber, NodePlace, RoadNetwork, SegmentNumber};

use super::truth::{network, table};

/// Where the tracks' speeds come from, which the set does not have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Speeds {
    /// All are zero, as a terminal reports that knows none.
    Zero,
    /// From the places before and after.
    FromPlaces,
}

/// Mismatch over all tracks; `None` without the data.
pub(crate) fn mismatch(speeds: Speeds) -> Option<f64> {
    let network = network("hof_closed")?;
    let roads = Roads::new(&network);
    let mut points: BTreeMap<u32, Vec<Sighting>> = BTreeMap::new();
    for row in table("hof_fcd_points_even")?.records() {
        let row = row.unwrap();
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let time = Timestamp::from_rfc3339(&row[1].replace(' ', "T")).unwrap();
        let sighting = Sighting {
            at_ms: time.millis(),
            position: Position::from_degrees(number(3), number(2)).unwrap(),
            speed: Speed::ZERO,
            course: None,
        };
        points
            .entry(row[0].parse().unwrap())
            .or_default()
            .push(sighting);
    }
    let (mut wrong_m, mut true_m) = (0.0, 0.0);
    for row in table("hof_fcd_truth_even")?.records() {
        let row = row.unwrap();
        let mut track = points.remove(&row[0].parse().unwrap()).unwrap();
        track.sort_by_key(|sighting| sighting.at_ms);
        if matches!(speeds, Speeds::FromPlaces) {
            track = with_speeds(&track);
        }
        let found = Matcher::new(&network).track(&track);
        let (wrong, whole) = roads.compare(&roads.truth(&row[1]), &roads.driven(&found));
        wrong_m += wrong;
        true_m += whole;
    }
    Some(wrong_m / true_m)
}

/// Fastest speed that is believed. Unit: km/h.
const SPEED_MAX: f64 = 200.0;

/// The same fixes with speeds from the places before and after.
pub(super) fn with_speeds(track: &[Sighting]) -> Vec<Sighting> {
    let last = track.len() - 1;
    let speeds = (0..track.len()).map(|at| {
        let (before, after) = (&track[at.saturating_sub(1)], &track[last.min(at + 1)]);
        let gap_ms = u32::try_from(after.at_ms - before.at_ms).unwrap();
        let way_m = metres(before.position, after.position);
        let kmh = way_m / f64::from(gap_ms.max(1)) * 3600.0;
        Sighting {
            speed: Speed::from_kmh(kmh.min(SPEED_MAX)).unwrap(),
            ..track[at]
        }
    });
    speeds.collect()
}

/// Two nodes of a piece of road, the smaller first: the direction does not matter.
pub(super) type Piece = (NodeNumber, NodeNumber);

fn piece(a: NodeNumber, b: NodeNumber) -> Piece {
    (a.min(b), a.max(b))
}

pub(super) struct Roads<'n> {
    network: &'n RoadNetwork,
    nodes: BTreeMap<NodePlace, NodeNumber>,
}

impl<'n> Roads<'n> {
    pub(super) fn new(network: &'n RoadNetwork) -> Self {
        let numbers = (0..u32::try_from(network.node_count()).unwrap()).map(NodeNumber);
        Self {
            network,
            nodes: numbers.map(|node| (network.place(node), node)).collect(),
        }
    }

    /// The true route as pieces; where it begins or ends on a piece, that piece.
    fn truth(&self, multi_line: &str) -> Vec<Piece> {
        let lines = multi_line.trim_start_matches("MULTILINESTRING").trim();
        let mut route = Vec::new();
        for line in lines.trim_matches(['(', ')']).split("),") {
            let places = line.trim_matches([' ', '(', ')']).split(',').map(place);
            let (mut last, mut before) = (None, None);
            for at in places {
                match self.nodes.get(&at).copied() {
                    Some(node) => {
                        let end = before.take().and_then(|at| self.neighbour(node, at));
                        let from = end.or(last).filter(|from| *from != node);
                        route.extend(from.map(|from| piece(from, node)));
                        last = Some(node);
                    }
                    None => match last {
                        Some(node) => {
                            let end = self.neighbour(node, at);
                            route.extend(end.map(|end| piece(node, end)));
                        }
                        None => before = Some(at),
                    },
                }
            }
        }
        route
    }

    /// The other end of the piece at `node` on which a place lies.
    fn neighbour(&self, node: NodeNumber, place: NodePlace) -> Option<NodeNumber> {
        let mut nearest = None;
        self.network.near(place, 1.5, |near| {
            let segment = self.network.segment(near.segment);
            if segment.from() == node {
                nearest = Some(segment.to());
            }
        });
        nearest
    }

    /// The route of a match: its segments, and the shortest ways between them.
    pub(super) fn driven(&self, found: &[Option<Match>]) -> Vec<Piece> {
        let mut route: Vec<Piece> = Vec::new();
        let mut last: Option<SegmentNumber> = None;
        for found in found.iter().flatten() {
            if last == Some(found.segment) {
                continue;
            }
            if let Some(last) = last {
                self.join(last, found.segment, &mut route);
            }
            let segment = self.network.segment(found.segment);
            route.push(piece(segment.from(), segment.to()));
            last = Some(found.segment);
        }
        route
    }

    /// Adds the shortest way from the end of one segment to the beginning of another.
    fn join(&self, from: SegmentNumber, to: SegmentNumber, route: &mut Vec<Piece>) {
        let start = self.network.segment(from).to();
        let goal = self.network.segment(to).from();
        let mut came: BTreeMap<NodeNumber, NodeNumber> = BTreeMap::new();
        let mut queue = std::collections::BTreeSet::from([(0_u64, start, start)]);
        while let Some((so_far_mm, node, before)) = queue.pop_first() {
            if came.contains_key(&node) {
                continue;
            }
            came.insert(node, before);
            if node == goal {
                break;
            }
            for leaving in self.network.leaving(node) {
                let segment = self.network.segment(leaving);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "lengths are small and not negative"
                )]
                let length_mm = (segment.length_m() * 1000.0) as u64;
                queue.insert((so_far_mm + length_mm, segment.to(), node));
            }
        }
        let mut node = goal;
        while let Some(before) = came.get(&node).copied().filter(|before| *before != node) {
            route.push(piece(before, node));
            node = before;
        }
    }

    /// Length that is wrong, and length of the truth. Unit: m.
    fn compare(&self, truth: &[Piece], driven: &[Piece]) -> (f64, f64) {
        let mut times: BTreeMap<Piece, (u32, u32)> = BTreeMap::new();
        for piece in truth {
            times.entry(*piece).or_default().0 += 1;
        }
        for piece in driven {
            times.entry(*piece).or_default().1 += 1;
        }
        let lengths = times.iter().map(|((a, b), (truth, driven))| {
            let ends = [a, b].map(|node| self.network.place(*node).position());
            let length_m = metres(ends[0], ends[1]);
            let wrong = f64::from(truth.abs_diff(*driven));
            (length_m * wrong, length_m * f64::from(*truth))
        });
        lengths.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

/// A place as text, longitude first.
fn place(text: &str) -> NodePlace {
    let (lon, lat) = text.trim().split_once(' ').unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "degrees")]
    let e7 = |text: &str| (text.trim().parse::<f64>().unwrap() * 1e7).round() as i32;
    NodePlace {
        lat_e7: e7(lat),
        lon_e7: e7(lon),
    }
}
