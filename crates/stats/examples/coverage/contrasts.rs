//! A/A: what families of contrasts find where nothing differs. A family is judged whole: one false finding counts.

use crate::{Line, at_most_5, share};
use stats::contrast::{Change, Contrast, Family};
use stats::decide::{adjacent_ln_ratios, not_beaten};
use stats::interval::{Estimate, welch_difference};
use stats::random::Stream;

pub(crate) const ERRORS: &str = "Errors: ln y = block effect (sd 1 %, shared by all points of a block) + session effect \
                                 (sd .5 %, where there are sessions) + .01 z; 12 points, 10 blocks.";

const SETS: usize = 4000;
const POINTS: usize = 12;
const BLOCKS: usize = 10;

/// Shape `[points][blocks]`, the same mean everywhere.
fn blocks(stream: &mut Stream, points: usize) -> Vec<Vec<f64>> {
    let mut of = vec![Vec::new(); points];
    for _ in 0..BLOCKS {
        let block = 0.01 * stream.normal();
        of.iter_mut().for_each(|values| values.push(100.0 * (block + 0.01 * stream.normal()).exp()));
    }
    of
}

fn called(contrast: Contrast) -> bool {
    matches!(contrast.change, Change::Higher | Change::Lower)
}

fn excludes_0(estimate: &Estimate) -> bool {
    !estimate.interval.contains(0.0)
}

pub(crate) fn lines() -> Vec<Line> {
    // `compare`'s own rule, without a margin: with one of 2 % there are hardly any.
    let family = Family { contrasts: POINTS, noise: 0.0 };
    let arms = share(400, SETS, |stream| {
        let both = blocks(stream, 2 * POINTS);
        let (a, b) = both.split_at(POINTS);
        a.iter().zip(b).any(|(a, b)| family.paired(a, b).is_ok_and(called))
    });
    let neighbours = share(401, SETS, |stream| {
        adjacent_ln_ratios(&blocks(stream, POINTS), 0.95).expect("twelve points").iter().any(excludes_0)
    });
    let peak =
        share(402, SETS, |stream| not_beaten(&blocks(stream, POINTS), 0.05).expect("twelve points").contains(&false));
    let sessions = |label: u64, sessions: usize, family: Family, ratio: f64, holds: fn(&[Contrast]) -> bool| {
        share(label, SETS, |stream| {
            // One mean of ten runs for each point and session; the session moves all points.
            let mut folder = |ratio: f64| {
                let mut means = vec![Vec::new(); POINTS];
                for _ in 0..sessions {
                    let session = 0.005 * stream.normal();
                    let run = 0.01 / (BLOCKS as f64).sqrt();
                    means.iter_mut().for_each(|of| of.push(ratio * (session + run * stream.normal()).exp()));
                }
                means
            };
            let (a, b) = (folder(1.0), folder(ratio));
            let found = a.iter().zip(&b).map(|(a, b)| family.unpaired(a, b).expect("three sessions or more"));
            holds(&found.collect::<Vec<Contrast>>())
        })
    };
    let any: fn(&[Contrast]) -> bool = |found| found.iter().copied().any(called);
    let (three, ten) = (sessions(403, 3, family, 1.0, any), sessions(404, 10, family, 1.0, any));
    let slower = sessions(406, 10, Family { noise: 0.02, ..family }, 0.95, |found| {
        found.iter().all(|contrast| contrast.change == Change::Lower)
    });
    let unpaired = share(405, SETS, |stream| {
        // What pairing is for: two folders of one session each, runs taken as independent.
        let mut folder = |runs: usize| {
            let session = 0.005 * stream.normal();
            (0..runs).map(|_| session + 0.01 * stream.normal()).collect::<Vec<f64>>()
        };
        let (a, b) = (folder(30), folder(30));
        welch_difference(&a, &b, 0.95).as_ref().is_ok_and(excludes_0)
    });
    let at_most = Some(at_most_5(SETS));
    let line = |what: &str, share: f64, band: Option<(f64, f64)>, note: &str| Line {
        what: what.into(),
        counted: "families that find something",
        sets: SETS,
        share,
        band,
        note: note.into(),
    };
    vec![
        line("12 points, two arms paired by block, Bonferroni", arms, at_most, ""),
        line("11 neighbours of 12 points, paired by block, Bonferroni", neighbours, at_most, ""),
        line("peak set: all 66 pairs of 12 points, Holm", peak, at_most, ""),
        line(
            "12 points, folder against folder, 3 sessions each, Welch, Bonferroni",
            three,
            at_most,
            "few df: cautious",
        ),
        line("12 points, folder against folder, 10 sessions each", ten, at_most, "sessions move all points at once"),
        Line {
            counted: "all points found slower",
            ..line(
                "12 points, 5 % slower, margin 2 %, 10 sessions each",
                slower,
                Some((0.99, 1.0)),
                "what compare is for",
            )
        },
        line(
            "one point, one session each, 30 runs taken as independent",
            unpaired,
            None,
            "why one session is undecided; the notes have .50",
        ),
    ]
}
