//! Who is who in the invented county and what they do on a usual day: the story as data.
//! What is unusual stands in [`super::twists`].
//!
//! All names are invented; people are named by their post. What each enterprise is expected to
//! fail is written here by hand, and checked against the rules by a test.

use crate::duty::Rule;
use crate::model::VehicleClass;
use crate::model::fleet::EnterpriseKind;

/// An enterprise of the county.
#[derive(Clone, Copy, Debug)]
pub(super) struct Firm {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) region: &'static str,
    pub(super) kind: EnterpriseKind,
    pub(super) groups: &'static [Group],
    pub(super) watch: Watch,
    /// The rules that it must be found to fail; empty for one that does its duty.
    pub(super) expected: &'static [Rule],
}

/// How the monitors of an enterprise keep their watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// Round the clock, every shift handed over.
    Proper,
    /// The night monitor goes to bed at 02:40.
    Sleeps,
    /// One of the two is no longer trained; the other stands all the day alone.
    OneTrained,
    /// The day shift ends without a note.
    NoNote,
}

/// Vehicles of an enterprise that do the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) class: VehicleClass,
    pub(super) seats: Option<u16>,
    pub(super) count: u32,
    pub(super) plan: Plan,
    /// First departure of the first vehicle. Unit: minutes of the day.
    pub(super) first_min: i64,
    /// Time between the first departures of its vehicles. Unit: minutes.
    pub(super) every_min: i64,
    /// Time between two reports. Unit: s; divides 240.
    pub(super) interval_s: i64,
    /// Reports that go in one message; 1 is a live 0x0200.
    pub(super) batch: usize,
}

/// What a vehicle does in a day.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// Back and forth on a planned line.
    Line {
        route: &'static str,
        legs: usize,
        wait_min: i64,
    },
    /// Ways through towns, each with the time spent at its end. Unit: minutes.
    Tour(&'static [(&'static [usize], i64)]),
    /// Stands in the yard with its terminal dead.
    Silent,
}

const fn line(route: &'static str, legs: usize, wait_min: i64) -> Plan {
    Plan::Line {
        route,
        legs,
        wait_min,
    }
}

const fn group(
    class: VehicleClass,
    seats: Option<u16>,
    count: u32,
    plan: Plan,
    (first_min, every_min): (i64, i64),
    (interval_s, batch): (i64, usize),
) -> Group {
    Group {
        class,
        seats,
        count,
        plan,
        first_min,
        every_min,
        interval_s,
        batch,
    }
}

const fn at(hour: i64, minute: i64) -> i64 {
    hour * 60 + minute
}

const COUNTY: &str = "430691";
const DISTRICT: &str = "430692";
const LIVE: (i64, usize) = (30, 1);
const SLOW: (i64, usize) = (60, 1);
const BATCHED: (i64, usize) = (60, 3);

const LAKE_TOUR: Plan = Plan::Tour(&[
    (&[0, 1, 8], 95),
    (&[8, 5, 0], 70),
    (&[0, 4, 9], 50),
    (&[9, 4, 0], 0),
]);
const CITY_TOUR: Plan = Plan::Tour(&[
    (&[0, 5, 10], 150),
    (&[10, 5, 0], 60),
    (&[0, 3, 9], 45),
    (&[9, 3, 0], 0),
]);
const EVENING_CHARTER: Plan = Plan::Tour(&[
    (&[0, 2, 11], 90),
    (&[11, 2, 0], 40),
    (&[0, 1, 6], 60),
    (&[6, 1, 0], 0),
]);
const FREIGHT: Plan = Plan::Tour(&[
    (&[1, 6, 2], 45),
    (&[2, 7, 3], 50),
    (&[3, 4, 5], 60),
    (&[5, 8, 1], 45),
    (&[1, 0, 3], 30),
    (&[3, 0, 1], 0),
]);

use EnterpriseKind as Kind;
use VehicleClass as Class;

/// The twelve enterprises.
pub(super) const FIRMS: [Firm; 12] = [
    Firm {
        id: "E01",
        name: "青禾客运",
        region: COUNTY,
        kind: Kind::Passenger,
        groups: &[
            group(
                Class::LineCoach2,
                Some(45),
                6,
                line("R01", 5, 28),
                (at(6, 10), 25),
                LIVE,
            ),
            group(
                Class::LineCoach2,
                Some(39),
                1,
                line("R04", 4, 8),
                (at(3, 0), 0),
                LIVE,
            ),
            group(
                Class::LineCoach2,
                Some(39),
                1,
                line("R04", 4, 26),
                (at(0, 20), 0),
                LIVE,
            ),
            group(
                Class::LineCoach3,
                Some(33),
                4,
                line("R05", 8, 24),
                (at(6, 30), 30),
                SLOW,
            ),
            group(
                Class::LineCoach4,
                Some(19),
                4,
                line("R09", 6, 25),
                (at(6, 45), 35),
                SLOW,
            ),
        ],
        watch: Watch::Proper,
        expected: &[],
    },
    Firm {
        id: "E02",
        name: "云溪运输",
        region: COUNTY,
        kind: Kind::Passenger,
        groups: &[
            group(
                Class::LineCoach2,
                Some(37),
                3,
                line("R04", 4, 24),
                (at(0, 10), 50),
                LIVE,
            ),
            group(
                Class::LineCoach1,
                Some(51),
                5,
                line("R03", 4, 35),
                (at(6, 20), 30),
                LIVE,
            ),
            group(
                Class::LineCoach4,
                Some(19),
                4,
                line("R07", 8, 24),
                (at(6, 40), 30),
                SLOW,
            ),
        ],
        watch: Watch::Sleeps,
        expected: &[Rule::N2, Rule::N4],
    },
    Firm {
        id: "E03",
        name: "望江客运",
        region: COUNTY,
        kind: Kind::Passenger,
        groups: &[group(
            Class::LineCoach3,
            Some(33),
            10,
            line("R06", 7, 25),
            (at(6, 0), 20),
            SLOW,
        )],
        watch: Watch::OneTrained,
        expected: &[Rule::N1],
    },
    Firm {
        id: "E04",
        name: "松涧客运",
        region: DISTRICT,
        kind: Kind::Passenger,
        groups: &[
            group(
                Class::LineCoach2,
                Some(45),
                5,
                line("R01", 5, 28),
                (at(7, 0), 25),
                LIVE,
            ),
            group(
                Class::LineCoach4,
                Some(19),
                9,
                line("R10", 6, 25),
                (at(6, 20), 15),
                SLOW,
            ),
        ],
        watch: Watch::Proper,
        expected: &[Rule::N3],
    },
    Firm {
        id: "E05",
        name: "赤石危货",
        region: DISTRICT,
        kind: Kind::Hazmat,
        groups: &[
            group(
                Class::Hazmat,
                None,
                8,
                line("R11", 5, 40),
                (at(6, 15), 20),
                LIVE,
            ),
            group(
                Class::Hazmat,
                None,
                6,
                line("R12", 8, 30),
                (at(7, 0), 20),
                LIVE,
            ),
        ],
        watch: Watch::Proper,
        expected: &[Rule::N5, Rule::N6],
    },
    Firm {
        id: "E06",
        name: "石桥旅游",
        region: COUNTY,
        kind: Kind::Tourist,
        groups: &[
            group(
                Class::TouristCoach,
                Some(49),
                6,
                LAKE_TOUR,
                (at(7, 20), 15),
                SLOW,
            ),
            group(
                Class::TouristCoach,
                Some(53),
                6,
                CITY_TOUR,
                (at(7, 40), 15),
                LIVE,
            ),
        ],
        watch: Watch::Proper,
        expected: &[Rule::N5],
    },
    Firm {
        id: "E07",
        name: "北港化运",
        region: COUNTY,
        kind: Kind::Hazmat,
        groups: &[
            group(
                Class::Hazmat,
                None,
                6,
                line("R11", 5, 40),
                (at(7, 10), 20),
                LIVE,
            ),
            group(
                Class::Hazmat,
                None,
                6,
                line("R12", 8, 30),
                (at(8, 0), 15),
                LIVE,
            ),
        ],
        watch: Watch::Proper,
        expected: &[],
    },
    Firm {
        id: "E08",
        name: "长坪客运",
        region: COUNTY,
        kind: Kind::Passenger,
        groups: &[
            group(
                Class::LineCoach3,
                Some(33),
                8,
                line("R05", 7, 25),
                (at(6, 0), 20),
                SLOW,
            ),
            group(
                Class::LineCoach4,
                Some(19),
                10,
                line("R08", 6, 25),
                (at(6, 10), 20),
                SLOW,
            ),
            group(Class::LineCoach4, Some(19), 2, Plan::Silent, (0, 0), SLOW),
        ],
        watch: Watch::Proper,
        expected: &[Rule::N7],
    },
    Firm {
        id: "E09",
        name: "南屏包车",
        region: COUNTY,
        kind: Kind::Tourist,
        groups: &[group(
            Class::CharterCoach,
            Some(45),
            10,
            EVENING_CHARTER,
            (at(13, 30), 10),
            SLOW,
        )],
        watch: Watch::NoNote,
        expected: &[Rule::N8],
    },
    Firm {
        id: "E10",
        name: "白鹭客运",
        region: DISTRICT,
        kind: Kind::Passenger,
        groups: &[
            group(
                Class::LineCoach2,
                Some(49),
                6,
                line("R02", 4, 35),
                (at(14, 30), 15),
                LIVE,
            ),
            group(
                Class::LineCoach3,
                Some(33),
                6,
                line("R08", 6, 25),
                (at(6, 30), 30),
                SLOW,
            ),
        ],
        watch: Watch::Proper,
        expected: &[Rule::N9],
    },
    Firm {
        id: "E11",
        name: "岭东客运",
        region: DISTRICT,
        kind: Kind::Mixed,
        groups: &[
            group(
                Class::LineCoach2,
                Some(45),
                1,
                line("R02", 4, 10),
                (at(6, 30), 0),
                LIVE,
            ),
            group(
                Class::LineCoach2,
                Some(45),
                5,
                line("R01", 5, 28),
                (at(7, 30), 25),
                LIVE,
            ),
            group(
                Class::LineCoach2,
                Some(45),
                5,
                line("R02", 4, 35),
                (at(7, 0), 30),
                LIVE,
            ),
            group(
                Class::LineCoach2,
                Some(39),
                1,
                line("R04", 4, 26),
                (at(1, 10), 0),
                LIVE,
            ),
        ],
        watch: Watch::Proper,
        expected: &[],
    },
    Firm {
        id: "E12",
        name: "平川货运",
        region: COUNTY,
        kind: Kind::Freight,
        groups: &[group(
            Class::HeavyTruck,
            None,
            8,
            FREIGHT,
            (at(6, 30), 25),
            BATCHED,
        )],
        watch: Watch::Proper,
        expected: &[],
    },
];
