//! Sessions: two builds measured in turn, so that what the host does meanwhile meets both alike.
//!
//! A series is what one `numalab run --against` begins: so many sessions of each build, a results folder each. A session
//! is the unit of replication of a comparison of two builds. Here are its place in the order and its seed; nothing is run.

use crate::manifest::Program;
use crate::random::{draw, split};
use crate::record::Seed;
use crate::text::words;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// How many sessions of each build a series may have: fewer than three decide nothing.
pub const SESSIONS: RangeInclusive<u32> = 3..=1000;

/// Labels of the streams that are split from the series' seed.
const ORDER: u64 = 3;
const SESSION: u64 = 4;

words! {
    /// Which of the two builds.
    Build {
        /// The program that runs the series.
        A = "a",
        /// The one that it is compared with.
        B = "b",
    }
}

/// What manifest.json says of a run that is a session of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Name of the series, the same in all its folders.
    pub series: String,
    /// Which session of its build, from 1.
    pub number: u32,
    /// Sessions of each build.
    pub sessions: u32,
    /// Place among those of both builds, from 0.
    pub place: u32,
    /// Whose samples these are.
    pub build: Build,
    /// Seed of the series: of its order and of the seeds of its sessions.
    pub seed: Seed,
    /// Build a: it plans, runs the loop and writes the files of both.
    pub a: Program,
    /// Build b: only its samples are its own.
    pub b: Program,
    /// Where build b was, so that the series can be resumed.
    pub b_path: String,
}

impl Session {
    /// The program whose samples these are.
    pub fn program(&self) -> &Program {
        match self.build {
            Build::A => &self.a,
            Build::B => &self.b,
        }
    }

    /// Whether a series can have such a session.
    pub fn is_sound(&self) -> bool {
        SESSIONS.contains(&self.sessions)
            && self.place < 2 * self.sessions
            && session_at(self.seed, self.place) == (self.number, self.build)
    }

    /// The session of the same series at another place.
    pub fn at(&self, place: u32) -> Session {
        let (number, build) = session_at(self.seed, place);
        Session { number, build, place, ..self.clone() }
    }
}

/// Number, from 1, and build of the session at a place. Each two places hold one session of each build, in an order drawn
/// for every second pair and turned round in the pair after it: ABBA or BAAB, in which a steady drift of the host cancels.
pub fn session_at(seed: Seed, place: u32) -> (u32, Build) {
    let pair = place / 2;
    let drawn = draw(split(seed.0, ORDER), u64::from(pair / 2)) >> 63 == 1;
    let a_first = drawn ^ (pair % 2 == 1);
    let build = if place.is_multiple_of(2) == a_first { Build::A } else { Build::B };
    (pair + 1, build)
}

/// Seed of a session's plan: the same addresses and order of points for both builds, others in the next session.
pub fn session_seed(seed: Seed, number: u32) -> Seed {
    Seed(split(split(seed.0, SESSION), u64::from(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seed: u64, sessions: u32) -> String {
        (0..2 * sessions).map(|place| session_at(Seed(seed), place).1.word()).collect()
    }

    #[test]
    fn builds_take_turns_and_a_drift_cancels() {
        for seed in 0..50 {
            let order = order(seed, 4);
            for four in [&order[..4], &order[4..]] {
                assert!(["abba", "baab"].contains(&four), "{seed}: {order}");
            }
            // Never three in a row, also with a pair left over.
            assert!(!order.contains("aaa") && !order.contains("bbb"), "{order}");
        }
        let begins_with_a = (0..1000).filter(|&seed| order(seed, 1) == "ab").count();
        assert!((440..560).contains(&begins_with_a), "{begins_with_a} of 1000");
    }

    #[test]
    fn each_session_is_there_once_for_each_build() {
        let mut all: Vec<_> = (0..10).map(|place| session_at(Seed(7), place)).collect();
        all.sort_unstable();
        let expect: Vec<_> = (1..=5).flat_map(|number| [(number, Build::A), (number, Build::B)]).collect();
        assert_eq!(all, expect);
    }

    #[test]
    fn a_session_that_cannot_be_is_told() {
        let program =
            Program { version: String::new(), commit: String::new(), rustc: String::new(), sha256: String::new() };
        let (number, build) = session_at(Seed(7), 3);
        let session = Session {
            series: "s".into(),
            number,
            sessions: 3,
            place: 3,
            build,
            seed: Seed(7),
            a: program.clone(),
            b: program,
            b_path: String::new(),
        };
        assert!(session.is_sound() && (0..6).all(|place| session.at(place).is_sound()));
        for broken in [
            Session { sessions: 2, ..session.at(0) },
            Session { sessions: u32::MAX, ..session.clone() },
            Session { number: 3, ..session.clone() },
            session.at(6),
        ] {
            assert!(!broken.is_sound(), "{broken:?}");
        }
    }

    #[test]
    fn each_session_of_each_series_has_a_seed_of_its_own() {
        assert_ne!(session_seed(Seed(1), 1), session_seed(Seed(1), 2));
        assert_ne!(session_seed(Seed(1), 1), session_seed(Seed(2), 1));
        assert_ne!(session_seed(Seed(1), 1), Seed(1));
    }
}
