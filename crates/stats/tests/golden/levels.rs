//! Kalibera and Jones's worked examples, from the tests of libkalibera (statistics notes, section 5).

use stats::StatsError;
use stats::levels::levels;

use crate::reference::assert_close;

const VALUES: [f64; 12] = [9.0, 5.0, 8.0, 3.0, 10.0, 6.0, 7.0, 11.0, 1.0, 12.0, 2.0, 4.0];

fn all_close(what: &str, found: &[f64], expect: &[f64]) {
    assert_eq!(found.len(), expect.len());
    found.iter().zip(expect).for_each(|(found, expect)| assert_close(what, *found, *expect, 1e-12));
}

#[test]
fn two_levels() {
    let found = levels(&VALUES, &[4, 3], 0.95).unwrap();
    all_close("S", &found.of_means, &[12.722222222222223, 3.5625]);
    all_close("T", &found.own, &[12.722222222222223, 0.3819444444444442]);
    assert_eq!((found.mean.value, found.mean.df, found.mean.n), (6.5, 2.0, 3));
    assert_close("half width", found.mean.interval.half_width(), 4.688707109531832, 1e-9);
    assert_eq!(found.best_repetitions(&[3.0, 20.0]).unwrap(), [Some(15)]);
    assert!(matches!(found.best_repetitions(&[3.0]), Err(StatsError::LengthMismatch { .. })));
    assert!(found.best_repetitions(&[0.0, 20.0]).is_err());
    // scipy: the least n with t(.975, n - 1) sqrt(3.5625 / n) <= 6.5 h.
    assert_eq!([0.3, 0.02].map(|h| found.needed(h).unwrap()), [7, 813]);
    assert!(found.needed(0.0).is_err());
}

#[test]
fn three_levels() {
    let found = levels(&VALUES, &[2, 2, 3], 0.95).unwrap();
    all_close("S", &found.of_means, &[16.5, 2.5833333333333335, 3.5625]);
    all_close("T", &found.own, &[16.5, -5.666666666666666, 2.270833333333333]);
    // The middle level adds nothing: what lies below it has no best count, and itself need not be repeated.
    assert_eq!(found.best_repetitions(&[1.0, 1.0, 1.0]).unwrap(), [None, Some(1)]);
}

#[test]
fn refusals() {
    assert!(matches!(levels(&VALUES, &[5, 3], 0.95), Err(StatsError::LengthMismatch { left: 12, right: 15, .. })));
    assert!(matches!(levels(&VALUES, &[12, 1], 0.95), Err(StatsError::TooFew { found: 1, needed: 2, .. })));
}
