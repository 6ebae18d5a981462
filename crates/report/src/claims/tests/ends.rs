//! A curve that still rises where the sweep ends: its peak lies there or beyond, and nothing supports that it lies there.

use super::*;

/// USL with its peak at 8, the last procs: sigma 0.04, kappa 0.015.
fn rising(procs: u32, block: u32) -> f64 {
    let n = f64::from(procs);
    wobble(block) * 100.0 * n / (1.0 + 0.04 * (n - 1.0) + 0.015 * n * (n - 1.0))
}

fn case_rising() -> Case {
    Case { rate: rising, ..case() }
}

#[test]
fn a_peak_at_the_last_procs_is_not_supported() {
    let row =
        check(case_rising(), claim(peak(8)), Verdict::Undecided, "the highest is the last of the sweep; not beaten");
    assert_eq!((row.ci_high, row.needed_n), (Some(f64::INFINITY), None));
    // What the sweep does tell stays told.
    check(case_rising(), claim(peak(4)), Verdict::Refuted, "the highest is the last of the sweep");
    // 7 and 8 alike: the peak may lie beyond 8, or not.
    let flat = |procs: u32, block: u32| match procs {
        7 => 1.0003 * (1.0 + 0.001 * f64::from(block % 3)) * rising(8, block),
        _ => rising(procs, block) * (1.0 + 0.001 * f64::from((block + 1) % 3)),
    };
    let row = check(Case { rate: flat, ..case() }, claim(peak(7)), Verdict::Undecided, "not beaten: 7, 8");
    assert!(row.ci_high == Some(f64::INFINITY) && row.needed_n.is_some(), "{row:#?}");
}

#[test]
fn a_knee_at_the_last_procs_is_not_supported() {
    let row =
        check(case_rising(), claim(knee("8")), Verdict::Undecided, "the highest is the last of the sweep; USL knee");
    assert_eq!(row.ci_high, Some(f64::INFINITY));
    check(case_rising(), claim(knee("4")), Verdict::Refuted, "the highest is the last of the sweep");
}
