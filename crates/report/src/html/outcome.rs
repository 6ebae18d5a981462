//! Question, claims, disturbances, notes, files.

use super::Parts;
use super::markup::{Cell, Page};
use crate::results::{Results, SummaryLine};
use crate::show::{Unit, count};
use crate::tables::{answered, asked, claim_numbers, not_testable, tested_on};
use plan::experiment::{Extent, Repetitions};
use plan::record::{ClaimRow, Verdict};

/// What was expected, and how it was measured.
pub(super) fn question(page: &mut Page, results: &Results) {
    let plan = &results.plan;
    page.element("p", "", &format!("Expected: {expect}", expect = plan.expect));
    let extent = match plan.measure.extent {
        Extent::Seconds(seconds) => format!("{seconds} s"),
        Extent::Operations(operations) => count(operations, "operation"),
    };
    let repetitions = match &plan.measure.repetitions {
        Repetitions::Fixed(number) => count(u64::from(*number), "repetition"),
        Repetitions::Until { min, max, until, metric } => {
            format!("{min} to {max} repetitions, until {metric} is known to {percent:.1} %", percent = until * 100.0)
        }
    };
    let repetitions = match plan.measure.pause_repetitions {
        Some(more) => format!("{repetitions} ({more} where pauses are contrasted)"),
        None => repetitions,
    };
    let line = format!(
        "{points}, {repetitions} of {extent} planned, order {order}, seed {seed}; {samples} taken.",
        points = count(plan.points.len() as u64, "point"),
        order = plan.measure.order,
        seed = results.manifest.seed,
        samples = count(results.samples.len() as u64, "sample")
    );
    page.element("p", "muted", &line);
}

/// Every claim with verdict and reason.
pub(super) fn claims(page: &mut Page, parts: Parts<'_>) {
    page.heading("Claims");
    if parts.derived.claims.is_empty() {
        return page.element("p", "", "This experiment makes no claims.");
    }
    answered(&parts.derived.claims).for_each(|claim| answered_claim(page, parts.results, claim));
    for group in not_testable(&parts.derived.claims) {
        page.verdict(Verdict::NotTestable.word(), group.reason);
        page.table(&["claim", "text", "arms, and what was found there", "printed, and the region that supports it"]);
        for claim in &group.claims {
            page.row(&[
                Cell::Whole(claim.id.into()),
                Cell::Words(claim.text.into()),
                Cell::Words(claim.arms(parts.results).join(", ")),
                Cell::Words(claim.rows.first().map_or_else(String::new, |row| asked(parts.results, row).join("; "))),
            ]);
        }
        page.end_table();
    }
    page.element(
        "p",
        "note",
        "Supported: the interval lies inside the region that the claim allows. Refuted: the two do not meet. Undecided: \
         neither. Not testable: data are absent or this machine cannot tell.",
    );
}

fn answered_claim(page: &mut Page, results: &Results, claim: &ClaimRow) {
    page.raw("<section class=\"claim\">\n");
    page.verdict(claim.verdict.word(), &format!("{id} ({on})", id = claim.id, on = tested_on(results, claim)));
    page.element("p", "", &format!("“{text}”", text = claim.text));
    let numbers = claim_numbers(results, claim);
    if !numbers.is_empty() {
        page.element("p", "", &numbers);
    }
    let needed = claim.needed_n.as_ref().map(|needed| format!("; n that would decide it: {needed}"));
    let why = format!("{reason}{needed}", reason = claim.reason, needed = needed.unwrap_or_default());
    page.element("p", "muted", &why);
    page.raw("</section>\n");
}

/// What disturbed the run from outside, and the estimates without the disturbed samples.
pub(super) fn disturbances(page: &mut Page, parts: Parts<'_>) {
    page.heading("Disturbances");
    let results = parts.results;
    let retried = results.samples.retried.iter().filter(|&&retried| retried).count();
    let failed = results.samples.failed.iter().filter(|&&failed| failed).count() - retried;
    let retried = if retried > 0 { format!(", {retried} failed and were run again") } else { String::new() };
    let flagged = results.samples.contaminated.iter().filter(|&&flagged| flagged).count();
    let thresholds = &results.plan.measure.thresholds;
    page.element(
        "p",
        "",
        &format!(
            "{flagged} of {samples} flagged as disturbed from outside, {failed} failed{retried}. A sample is flagged when its workers \
             waited for a PU more than {delay} of the time (where PUs are not oversubscribed), or when more than {steal} of \
             the host's time and {ticks} clock ticks were stolen. Flagged samples are used all the same: leaving them out \
             would select on the outcome.",
            samples = count(results.samples.len() as u64, "sample"),
            delay = Unit::Ratio.show(thresholds.run_delay_ratio),
            steal = Unit::Ratio.show(thresholds.steal_ratio),
            ticks = thresholds.steal_ticks
        ),
    );
    let is_line = |line: &&SummaryLine| line.row.metric == "throughput_per_s" && line.row.n_contaminated > 0;
    let lines: Vec<&SummaryLine> = parts.derived.summary.iter().filter(is_line).collect();
    if lines.is_empty() {
        return;
    }
    page.element("p", "note", "Sensitivity line: throughput of all samples, and of those that are not flagged.");
    page.table(&["arm", ">procs", ">flagged", ">of", ">all samples", ">undisturbed only", ">change", ""]);
    lines.iter().for_each(|line| page.row(&sensitivity(line)));
    page.end_table();
}

fn sensitivity(line: &SummaryLine) -> [Cell; 8] {
    let row = &line.row;
    let show = |mean: Option<f64>, interval: Option<(f64, f64)>| {
        mean.map_or_else(|| "none left".into(), |mean| Unit::PerSecond.show_with_interval(mean, interval))
    };
    // + 0.0 turns a rounded -0.0 into 0.0.
    let change = row.clean_mean.zip(row.mean).map(|(clean, all)| ((clean / all - 1.0) * 1000.0).round() / 10.0 + 0.0);
    [
        Cell::Whole(row.arm.clone()),
        Cell::Number(row.procs.to_string()),
        Cell::Number(row.n_contaminated.to_string()),
        Cell::Number(row.n.to_string()),
        Cell::Number(show(row.mean, row.ci_low.zip(row.ci_high))),
        Cell::Number(show(row.clean_mean, row.clean_ci_low.zip(row.clean_ci_high))),
        Cell::Number(change.map_or_else(String::new, |change| format!("{change:+.1} %"))),
        Cell::Whole(if row.noisy { "noisy".into() } else { String::new() }),
    ]
}

/// What the plan and this program want to have said.
pub(super) fn notes(page: &mut Page, parts: Parts<'_>) {
    page.heading("Notes");
    page.list(&parts.results.plan.notes);
    page.element(
        "p",
        "",
        "Local hit ratio: touches whose page lies on the toucher's own node over all touches, caches ignored; what hardware \
         counters see (loads that missed the last-level cache) is another quantity. A pause runs from the request to stop \
         until the last worker runs again.",
    );
    let command = parts.results.manifest.command.join(" ");
    page.element("p", "note", &format!("Command: {command}"));
}

/// The files of the folder.
pub(super) fn files(page: &mut Page, files: &[String]) {
    if files.is_empty() {
        return;
    }
    page.heading("Files");
    page.element(
        "p",
        "",
        "Everything above follows from these files, which lie beside this one; SHA256SUMS covers them.",
    );
    page.raw("<ul>\n");
    for file in files {
        page.raw("<li>");
        page.raw(&format!("<code>{file}</code>", file = super::text(file)));
        page.raw("</li>\n");
    }
    page.raw("</ul>\n");
}
