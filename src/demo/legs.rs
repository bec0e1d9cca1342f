//! The ways that a plan drives in a day.

use super::cast::Plan;
use super::network::{LINES, Network, Way};

/// One way and the time spent at its end.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) way: Way,
    /// Unit: s.
    pub(super) wait_s: i64,
}

/// The legs of a plan; none for a vehicle that stays in its yard.
pub(super) fn legs(network: &Network, plan: &Plan) -> Vec<Leg> {
    match plan {
        Plan::Silent => Vec::new(),
        Plan::Tour(tour) => tour
            .iter()
            .map(|(towns, wait_min)| Leg {
                way: network.way(towns),
                wait_s: wait_min * 60,
            })
            .collect(),
        Plan::Line {
            route,
            legs,
            wait_min,
        } => {
            let line = LINES.iter().find(|line| line.id == *route);
            let out: Vec<usize> = line.map_or_else(Vec::new, |line| line.towns.to_vec());
            let back: Vec<usize> = out.iter().rev().copied().collect();
            let ways = [network.way(&out), network.way(&back)];
            ways.iter()
                .cycle()
                .take(*legs)
                .map(|way| Leg {
                    way: way.clone(),
                    wait_s: wait_min * 60,
                })
                .collect()
        }
    }
}
