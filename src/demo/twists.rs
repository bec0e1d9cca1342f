//! What is out of the ordinary in the invented county: the other half of the story as data.

use super::motion::Surge;

/// What is out of the ordinary with one vehicle.
#[derive(Clone, Copy, Debug)]
pub(super) enum Twist {
    /// Drives too fast on one leg; reminded at once where it is grave.
    Fast {
        leg: usize,
        surge: Surge,
        grave: bool,
    },
    /// Turns round without a rest until both fatigue limits are passed.
    Tired,
    /// Drives exactly at the limit beside its route, and rests exactly as long as it must.
    Suspicious,
    /// Leaves the corridor of its route on one leg.
    Detour { leg: usize },
    /// Loses its link on one leg; the terminal keeps the last part only.
    Blind { leg: usize },
    /// Reports a faulty antenna while it drives on one leg.
    AntennaFault { leg: usize },
    /// Reports three moments a second time, elsewhere.
    Contradiction { leg: usize },
    /// Ran on the trial day too, and drove too fast twice on the way home.
    Trial {
        /// Which of the two were handled.
        handled: [bool; 2],
    },
}

const fn fast(leg: usize, from_share: f64, length_s: f64, kmh: f64, grave: bool) -> Twist {
    Twist::Fast {
        leg,
        surge: Surge {
            from_share,
            length_s,
            kmh,
        },
        grave,
    }
}

/// Enterprise, number of the vehicle in it, and what is out of the ordinary.
pub(super) const TWISTS: &[(&str, usize, Twist)] = &[
    // Grave ones, reminded in time by enterprises that watch.
    ("E01", 0, fast(1, 0.35, 180.0, 106.0, true)),
    ("E01", 2, fast(2, 0.55, 120.0, 121.5, true)),
    ("E01", 6, Twist::Tired),
    ("E07", 1, fast(1, 0.45, 150.0, 86.0, true)),
    ("E06", 8, fast(1, 0.30, 150.0, 104.5, true)),
    // Night: over four fifths of the limit, under the limit.
    ("E02", 0, fast(0, 0.50, 150.0, 86.0, false)),
    ("E10", 4, fast(3, 0.70, 180.0, 92.0, false)),
    ("E10", 5, fast(3, 0.50, 120.0, 85.0, false)),
    ("E11", 11, fast(1, 0.55, 150.0, 84.0, false)),
    // What an enterprise fails for.
    ("E05", 9, Twist::Detour { leg: 3 }),
    ("E05", 2, Twist::Blind { leg: 1 }),
    ("E06", 6, Twist::AntennaFault { leg: 0 }),
    ("E10", 7, Twist::Contradiction { leg: 2 }),
    (
        "E04",
        0,
        Twist::Trial {
            handled: [true, false],
        },
    ),
    (
        "E04",
        1,
        Twist::Trial {
            handled: [true, false],
        },
    ),
    (
        "E04",
        2,
        Twist::Trial {
            handled: [true, false],
        },
    ),
    (
        "E04",
        3,
        Twist::Trial {
            handled: [true, false],
        },
    ),
    (
        "E04",
        4,
        Twist::Trial {
            handled: [false, false],
        },
    ),
    // Looks bad, is not: nine of ten handled is enough, and so is all else that it does.
    ("E11", 0, Twist::Suspicious),
    (
        "E11",
        1,
        Twist::Trial {
            handled: [true, true],
        },
    ),
    (
        "E11",
        2,
        Twist::Trial {
            handled: [true, true],
        },
    ),
    (
        "E11",
        3,
        Twist::Trial {
            handled: [true, true],
        },
    ),
    (
        "E11",
        4,
        Twist::Trial {
            handled: [true, true],
        },
    ),
    (
        "E11",
        5,
        Twist::Trial {
            handled: [true, false],
        },
    ),
];
