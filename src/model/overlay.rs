//! What holds for a time and a place beside the rulebook's usual values: regional rules,
//! campaigns, weather warnings.
//!
//! An [`Overlay`] has a period, regions and classes. It may replace values of the rulebook, and it
//! may bring a cap on speed. For every set of overlays that can hold at once there is a whole
//! [`RuleSet`], made when the document is read, so that detectors see one set of rules and never
//! ask where a value came from.

use std::collections::{BTreeMap, BTreeSet};

use super::route::RoadKind;
use super::rules::RuleSet;
use super::time::Timestamp;
use super::units::Speed;
use super::vehicle::{Region, VehicleClass};
use super::violation::LimitSource;

/// Most overlays of a document: the set of those in force is a number of 64 bits.
pub const OVERLAYS_MAX: usize = 64;

/// Most sets of overlays that may hold at once somewhere, a bound on memory.
pub const VARIANTS_MAX: usize = 4096;

/// Something that holds beside the usual rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// Its name with its kind, such as `campaign/spring-2027`.
    pub reference: String,
    /// First moment.
    pub from: Timestamp,
    /// First moment after it; `None` for ever.
    pub to: Option<Timestamp>,
    /// Where; empty for everywhere.
    pub regions: Vec<Region>,
    /// For which vehicles; `None` for all.
    pub classes: Option<Vec<VehicleClass>>,
    /// Its cap on speed, where it has one.
    pub cap: Option<Cap>,
}

impl Overlay {
    /// Whether it holds at `time`.
    pub fn holds_at(&self, time: Timestamp) -> bool {
        self.from <= time && self.to.is_none_or(|to| time < to)
    }

    /// Whether it is for a region and a class; one that names classes is for no enterprise as such.
    pub fn is_for(&self, region: Option<&Region>, class: Option<VehicleClass>) -> bool {
        let here = self.regions.is_empty()
            || region.is_some_and(|region| self.regions.iter().any(|own| own.contains(region)));
        let of_class = |classes: &Vec<VehicleClass>| class.is_some_and(|c| classes.contains(&c));
        here && self.classes.as_ref().is_none_or(of_class)
    }
}

/// A cap on speed that an overlay brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// The overlay, such as `weather/fog-1121`.
    pub reference: String,
    /// Short form of the reference that means the same in every rulebook.
    pub key: CapKey,
    /// `campaign` or `weather`.
    pub source: LimitSource,
    /// On expressways.
    pub expressway: Option<Speed>,
    /// On other roads.
    pub other: Option<Speed>,
    /// Where no road is known.
    pub unknown: Option<Speed>,
    /// It is the law; otherwise only the enterprise must enforce it.
    pub legal: bool,
}

impl Cap {
    /// The cap on one kind of road.
    pub const fn on(&self, road: Option<RoadKind>) -> Option<Speed> {
        match road {
            Some(RoadKind::Expressway) => self.expressway,
            Some(RoadKind::Other) => self.other,
            None => self.unknown,
        }
    }
}

/// Short form of a cap's reference: FNV-1a, 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapKey(pub u64);

impl CapKey {
    /// The key of a reference.
    pub fn of(reference: &str) -> Self {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(reference.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }
}

/// A set of overlays, as bits in the order of the document.
pub type OverlaySet = u64;

/// The overlays of a document and the rules of every set of them that can hold at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlays {
    list: Vec<Overlay>,
    /// By set, ascending; the empty set is the document itself and not here.
    variants: Vec<(OverlaySet, RuleSet)>,
}

impl Overlays {
    /// The overlays with the rules that `rules_of` makes of each set that can hold at once.
    ///
    /// Errors: `None` for more than [`OVERLAYS_MAX`] overlays or [`VARIANTS_MAX`] sets.
    pub fn new(
        list: Vec<Overlay>,
        mut rules_of: impl FnMut(OverlaySet) -> RuleSet,
    ) -> Option<Self> {
        if list.len() > OVERLAYS_MAX {
            return None;
        }
        let sets = reachable(&list)?;
        Some(Self {
            list,
            variants: sets.into_iter().map(|set| (set, rules_of(set))).collect(),
        })
    }

    /// The overlays in the order of the document.
    pub fn list(&self) -> &[Overlay] {
        &self.list
    }

    /// The rules of every set of overlays that can hold at once.
    pub(super) fn every(&self) -> impl Iterator<Item = &RuleSet> {
        self.variants.iter().map(|(_, rules)| rules)
    }

    /// The rules where some overlay holds; `None` where none does.
    pub(super) fn rules(
        &self,
        region: Option<&Region>,
        class: Option<VehicleClass>,
        time: Timestamp,
    ) -> Option<&RuleSet> {
        let set = in_force(&self.list, region, class, time);
        if set == 0 {
            return None;
        }
        let place = self.variants.binary_search_by_key(&set, |(set, _)| *set);
        self.variants.get(place.ok()?).map(|(_, rules)| rules)
    }
}

fn in_force(
    list: &[Overlay],
    region: Option<&Region>,
    class: Option<VehicleClass>,
    time: Timestamp,
) -> OverlaySet {
    list.iter()
        .zip(0..)
        .filter(|(overlay, _)| overlay.holds_at(time) && overlay.is_for(region, class))
        .fold(0, |set, (_, place): (_, u32)| set | 1 << place)
}

/// Every set but the empty one that holds somewhere at some time for some class.
///
/// Sets change only where an overlay begins or ends; a region that no overlay names has the set of
/// the narrowest named one around it. `None` for too many.
fn reachable(list: &[Overlay]) -> Option<BTreeSet<OverlaySet>> {
    let moments: BTreeSet<Timestamp> = list
        .iter()
        .flat_map(|overlay| [Some(overlay.from), overlay.to])
        .flatten()
        .collect();
    let named: BTreeMap<&str, &Region> = list
        .iter()
        .flat_map(|overlay| &overlay.regions)
        .map(|region| (region.as_str(), region))
        .collect();
    let regions = || std::iter::once(None).chain(named.values().map(|region| Some(*region)));
    let classes = || std::iter::once(None).chain(VehicleClass::ALL.iter().copied().map(Some));
    let mut sets = BTreeSet::new();
    for moment in moments {
        for region in regions() {
            for class in classes() {
                let set = in_force(list, region, class, moment);
                if set != 0 && sets.insert(set) && sets.len() > VARIANTS_MAX {
                    return None;
                }
            }
        }
    }
    Some(sets)
}
