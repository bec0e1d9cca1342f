//! Towns and roads of the invented county, and the lines that are run on them.

use super::ground::{Line, place};
use super::random::Random;
use crate::model::route::{RoadKind, Route};
use crate::model::{Position, RoadClass as MapClass, Speed};
use crate::roads::limit::tags;
use crate::roads::{NodePlace, WayFlags, WayInput};

/// A town; `(east, north)` of the county seat. Unit: km.
const TOWNS: [(&str, f64, f64); 14] = [
    ("云屏", 0.0, 0.0),
    ("东陂", 17.0, 5.0),
    ("石塘", 6.0, -16.0),
    ("柳溪", -15.0, -9.0),
    ("桐木", -18.0, 10.0),
    ("北港", 3.0, 19.0),
    ("高桥", 25.0, -12.0),
    ("麻石", -8.0, -30.0),
    ("双枫", 25.0, 24.0),
    ("黄茅", -34.0, -4.0),
    ("江岳", 8.0, 98.0),
    ("潭洲", 4.0, -118.0),
    ("赣界", 118.0, 2.0),
    ("三江机场", -98.0, -40.0),
];

/// Kind of a road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoadClass {
    Expressway,
    National,
    County,
}

impl RoadClass {
    /// The posted limit. Unit: km/h.
    pub(super) const fn limit_kmh(self) -> u16 {
        match self {
            Self::Expressway => 100,
            Self::National => 80,
            Self::County => 60,
        }
    }

    /// What dangerous goods vehicles may drive on it at most. Unit: km/h.
    pub(super) const fn hazmat_kmh(self) -> u16 {
        match self {
            Self::Expressway => 80,
            Self::National | Self::County => 60,
        }
    }

    const fn kind(self) -> RoadKind {
        match self {
            Self::Expressway => RoadKind::Expressway,
            Self::National | Self::County => RoadKind::Other,
        }
    }

    /// What a map calls it.
    const fn on_map(self) -> MapClass {
        match self {
            Self::Expressway => MapClass::Motorway,
            Self::National => MapClass::Primary,
            Self::County => MapClass::Secondary,
        }
    }
}

/// Roads between towns; no two of them cross.
const ROADS: [(usize, usize, RoadClass); 20] = [
    (0, 5, RoadClass::Expressway),
    (5, 10, RoadClass::Expressway),
    (0, 2, RoadClass::Expressway),
    (2, 11, RoadClass::Expressway),
    (0, 1, RoadClass::Expressway),
    (1, 12, RoadClass::Expressway),
    (0, 3, RoadClass::Expressway),
    (3, 13, RoadClass::Expressway),
    (0, 4, RoadClass::National),
    (4, 9, RoadClass::National),
    (4, 5, RoadClass::National),
    (1, 8, RoadClass::National),
    (8, 5, RoadClass::National),
    (1, 6, RoadClass::National),
    (6, 2, RoadClass::National),
    (2, 7, RoadClass::County),
    (7, 3, RoadClass::County),
    (3, 9, RoadClass::County),
    (3, 4, RoadClass::County),
    (1, 2, RoadClass::County),
];

/// A planned line: its number and the towns that it joins, all over roads of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineRoute {
    pub(super) id: &'static str,
    pub(super) towns: &'static [usize],
}

/// Every planned line.
pub(super) const LINES: [LineRoute; 12] = [
    LineRoute {
        id: "R01",
        towns: &[0, 5, 10],
    },
    LineRoute {
        id: "R02",
        towns: &[0, 2, 11],
    },
    LineRoute {
        id: "R03",
        towns: &[0, 1, 12],
    },
    LineRoute {
        id: "R04",
        towns: &[0, 3, 13],
    },
    LineRoute {
        id: "R05",
        towns: &[0, 4, 9],
    },
    LineRoute {
        id: "R06",
        towns: &[1, 8, 5],
    },
    LineRoute {
        id: "R07",
        towns: &[1, 6, 2],
    },
    LineRoute {
        id: "R08",
        towns: &[9, 4, 5],
    },
    LineRoute {
        id: "R09",
        towns: &[2, 7, 3],
    },
    LineRoute {
        id: "R10",
        towns: &[9, 3, 4],
    },
    LineRoute {
        id: "R11",
        towns: &[5, 10],
    },
    LineRoute {
        id: "R12",
        towns: &[1, 2],
    },
];

/// Half-width of every planned line. Unit: m.
pub(super) const HALF_WIDTH_M: f64 = 100.0;

/// The roads as a map, to be imported before the day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoadExtract {
    /// Identifier and place of every node, in order of the identifiers.
    pub nodes: Vec<(i64, NodePlace)>,
    /// Every road, with its posted limit.
    pub ways: Vec<WayInput>,
}

/// Towns and roads as drawn for one seed.
#[derive(Debug)]
pub(super) struct Network {
    roads: Vec<Road>,
}

/// A road as drawn.
#[derive(Debug)]
struct Road {
    from: usize,
    to: usize,
    class: RoadClass,
    /// In the plane. Unit: km.
    points: Vec<(f64, f64)>,
}

/// A way over the network, ready to be driven.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) line: Line,
    /// End and class of each road in turn. Unit: m from the beginning.
    pub(super) stretches: Vec<(f64, RoadClass)>,
}

impl Network {
    /// Draws the county.
    pub(super) fn draw(random: &mut Random) -> Self {
        let towns: Vec<(f64, f64)> = TOWNS
            .iter()
            .map(|(_, east, north)| {
                (
                    east + random.between(-0.8, 0.8),
                    north + random.between(-0.8, 0.8),
                )
            })
            .collect();
        let roads = ROADS
            .iter()
            .map(|(from, to, class)| {
                let ends = (town(&towns, *from), town(&towns, *to));
                Road {
                    from: *from,
                    to: *to,
                    class: *class,
                    points: bend(random, ends, *class),
                }
            })
            .collect();
        Self { roads }
    }

    /// The way through the towns, which must be joined by roads.
    pub(super) fn way(&self, towns: &[usize]) -> Way {
        let mut points: Vec<Position> = Vec::new();
        let mut stretches = Vec::new();
        for pair in towns.windows(2) {
            let [from, to] = pair else { continue };
            let found = self.roads.iter().find(|road| {
                let ends = (&road.from, &road.to);
                ends == (from, to) || ends == (to, from)
            });
            let Some(road) = found else {
                continue;
            };
            let drawn = road.points.iter().map(|(east, north)| place(*east, *north));
            if road.from == *from {
                points.extend(drawn);
            } else {
                points.extend(drawn.rev());
            }
            stretches.push((Line::new(points.clone()).length_m(), road.class));
        }
        Way {
            line: Line::new(points),
            stretches,
        }
    }

    /// The planned lines as routes, with the limit of their roads.
    pub(super) fn routes(&self) -> Vec<Route> {
        LINES
            .iter()
            .map(|line| {
                let way = self.way(line.towns);
                let class = way.stretches.first().map(|(_, class)| *class);
                let name: Vec<&str> = line.towns.iter().map(|town| town_name(*town)).collect();
                Route {
                    id: line.id.to_owned(),
                    name: name.join("—"),
                    half_width_m: HALF_WIDTH_M,
                    line: way.line.points().to_vec(),
                    stops: Vec::new(),
                    limit: class.map(|class| Speed::from_whole_kmh(class.limit_kmh())),
                    road: class.map(RoadClass::kind),
                }
            })
            .collect()
    }

    /// The roads as a map: towns are where they join.
    pub(super) fn extract(&self) -> RoadExtract {
        let mut extract = RoadExtract::default();
        let mut numbers = 1..;
        for (id, road) in (1..).zip(&self.roads) {
            let mut nodes = Vec::new();
            for (east, north) in &road.points {
                let node_place = NodePlace::from(place(*east, *north));
                let known = extract.nodes.iter().find(|node| node.1 == node_place);
                let known = known.map(|node| node.0);
                nodes.extend(known.or_else(|| {
                    let number = numbers.next()?;
                    extract.nodes.push((number, node_place));
                    Some(number)
                }));
            }
            let limit = road.class.limit_kmh().to_string();
            extract.ways.push(WayInput {
                id,
                class: road.class.on_map(),
                lanes: 2,
                layer: 0,
                flags: WayFlags::default(),
                forward: true,
                backward: true,
                name: format!("{}—{}", town_name(road.from), town_name(road.to)),
                limits: tags::read([("maxspeed", limit.as_str())]).limits,
                nodes,
            });
        }
        extract
    }

    /// A place in the county seat for a vehicle that does not leave it.
    pub(super) fn yard(&self, number: usize) -> Position {
        let aside_m = f64::from(u16::try_from(number).unwrap_or(0)) * 3.0;
        self.way(&[0, 1]).line.at(200.0, aside_m)
    }

    /// The way of a planned line.
    pub(super) fn line(&self, id: &str) -> Way {
        let line = LINES.iter().find(|line| line.id == id);
        self.way(line.map_or(&[], |line| line.towns))
    }
}

/// The name of a town.
pub(super) fn town_name(number: usize) -> &'static str {
    TOWNS.get(number).map_or("", |(name, _, _)| *name)
}

fn town(towns: &[(f64, f64)], number: usize) -> (f64, f64) {
    towns.get(number).copied().unwrap_or_default()
}

/// A road with a gentle bend or two, drawn every half kilometre or so.
fn bend(
    random: &mut Random,
    (from, to): ((f64, f64), (f64, f64)),
    class: RoadClass,
) -> Vec<(f64, f64)> {
    let (east, north) = (to.0 - from.0, to.1 - from.1);
    let length_km = east.hypot(north);
    let sway = match class {
        RoadClass::Expressway => 0.008,
        RoadClass::National => 0.02,
        RoadClass::County => 0.03,
    };
    let (first, second) = (random.between(-sway, sway), random.between(-sway, sway));
    let count = steps(length_km / 0.5);
    (0..=count)
        .map(|step| {
            if step == count {
                return to;
            }
            let share = f64::from(step) / f64::from(count);
            let turn = share * std::f64::consts::PI;
            let aside = first * turn.sin() + second * 0.5 * (2.0 * turn).sin();
            (
                from.0 + east * share - north * aside,
                from.1 + north * share + east * aside,
            )
        })
        .collect()
}

fn steps(count: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a road has at most a few hundred steps"
    )]
    let whole = count.clamp(4.0, 10_000.0) as u32;
    whole
}

#[cfg(test)]
mod tests {
    use super::super::ground::metres;
    use super::*;

    fn crosses(a: &[(f64, f64)], b: &[(f64, f64)]) -> bool {
        let side = |p: (f64, f64), q: (f64, f64), r: (f64, f64)| {
            (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0)
        };
        a.windows(2).any(|s| {
            b.windows(2).any(|t| {
                side(s[0], s[1], t[0]) * side(s[0], s[1], t[1]) < 0.0
                    && side(t[0], t[1], s[0]) * side(t[0], t[1], s[1]) < 0.0
            })
        })
    }

    #[test]
    fn no_two_roads_cross_whatever_the_seed() {
        for seed in 0..20 {
            let network = Network::draw(&mut Random::new(seed));
            for (index, a) in network.roads.iter().enumerate() {
                for b in network.roads.iter().skip(index + 1) {
                    assert!(!crosses(&a.points, &b.points), "{seed}: {a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn every_line_joins_its_towns_over_roads_of_one_class() {
        let network = Network::draw(&mut Random::new(1));
        for line in LINES {
            let way = network.line(line.id);
            assert_eq!(way.stretches.len(), line.towns.len() - 1, "{}", line.id);
            assert!(
                way.stretches
                    .iter()
                    .all(|stretch| stretch.1 == way.stretches[0].1)
            );
            for (town, along_m) in [(line.towns.first(), 0.0), (line.towns.last(), 1e9)] {
                let (_, east, north) = TOWNS[*town.unwrap()];
                assert!(metres(way.line.at(along_m, 0.0), place(east, north)) < 1200.0);
            }
        }
        let back = network.way(&[10, 5, 0]);
        assert!((back.line.length_m() - network.line("R01").line.length_m()).abs() < 1.0);
    }
}
