//! Rows that follow from other files: summary, fits, claims, and what a model predicts from a plan.

use super::cell::word_cells;
use super::{Timing, row};
use crate::place::Regime;
use crate::text::words;

words! {
    /// What became of a claim.
    Verdict {
        /// The interval lies inside the claim's region.
        Supported = "supported",
        /// The interval and the region are disjoint.
        Refuted = "refuted",
        /// Neither.
        Undecided = "undecided",
        /// Data are absent, or this machine cannot tell.
        NotTestable = "not testable",
        /// Of a printed table: another printed figure or sentence says otherwise.
        Contradicted = "contradicted",
        /// Of a printed table: what would decide is not printed.
        Uncheckable = "uncheckable",
    }
}

word_cells!(Verdict);

row! {
    /// summary.csv: one row for each point and metric. One more column for each further factor.
    SummaryRow in "summary.csv" {
        /// Point.
        point_id: String [""],
        /// Arm.
        arm: String [""],
        /// What schedules the work.
        subject: String [""],
        /// Number of workers.
        procs: u32 ["workers"],
        /// core, smt or oversubscribed.
        regime: Regime [""],
        /// How far times can be believed, by the least of the folder's samples: hardware, virtual, emulated, modelled.
        timing: Timing [""],
        /// Column of samples.csv that is summarised, or pause_pooled_…: of all pauses of the point together. Quantiles of a sample's pauses are not summarised.
        metric: String [""],
        /// Its unit.
        unit: String [""],
        /// Samples with a value.
        n: u64 ["samples"],
        /// Samples that failed.
        n_failed: u64 ["samples"],
        /// Samples flagged as disturbed; used all the same.
        n_contaminated: u64 ["samples"],
        /// Mean, the geometric one where ci_method names it; of what is pooled the median, p99 and maximum themselves; of latency_max_ns the longest.
        mean: Option<f64> ["as unit"],
        /// Standard deviation.
        sd: Option<f64> ["as unit"],
        /// Median.
        median: Option<f64> ["as unit"],
        /// Lower end of its 95 % interval; 0 where that of a quantity that cannot be negative would lie below.
        ci_low: Option<f64> ["as unit"],
        /// Upper end of it.
        ci_high: Option<f64> ["as unit"],
        /// How the interval was made.
        ci_method: String [""],
        /// Sensitivity line: the same mean of the samples that are not flagged.
        clean_mean: Option<f64> ["as unit"],
        /// Lower end of its interval.
        clean_ci_low: Option<f64> ["as unit"],
        /// Upper end of its interval.
        clean_ci_high: Option<f64> ["as unit"],
        /// Half of the samples or more are flagged: claims about time are undecided.
        noisy: bool [""],
        /// The value follows from the plan alone.
        by_construction: bool [""],
    }
}

row! {
    /// fits.csv: one row for each parameter and each knee.
    FitRow in "fits.csv" {
        /// Column of samples.csv that is fitted, with ln before it where its logarithm is.
        response: String [""],
        /// Column it is fitted against.
        x: String [""],
        /// Levels of the further factors, empty for none.
        group: String [""],
        /// Arm.
        arm: String [""],
        /// Regime of the samples used.
        regime: Regime [""],
        /// How far times can be believed, by the least of the folder's samples: hardware, virtual, emulated, modelled.
        timing: Timing [""],
        /// Model: usl, amdahl; of the points up to the argmax usl-rise, amdahl-rise; from it on exponential, lomax, hill; of the samples that are not flagged usl-clean, amdahl-clean; unimodal is no formula: means that rise, then fall. Of a claim about a part of the axis its name and which part, `power from 10 tasks on`.
        model: String [""],
        /// lambda, sigma, kappa, …; knee_peak is procs of the highest rate, knee_kleinrock of the highest rate²/procs, knee_inverse_sigma 1/sigma, argmax the highest mean; peak_rate is the rate at knee_peak, or the limit where there is none.
        parameter: String [""],
        /// Its estimate; INF where there is no peak.
        estimate: Option<f64> [""],
        /// Standard error.
        std_error: Option<f64> [""],
        /// Lower end of its interval.
        ci_low: Option<f64> [""],
        /// Upper end of its interval; INF is unbounded.
        ci_high: Option<f64> [""],
        /// Level of the interval; empty where there is none.
        level: Option<f64> ["ratio"],
        /// profile (likelihood, by F), ln_delta (t of ln), bootstrap (2000 resamples of runs within each procs, percentiles); ", of the means" under lack of fit. All take the errors of ln as independent, normal and of one variance, except bootstrap.
        ci_method: String [""],
        /// Samples used; beyond 3000 on a curve, neighbouring runs of a point averaged on ln count as one.
        n: u64 ["samples"],
        /// Degrees of freedom of the intervals: n - parameters, or of the means distinct x - parameters; those at a bound do not count.
        df: Option<u64> [""],
        /// Residual sum of squares of the response, over all samples whatever df is of.
        rss: Option<f64> [""],
        /// AICc with k = parameters + 1.
        aicc: Option<f64> [""],
        /// Akaike weight among the adequate models.
        akaike_weight: Option<f64> ["ratio"],
        /// p value of the lack-of-fit F test.
        lack_of_fit_p: Option<f64> [""],
        /// Root mean square of ln mean - ln model over the points, the mean being that of ln; of mean / model - 1 where the response is not ln.
        misfit_ratio: Option<f64> ["ratio"],
        /// The first that holds: undetermined (two exponentials became one), misfit, bound, undetermined (the samples do not determine all parameters), unbounded (the peak), ok; or "refused: …" with the reason.
        status: String [""],
    }
}

row! {
    /// claims.csv: one row for each claim, arm and subject.
    ClaimRow in "claims.csv" {
        /// Claim, as the experiment file names it.
        id: String [""],
        /// What is claimed, in words.
        text: String [""],
        /// Type: value, ratio, limit, peak, knee, variance-ratio, slope, monotone, model, threshold, relation.
        r#type: String [""],
        /// Arm it is tested on.
        arm: String [""],
        /// Subject it is tested on.
        subject: String [""],
        /// How far times can be believed, by the least of the folder's samples: hardware, virtual, emulated, modelled.
        timing: Timing [""],
        /// The estimand, in words.
        theta: String [""],
        /// Its estimate.
        estimate: Option<f64> [""],
        /// Lower end of its interval.
        ci_low: Option<f64> [""],
        /// Upper end of its interval; INF for a peak or knee that may be the last procs of the sweep or lie beyond.
        ci_high: Option<f64> [""],
        /// Level of the interval, 1 - .05 / number of claims, arms and subjects; empty for a model, which leads by AICc.
        level: Option<f64> ["ratio"],
        /// Samples used; where points are compared block by block, paired blocks.
        n: u64 ["samples"],
        /// Degrees of freedom of the interval: of paired blocks, runs or residuals; empty where it has none.
        df: Option<f64> [""],
        /// Lower end of the region that supports the claim.
        region_low: Option<f64> [""],
        /// Upper end of it.
        region_high: Option<f64> [""],
        /// The figure as printed.
        printed: Option<f64> [""],
        /// How the region and interval are made, in words, and on which nodes alone.
        rule: String [""],
        /// supported, refuted, undecided, not testable.
        verdict: Verdict [""],
        /// Why.
        reason: String [""],
        /// So many of what `n` counts would decide; "> 1000" above that.
        needed_n: Option<String> ["samples"],
    }
}

row! {
    /// tables/audit.csv: one row for each figure of each reading of each claim of an audit.
    AuditRow in "audit.csv" {
        /// Number of the claim.
        number: u32 [""],
        /// Claim, as the audit names it.
        id: String [""],
        /// Where the article makes it.
        place: String [""],
        /// What is claimed, in the auditor's words.
        text: String [""],
        /// Reading of the claim, from 1.
        reading: u32 [""],
        /// The reading, in words.
        reading_text: String [""],
        /// How the figure is computed; empty where words alone decide.
        compute: String [""],
        /// What the figure is.
        figure: String [""],
        /// The figure.
        estimate: Option<f64> [""],
        /// Lower end of what it may be, given what was rounded in print.
        ci_low: Option<f64> [""],
        /// Upper end of it.
        ci_high: Option<f64> [""],
        /// Lower end of the region that it is held against.
        region_low: Option<f64> [""],
        /// Upper end of it.
        region_high: Option<f64> [""],
        /// The figure as printed, where it is held against that.
        printed: Option<f64> [""],
        /// Whether it decides; the others are printed beside.
        decides: bool [""],
        /// How the interval and the region are made, and what follows.
        rule: String [""],
        /// Verdict of the reading.
        reading_verdict: Verdict [""],
        /// Verdicts of all readings of the claim; refuted alone only if every reading is.
        verdict: String [""],
        /// Why.
        reason: String [""],
    }
}

row! {
    /// What `numalab plan --pilot DIR --format csv` prints: one row for each point of the plan that the pilot measured.
    PilotRow in "pilot.csv" {
        /// Point of the plan.
        point_id: String [""],
        /// Arm.
        arm: String [""],
        /// Number of workers.
        procs: u32 ["workers"],
        /// Samples of the pilot.
        samples: u64 ["samples"],
        /// Those of them that are flagged as disturbed; used all the same.
        disturbed: u64 ["samples"],
        /// Relative standard deviation of throughput between samples; this and the next are empty below two samples.
        cv: Option<f64> ["ratio"],
        /// Share of that variance that slices do not explain; below 0: none.
        own_share: Option<f64> ["ratio"],
        /// Slices of a sample.
        slices: Option<u64> [""],
        /// Independent slices that they are worth.
        worth: Option<f64> [""],
        /// Samples that reach the asked half width; "> 1000" above that.
        needed: Option<String> ["samples"],
        /// Length of a sample with the narrowest interval for the time; empty where longer ones do as well as more.
        best_seconds: Option<f64> ["s"],
    }
}

row! {
    /// What `numalab predict --format csv` prints: one row for each point. No file of a results folder.
    PredictionRow in "predictions.csv" {
        /// Experiment.
        experiment: String [""],
        /// Point.
        point_id: String [""],
        /// Always modelled: computed, not measured.
        timing: Timing [""],
        /// Arm.
        arm: String [""],
        /// Kind of workload.
        workload: String [""],
        /// What schedules the work.
        subject: String [""],
        /// Number of workers.
        procs: u32 ["workers"],
        /// core, smt or oversubscribed.
        regime: Regime [""],
        /// Placement of workers.
        placement: String [""],
        /// Policies of the heaps.
        memory_policy: String [""],
        /// Nodes on which the workers may run.
        nodes_spanned: u32 ["nodes"],
        /// Operations per second, stopped time included.
        throughput_per_s: f64 ["1/s"],
        /// The same if all touches queue at once (Gunther's synchronous bound).
        slowest_per_s: f64 ["1/s"],
        /// The same if no touch ever waits and no controller exceeds its bandwidth.
        fastest_per_s: f64 ["1/s"],
        /// Bandwidth of all touches, 64 bytes each.
        bandwidth_gb_per_s: f64 ["GB/s"],
        /// Touches whose page lies on the toucher's node / all touches.
        local_hit_ratio: f64 ["ratio"],
        /// Mean latency of a touch, waiting included.
        latency_ns: f64 ["ns"],
        /// The queue nearest to its limit: memory NODE, link FROM-TO, coherence.
        busiest: String [""],
        /// Share of the time that it serves somebody.
        utilization_ratio: f64 ["ratio"],
        /// Workers from which on, in proportion, somebody waits for it for certain.
        saturation_procs: f64 ["workers"],
        /// Request to last worker parked, mean; empty where the world is never stopped.
        stopping_ns: Option<f64> ["ns"],
        /// World stopped, mean.
        stopped_ns: Option<f64> ["ns"],
        /// Release to last worker running, mean.
        resuming_ns: Option<f64> ["ns"],
        /// Sum of the three.
        pause_ns: Option<f64> ["ns"],
    }
}

row! {
    /// tables/knee.csv: one row for each form of the article's knee model and each source of its constants.
    KneeRow in "knee.csv" {
        /// printed, or measured (of a modelled folder: modelled).
        source: String [""],
        /// coupled, additive, useful, no-faults, usl, usl-with-faults, capacity, net-benefit, kappa.
        form: String [""],
        /// The form, as people write it.
        formula: String [""],
        /// Of the square in S.
        alpha: Option<f64> [""],
        /// Of the linear part of S.
        beta: Option<f64> [""],
        /// In the exponent of F.
        gamma: Option<f64> [""],
        /// Cores, or PUs this process may use.
        cores: f64 [""],
        /// n of the greatest value; empty where there is none.
        predicted: Option<f64> ["workers"],
        /// The least of it at the ends of the 95 % intervals of sigma and kappa; empty where constants are printed.
        predicted_low: Option<f64> ["workers"],
        /// The greatest of it; INF where there need be none.
        predicted_high: Option<f64> ["workers"],
        /// The knee as printed.
        printed: f64 ["workers"],
        /// Procs of the highest throughput measured, without a model.
        measured: Option<f64> ["workers"],
        /// Lower end of its 95 % interval.
        measured_low: Option<f64> ["workers"],
        /// Upper end of it; INF where it reaches the last procs of the sweep.
        measured_high: Option<f64> ["workers"],
        /// What became of it, and where the constants come from.
        note: String [""],
    }
}

row! {
    /// tables/printed.csv: one row for each printed row of each column, beside each arm, subject and level of the others.
    PrintedRow in "printed.csv" {
        /// Arm.
        arm: String [""],
        /// What schedules the work.
        subject: String [""],
        /// Levels of the further factors, of procs and subject where there are several; empty for none.
        group: String [""],
        /// How far times can be believed, by the least of the folder's samples: hardware, virtual, emulated, modelled.
        timing: Timing [""],
        /// Column of the printed table, with its unit.
        column: String [""],
        /// Column of samples.csv that stands beside it.
        metric: String [""],
        /// The metric over this is in the printed unit.
        per: f64 [""],
        /// What tells the printed rows apart.
        by: String [""],
        /// Which of them this is.
        level: String [""],
        /// The figure as printed, of another program on another machine; empty where none is.
        printed: Option<f64> ["as printed"],
        /// The metric's mean in summary.csv, in the printed unit.
        measured: Option<f64> ["as printed"],
        /// Lower end of its 95 % interval.
        ci_low: Option<f64> ["as printed"],
        /// Upper end of it.
        ci_high: Option<f64> ["as printed"],
        /// measured / printed.
        ratio: Option<f64> ["ratio"],
        /// Samples with a value.
        n: u64 ["samples"],
        /// All samples, failed ones too.
        n_all: u64 ["samples"],
        /// core, smt or oversubscribed; empty where no point is at this level.
        regime: Option<Regime> [""],
        /// Whether the value follows from the plan alone.
        by_construction: bool [""],
        /// Why nothing was measured; empty where something was.
        note: String [""],
    }
}
