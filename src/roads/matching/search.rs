//! The ways from the end of one segment to the beginnings of others, bounded.
//!
//! An A* search: by length, with slower kinds of road a little longer than they are, because
//! drivers take the better road. It ends when every target that matters is reached, when nothing
//! within the bound is left, or after [`SETTLED_MAX`] nodes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::model::RoadClass;
use crate::roads::index::Plane;
use crate::roads::network::{NONE, RoadNetwork, WayFlags, count};

/// Most nodes that one search looks at.
pub(super) const SETTLED_MAX: usize = 2000;

/// Most nodes that one search remembers.
const LABELS_MAX: usize = 4 * SETTLED_MAX;

/// Binary logarithm of the slots of the table of nodes at first; it grows with what is in it, at most
/// to four times [`LABELS_MAX`].
const SLOT_BITS: u32 = 9;

/// A node that was reached.
#[derive(Clone, Copy, Debug)]
struct Label {
    node: u32,
    /// Segment by which it was reached.
    via: u32,
    /// Label before it, or [`NONE`] for the first.
    parent: u32,
    /// Metres from the end of the first segment.
    metres: f32,
    /// The same with better roads preferred. Unit: cm.
    cost: u32,
    /// Times that a way was left at a junction.
    turns: u16,
    settled: bool,
}

/// A target that was reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Arrival {
    /// Number of the target.
    pub(super) target: u32,
    /// Metres between the end of the first segment and the beginning of the target.
    pub(super) metres: f64,
    /// Times that a way was left at a junction.
    pub(super) turns: f64,
    /// Whether it turns round at the last node.
    pub(super) turns_round: bool,
    /// For [`Search::between`].
    pub(super) label: u32,
}

/// How far to search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound<'p> {
    /// Longest way. Unit: m.
    pub(super) metres: f64,
    /// The plane around the place toward which the search goes.
    pub(super) toward: &'p Plane,
    /// Distance from that place at which targets may lie. Unit: m.
    pub(super) reach: f64,
}

/// A segment as a target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// Its number in the network.
    pub(super) segment: u32,
    /// Its own number.
    pub(super) number: u32,
    /// Whether the search goes on until it is reached.
    pub(super) wanted: bool,
}

/// The targets of searches, each once.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// By segment.
    list: Vec<Target>,
    /// The last digits of the segments, as bits: most segments are none of them.
    digits: [u64; DIGITS / 64],
    /// Those that are wanted, as bits.
    wanted: u64,
}

/// Numbers that the last digits of a segment make: so many that few segments look like a target.
const DIGITS: usize = 1024;

impl Targets {
    /// Other targets, ordered by segment; at most 64.
    pub(super) fn set(&mut self, targets: impl Iterator<Item = Target>) {
        self.list.clear();
        self.list.extend(targets);
        (self.digits, self.wanted) = Default::default();
        for target in &self.list {
            let (word, digit) = place_of(target.segment);
            self.digits[word] |= digit;
            if target.wanted {
                self.wanted |= bit(target.number);
            }
        }
    }

    /// The number of the target that a segment is.
    fn find(&self, segment: u32) -> Option<u32> {
        let (word, digit) = place_of(segment);
        if self.digits[word] & digit == 0 {
            return None;
        }
        let found = self
            .list
            .binary_search_by_key(&segment, |target| target.segment);
        found.ok().map(|found| self.list[found].number)
    }
}

/// The word and the bit of a segment's last digits.
const fn place_of(segment: u32) -> (usize, u64) {
    let digits = segment as usize % DIGITS;
    (digits / 64, 1 << (digits % 64))
}

/// Node to label, emptied by a change of the stamp.
#[derive(Debug)]
struct Table {
    slots: Vec<Slot>,
    /// Binary logarithm of the number of slots.
    bits: u32,
    stamp: u32,
    /// Nodes in it.
    nodes: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    stamp: u32,
    node: u32,
    label: u32,
}

impl Table {
    fn new() -> Self {
        Self {
            slots: vec![Slot::default(); 1 << SLOT_BITS],
            bits: SLOT_BITS,
            stamp: 0,
            nodes: 0,
        }
    }

    fn clear(&mut self) {
        self.nodes = 0;
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.slots.fill(Slot::default());
            self.stamp = 1;
        }
    }

    /// The label of a node, where it has one.
    fn get(&self, node: u32) -> Option<u32> {
        let slot = self.slots[self.slot_of(node)];
        (slot.stamp == self.stamp).then_some(slot.label)
    }

    /// Gives a node that has none a label.
    fn insert(&mut self, node: u32, label: u32) {
        let at = self.slot_of(node);
        self.slots[at] = Slot {
            stamp: self.stamp,
            node,
            label,
        };
        self.nodes += 1;
        if 2 * self.nodes > self.slots.len() {
            self.grow();
        }
    }

    /// The slot of a node, or the free one where it belongs.
    fn slot_of(&self, node: u32) -> usize {
        let mut at = (node.wrapping_mul(0x9E37_79B1) >> (u32::BITS - self.bits)) as usize;
        while self.slots[at].stamp == self.stamp && self.slots[at].node != node {
            at = (at + 1) & (self.slots.len() - 1);
        }
        at
    }

    fn grow(&mut self) {
        self.bits += 1;
        let slots = vec![Slot::default(); 1 << self.bits];
        let before = std::mem::replace(&mut self.slots, slots);
        for slot in before.into_iter().filter(|slot| slot.stamp == self.stamp) {
            let at = self.slot_of(slot.node);
            self.slots[at] = slot;
        }
    }
}

/// The search, with the memory that it uses again.
#[derive(Debug)]
pub(super) struct Search {
    table: Table,
    queue: BinaryHeap<Reverse<(u32, u32)>>,
    labels: Vec<Label>,
    /// First label of the search that runs.
    first: u32,
}

impl Search {
    pub(super) fn new() -> Self {
        Self {
            table: Table::new(),
            queue: BinaryHeap::new(),
            labels: Vec::new(),
            first: 0,
        }
    }

    /// Forgets what [`Search::between`] needs.
    pub(super) fn forget(&mut self) {
        self.labels.clear();
    }

    /// Adds to `arrivals` every one of `targets` (by segment) that is reached from the end of `start`.
    pub(super) fn run(
        &mut self,
        network: &RoadNetwork,
        start: u32,
        bound: &Bound<'_>,
        targets: &Targets,
        arrivals: &mut Vec<Arrival>,
    ) {
        let mut aim = Aim {
            targets,
            arrivals,
            missing: targets.wanted,
        };
        self.begin(network, start);
        for _ in 0..SETTLED_MAX {
            let Some(at) = self.settle() else { return };
            let label = self.labels[at as usize];
            let exits = Exits::at(network, &label);
            for exit in exits.segments.clone() {
                aim.look(network, &exits, &label, at, exit);
                if aim.is_done() {
                    return;
                }
                if exit != exits.twin {
                    self.reach(network, bound, &exits, at, exit);
                }
            }
        }
    }

    /// Adds the segments between the first segment and an arrival to `way`, in order.
    pub(super) fn between(&self, arrival: u32, way: &mut Vec<u32>) {
        let first = way.len();
        let mut label = &self.labels[arrival as usize];
        while label.parent != NONE {
            way.push(label.via);
            label = &self.labels[label.parent as usize];
        }
        way[first..].reverse();
    }

    fn begin(&mut self, network: &RoadNetwork, start: u32) {
        self.table.clear();
        self.queue.clear();
        let first = count(self.labels.len());
        self.first = first;
        let node = network.segments[start as usize].to;
        self.labels.push(Label {
            node,
            via: start,
            parent: NONE,
            metres: 0.0,
            cost: 0,
            turns: 0,
            settled: false,
        });
        self.table.insert(node, first);
        self.queue.push(Reverse((0, first)));
    }

    /// The nearest label that is not yet settled.
    fn settle(&mut self) -> Option<u32> {
        while let Some(Reverse((_, at))) = self.queue.pop() {
            let label = &mut self.labels[at as usize];
            if !label.settled {
                label.settled = true;
                return Some(at);
            }
        }
        None
    }

    /// Goes along one segment, unless that leads out of the bound or to where a better way led.
    fn reach(
        &mut self,
        network: &RoadNetwork,
        bound: &Bound<'_>,
        exits: &Exits,
        at: u32,
        exit: u32,
    ) {
        let segment = &network.segments[exit as usize];
        let known = self.table.get(segment.to);
        if known.is_some_and(|known| self.labels[known as usize].settled) {
            return;
        }
        let label = self.labels[at as usize];
        let length = segment.length_m();
        let metres = f64::from(label.metres) + length;
        let (north, east) = bound.toward.offset(network.places[segment.to as usize]);
        let left = ((north * north + east * east).sqrt() - bound.reach).max(0.0);
        if metres + left > bound.metres {
            return;
        }
        let turns = exits.is_turn(network, exit);
        let reached = Label {
            node: segment.to,
            via: exit,
            parent: at,
            metres: narrow(metres),
            cost: label.cost + centimetres(length * slowness(network, exit)) + turn_cost(turns),
            turns: label.turns.saturating_add(u16::from(turns)),
            settled: false,
        };
        let rank = reached.cost + centimetres(left);
        let next = count(self.labels.len());
        if (next - self.first) as usize >= LABELS_MAX {
            return;
        }
        match known {
            None => {
                self.table.insert(segment.to, next);
                self.labels.push(reached);
                self.queue.push(Reverse((rank, next)));
            }
            Some(known) => {
                let label = &mut self.labels[known as usize];
                if reached.cost < label.cost {
                    *label = reached;
                    self.queue.push(Reverse((rank, known)));
                }
            }
        }
    }
}

/// What is looked for, and what of it is found.
struct Aim<'a> {
    targets: &'a Targets,
    arrivals: &'a mut Vec<Arrival>,
    /// Wanted targets that are not found yet, as bits.
    missing: u64,
}

impl Aim<'_> {
    /// Notes an exit of a label that is a target.
    fn look(&mut self, network: &RoadNetwork, exits: &Exits, label: &Label, at: u32, exit: u32) {
        if let Some(target) = self.targets.find(exit) {
            self.missing &= !bit(target);
            let arrival = exits.arrival(network, label, at, exit, target);
            self.arrivals.push(arrival);
        }
    }

    const fn is_done(&self) -> bool {
        self.missing == 0
    }
}

/// The bit of a number's last digits; of targets, of which there are no more, each has its own.
const fn bit(number: u32) -> u64 {
    1 << (number % u64::BITS)
}

/// The segments that leave a node, as one who comes to it sees them.
#[derive(Debug)]
struct Exits {
    segments: std::ops::Range<u32>,
    /// The segment back to where one came from, or [`NONE`].
    twin: u32,
    /// The way by which one came.
    way: u32,
    /// Whether there is a choice beside going back.
    is_junction: bool,
}

impl Exits {
    fn at(network: &RoadNetwork, label: &Label) -> Self {
        let node = label.node as usize;
        let segments = network.first_out[node]..network.first_out[node + 1];
        let came = &network.segments[label.via as usize];
        let back = u32::from(came.twin != NONE);
        Self {
            is_junction: count(segments.len()) > 1 + back,
            segments,
            twin: came.twin,
            way: came.way().0,
        }
    }

    /// Whether `exit` leaves the way at a junction.
    fn is_turn(&self, network: &RoadNetwork, exit: u32) -> bool {
        self.is_junction && network.segments[exit as usize].way().0 != self.way
    }

    fn arrival(
        &self,
        network: &RoadNetwork,
        label: &Label,
        at: u32,
        exit: u32,
        target: u32,
    ) -> Arrival {
        let is_dead_end = self.segments.len() == 1;
        Arrival {
            target,
            metres: f64::from(label.metres),
            turns: f64::from(label.turns) + f64::from(u8::from(self.is_turn(network, exit))),
            turns_round: exit == self.twin && !is_dead_end,
            label: at,
        }
    }
}

/// How much longer than it is a segment counts: slower roads are taken only where they are shorter.
fn slowness(network: &RoadNetwork, segment: u32) -> f64 {
    let way = &network.ways[network.segments[segment as usize].way().0 as usize];
    let by_class = match way.class {
        RoadClass::Motorway => 1.0,
        RoadClass::Trunk => 1.1,
        RoadClass::Primary => 1.2,
        RoadClass::Secondary => 1.25,
        RoadClass::Tertiary => 1.3,
        RoadClass::Unclassified | RoadClass::Residential | RoadClass::Road => 1.4,
        RoadClass::LivingStreet | RoadClass::Service => 1.5,
    };
    by_class
        + if way.flags.contains(WayFlags::LINK) {
            0.1
        } else {
            0.0
        }
}

/// What leaving a way at a junction costs the search. Unit: cm.
const TURN_CM: u32 = 1000;

fn turn_cost(is_turn: bool) -> u32 {
    if is_turn { TURN_CM } else { 0 }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and lengths are within the bound"
)]
fn centimetres(metres: f64) -> u32 {
    (metres * 100.0) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "centimetres are enough")]
fn narrow(metres: f64) -> f32 {
    metres as f32
}
