//! Rows that `numalab compare` prints: one contrast each.

use super::cell::word_cells;
use super::row;
use crate::text::words;

words! {
    /// What became of a figure from one side to the other.
    Judgement {
        /// Better by more than the noise.
        Faster = "faster",
        /// Worse by more than the noise.
        Slower = "slower",
        /// Within the noise.
        Same = "same",
        /// The data do not tell, or must not.
        Undecided = "undecided",
    }
}

words! {
    /// What is repeated: n of these make an interval.
    Replicate {
        /// A block of one run, in which both sides have a sample.
        Block = "block",
        /// A session: a run of its own.
        Session = "session",
    }
}

word_cells!(Judgement, Replicate);

row! {
    /// What `numalab compare --format csv` prints: one row for each contrast.
    ContrastRow in "compare.csv" {
        /// Column of samples.csv that is compared.
        metric: String [""],
        /// Its unit.
        unit: String [""],
        /// Whether more or less of it is better.
        better: String [""],
        /// The side that others are compared with: a folder, a build, an arm.
        baseline: String [""],
        /// The side that is compared.
        candidate: String [""],
        /// Arm of the candidate's point.
        arm: String [""],
        /// What schedules the work.
        subject: String [""],
        /// Number of workers.
        procs: u32 ["workers"],
        /// Levels of the further factors, empty for none.
        group: String [""],
        /// core, smt or oversubscribed; both where the sides differ.
        regime: String [""],
        /// Geometric mean of the baseline.
        baseline_mean: Option<f64> ["as unit"],
        /// Geometric mean of the candidate.
        candidate_mean: Option<f64> ["as unit"],
        /// Candidate / baseline.
        ratio: Option<f64> ["ratio"],
        /// Lower end of its simultaneous interval.
        ci_low: Option<f64> ["ratio"],
        /// Upper end of it.
        ci_high: Option<f64> ["ratio"],
        /// Level of that interval, 1 - .05 / contrasts.
        level: f64 ["ratio"],
        /// Lower end of the 90 % interval, which decides for the same.
        same_low: Option<f64> ["ratio"],
        /// Upper end of it.
        same_high: Option<f64> ["ratio"],
        /// Relative change that counts as noise.
        noise: f64 ["ratio"],
        /// How many contrasts this call makes: they hold together at 95 %.
        contrasts: u64 [""],
        /// What is repeated: block or session.
        replicate: Replicate [""],
        /// Blocks or sessions of the baseline.
        n_baseline: u64 [""],
        /// Blocks or sessions of the candidate.
        n_candidate: u64 [""],
        /// Degrees of freedom of the t interval.
        df: Option<f64> [""],
        /// How the intervals are made.
        method: String [""],
        /// Two-sided p of no difference by all sign flips of paired blocks, where it could reach the level; it decides nothing.
        permutation_p: Option<f64> [""],
        /// Samples flagged as disturbed, of both sides; used all the same.
        n_contaminated: u64 ["samples"],
        /// faster, slower, same, undecided.
        verdict: Judgement [""],
        /// Why.
        reason: String [""],
        /// Blocks, or sessions of each side, that would decide; "> 1000" above that.
        needed_n: Option<String> [""],
        /// What forbids a plain comparison and was waved through with --anyway.
        marks: Option<String> [""],
    }
}
