//! The audit of the article against figures that were computed apart from this program, and every kind of test on a
//! made-up table.

use super::*;
use plan::experiment::FileError;

fn figures_of(rows: &[AuditRow], number: u32) -> Vec<f64> {
    let rows = rows.iter().filter(|row| row.number == number && !row.figure.is_empty());
    rows.map(|row| row.estimate.unwrap_or(f64::NAN)).collect()
}

/// Statistics notes, section 1 (column "check", and the table of fits below it) and section 2, as many digits as are printed
/// there or in the reference file beside them (scipy, mpmath).
#[test]
fn the_figures_of_the_article_are_the_reference_ones() {
    let rows = audit(&article());
    let check = |number: u32, expect: &str| {
        let found = figures_of(&rows, number);
        let expect: Vec<Printed> = expect.split_whitespace().filter_map(Printed::parse).collect();
        assert_eq!(found.len(), expect.len(), "claim {number}: {found:?}");
        for (found, expect) in found.iter().zip(expect) {
            assert!((found - expect.value).abs() <= 1.001 * expect.half, "claim {number}: {found} is not {expect:?}");
        }
    };
    check(1, "1.0 3.8414634146 35.2439024390 261.7073170732");
    check(2, "3.8414634146 9.1746031746 7.4256055363");
    check(3, "0.40938735 0.5844967 0.96258729 1.24573568");
    check(
        4,
        "0.01495393 0.00246271 0.00050123 0.94823270 0.17434854 0.08828967 0.32455260 1.68 2.27 239 \
         82.0 31.5 28.9 42.92",
    );
    check(5, "0 0");
    check(
        6,
        "1.03178731 0.56883266 0.89571644 1.03178731 0.81016 3.00195 23.6113 124.2534 0.02549405 0.14874431 0.91607811",
    );
    check(7, "820 315 289 429");
    check(8, "3.15789474 3.21428571 3.17857143");
    check(9, "0 63.657957 21.852732");
    check(10, "45 84.9 15.09434 24 8 32");
    check(11, "32 0");
    check(13, "17.042284866 2.61408657");
    check(14, "92");
    check(16, "0 56.619145 90.936864 98.625255");
    check(
        17,
        "4 -0.36270189 -0.97288809 -1.36042296 0.00889489 0.04283797 0.07498022 0.259735768 0.456940332 0.527300004 1.516133 \
         1159.24",
    );
    check(18, "0.434 1.090 0.0906 0.734");
    check(19, "18.4 28.0");
    check(20, "64 0.03045 5.059924875 100.952 1 5.580504 7.680390 3.406653");
    check(22, "1.438 1.22");
    check(23, "0");
    // The peaks by model, and their range with 5 % of noise, which was simulated with other numbers there.
    let peaks = figures_of(&rows, 12);
    for (found, expect) in peaks.iter().zip([3.0, 26.0629007674, 6230.15949342, 0.0146637598827, 0.00145057088136]) {
        assert!((found - expect).abs() < 1e-8 * expect, "{found} is not {expect}");
    }
    assert!((peaks[6] - 25.68000401).abs() < 1e-6 && (peaks[7] - 38.76).abs() < 5e-3, "{peaks:?}");
    let noisy = rows.iter().find(|row| row.figure.ends_with("5 % of noise")).expect("claim 12 has it");
    assert!((noisy.ci_low.unwrap() - 23.54).abs() < 0.3 && (noisy.ci_high.unwrap() - 29.99).abs() < 0.6, "{noisy:?}");
    // Places of flat maxima, to as many digits as the reference has.
    let tops = &figures_of(&rows, 20)[5..8];
    for (found, expect) in tops.iter().zip([5.580504156467723, 7.680390470134656, 3.406653218024887]) {
        assert!((found - expect).abs() < 1e-10, "{found} is not {expect}");
    }
    // A figure says what it is.
    let linear =
        rows.iter().find(|row| row.number == 4 && row.estimate.is_some_and(|value| (value - 0.1743).abs() < 1e-4));
    assert_eq!(linear.expect("claim 4 has it").figure, "rms of ln residuals, linear");
    // The local rate of what is left of 1: the constant of an exponential.
    assert!(figures_of(&rows, 21)[7..].iter().all(|rate| (rate + 0.1).abs() < 1e-12));
}

/// Statistics notes, section 1, last column.
#[test]
fn the_verdicts_on_the_article_are_those_of_the_notes() {
    let rows = audit(&article());
    let expect = [
        "supported",
        "supported",
        "supported / refuted",
        "refuted",
        "uncheckable",
        "uncheckable / contradicted",
        "contradicted",
        "supported / contradicted",
        "supported",
        "uncheckable",
        "supported",
        "uncheckable",
        "refuted / uncheckable",
        "contradicted / uncheckable",
        "uncheckable",
        "supported",
        "uncheckable",
        "contradicted",
        "uncheckable",
        "refuted",
        "refuted / supported",
        "uncheckable",
        "refuted",
    ];
    for (number, expect) in (1..).zip(expect) {
        let row = rows.iter().find(|row| row.number == number).expect("all 23 are there");
        assert_eq!(row.verdict, expect, "claim {number}");
        assert!(!row.rule.is_empty() && !row.reason.is_empty(), "{row:?}");
    }
    assert!(rows.iter().all(|row| row.number <= 23));
}

/// x 1 2 4, y exactly 2 x^2 but for its last digit; z 5.0, 5.1, 7.
const MADE: &str = "x,y,z,word\n1,2.0,5.0,a\n2,8.0,5.1,b\n4,32.0,7.0,c\n";

/// An audit of one claim with one reading that has these lines.
fn one(lines: &str) -> Result<Vec<AuditRow>, FileError> {
    let text = format!(
        "name = \"made\"\narticle = \"none\"\n[table.t]\nfile = \"t.csv\"\nexact = [\"x\"]\n[[claim]]\nnumber = 7\nid = \
         \"c\"\nplace = \"here\"\ntext = \"t\"\n[[claim.reading]]\ntext = \"r\"\n{lines}\n"
    );
    parse_audit("made.toml", &text, &|_| Ok(("t.csv".into(), MADE.into()))).map(|made| audit(&made))
}

fn check(lines: &str, verdict: Verdict, reason: &str) -> Vec<AuditRow> {
    let rows = one(lines).unwrap_or_else(|error| panic!("{lines}: {error}"));
    let row = &rows[0];
    assert!(row.reading_verdict == verdict && row.reason.contains(reason), "{verdict}, {reason}: {row:#?}");
    assert_eq!(row.verdict, verdict.word());
    rows
}

#[test]
fn every_test_holds_fails_or_decides_nothing() {
    use Verdict::{Contradicted, Refuted, Supported, Uncheckable, Undecided};
    let y = "table = \"t\"\ny = \"y\"";
    // 8.0 / 2.0 may be 7.95 / 2.05 = 3.88 to 8.05 / 1.95 = 4.13.
    let rows =
        check(&format!("compute = \"steps\"\n{y}\nprinted = [\"4.1\", \"4\"]"), Supported, "within their rounding");
    assert!(
        (rows[0].ci_low.unwrap() - 7.95 / 2.05).abs() < 1e-12 && (rows[0].ci_high.unwrap() - 8.05 / 1.95).abs() < 1e-12
    );
    assert_eq!((rows[0].region_low, rows[0].printed), (Some(4.05), Some(4.1)));
    check(&format!("compute = \"steps\"\n{y}\nprinted = [\"4.3\", \"4\"]"), Refuted, "not as printed: 2 over 1");
    check(&format!("compute = \"ratios\"\n{y}\nbase = \"1\"\nprinted = [\"\", \"4\", \"16\"]"), Supported, "");
    check(&format!("compute = \"slopes\"\n{y}\nwithin = [1.9, 2.1]"), Supported, "inside");
    check(&format!("compute = \"slopes\"\n{y}\nwithin = [2.0, 2.1]"), Undecided, "across an edge: 1 to 2, 2 to 4");
    check(&format!("compute = \"slopes\"\n{y}\nabove = 2.5"), Refuted, "outside the region: 1 to 2");
    check(&format!("compute = \"slopes\"\n{y}\nbelow = 2.5\nholds = \"contradicted\""), Contradicted, "");
    check(&format!("compute = \"slopes\"\n{y}\ncommon = true"), Supported, "one value lies in every interval: ");
    check(&format!("compute = \"rates\"\n{y}\ncommon = true\nfails = \"uncheckable\""), Uncheckable, "no value");
    check(&format!("compute = \"column\"\n{y}\ntrend = \"rising\""), Supported, "rising throughout");
    check(&format!("compute = \"column\"\n{y}\ntrend = \"falling\""), Refuted, "not falling: 1 < 2");
    check("compute = \"column\"\ntable = \"t\"\ny = \"z\"\ntrend = \"rising\"", Undecided, "cannot be told apart");
    check(
        &format!("compute = \"misfit\"\n{y}\nmodels = [\"power\", \"linear\"]\nleast = true"),
        Supported,
        "power is the",
    );
    check(
        &format!("compute = \"misfit\"\n{y}\nmodels = [\"linear\", \"power\"]\nleast = true"),
        Refuted,
        "power is less",
    );
    check("compute = \"values\"\nvalues = [\"t.z[1]\", \"t.z[2]\"]\nleast = true", Undecided, "cannot be told apart");
    check("missing = \"all\"", Uncheckable, "not printed: all");
    check("contradicted_by = \"page 2\"", Contradicted, "said elsewhere: page 2");
    check(&format!("compute = \"leave-one-out\"\n{y}\nmodels = [\"power\"]\nwithin = [1, 1.2]"), Supported, "");
    check(&format!("compute = \"count\"\n{y}\nfrom = 7.9\nwithin = [2, 2]"), Supported, "");
    let fit = check(
        &format!("compute = \"fit\"\n{y}\nmodel = \"power\"\nfigures = [\"b\"]\nwithin = [1.9, 2.1]"),
        Supported,
        "",
    );
    assert!((fit[0].estimate.unwrap() - 2.0).abs() < 1e-9 && fit[0].ci_low < fit[0].ci_high, "{fit:#?}");
    check("compute = \"maximum\"\nvalue = \"n * (3 - n)\"\nfrom = 0\nto = 10\nprinted = [\"1.5\"]", Supported, "");
    check("compute = \"minimum\"\nvalue = \"n * (3 - n)\"\nfrom = 0\nto = 10\nprinted = [\"10\"]", Supported, "");
    // A corner: slopes 1 and -3 beside 2.
    let corner = check(
        "compute = \"maximum\"\nvalue = \"n - 2 * (sqrt((n - 2)^2) + n - 2)\"\nfrom = 0\nto = 7\nprinted = [\"2.0\"]",
        Supported,
        "",
    );
    assert!((corner[0].estimate.unwrap() - 2.0).abs() < 1e-7, "{corner:#?}");
    check(
        "compute = \"curve\"\nvalue = \"n^2\"\nat = [1, 2]\nresult = \"sqrt(v)\"\nprinted = [\"1\", \"2\"]",
        Supported,
        "",
    );
    check("compute = \"command\"\ncommand = \"numactl -m 0 env A=1 b\"\nabove = 1", Supported, "");
    check("compute = \"command\"\ncommand = \"nice A=1 b\"\nabove = 1", Refuted, "");
    check("compute = \"values\"\nvalues = [\"ln(0 - t.x[1])\"]\nabove = 1", Uncheckable, "a figure that is no number");
}

#[test]
fn a_claim_names_the_verdict_of_each_reading_once() {
    let rows =
        one("missing = \"a\"\n[[claim.reading]]\ntext = \"s\"\ncompute = \"values\"\nvalues = [\"1\"]\nabove = 0\n\
                    [[claim.reading]]\ntext = \"u\"\nmissing = \"b\"")
        .unwrap();
    assert_eq!(rows.iter().map(|row| row.reading).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(rows.iter().all(|row| row.verdict == "uncheckable / supported"), "{rows:#?}");
}

#[test]
fn figures_beside_decide_nothing() {
    let rows = check(
        "missing = \"a\"\n[[claim.reading.beside]]\ncompute = \"values\"\nvalues = [\"t.y[2]\"]",
        Verdict::Uncheckable,
        "",
    );
    let beside = rows.iter().find(|row| row.figure == "t.y[2]").expect("it is a row of its own");
    assert!(!beside.decides && beside.estimate == Some(8.0) && beside.ci_high == Some(8.05), "{beside:#?}");
}

/// y[2] is printed as 8.0, and may have been less.
#[test]
fn a_figure_that_rounding_may_undo_has_no_interval() {
    let expression = "compute = \"values\"\nvalues = [\"ln(t.y[2] - 7.99)\"]";
    let rows = one(&format!("missing = \"a\"\n[[claim.reading.beside]]\n{expression}")).expect("a sound audit");
    let expect = "none: with what a printed figure may have been rounded from: a figure that is no number";
    assert_eq!(rows[1].figure, expect, "{rows:#?}");
}

/// b is 2 give or take, so that b - 2 has a logarithm in about half of the refits: they are no sample of all.
#[test]
fn refits_that_fail_leave_no_interval_and_are_counted() {
    let with = |figure: &str| {
        let fit = "compute = \"fit\"\ntable = \"t\"\ny = \"y\"\nmodel = \"power\"\nnoise = 0.05";
        let rows = one(&format!("missing = \"a\"\n[[claim.reading.beside]]\n{fit}\nfigures = [\"{figure}\"]"));
        rows.expect("a sound audit").remove(1)
    };
    let sound = with("b");
    assert!(sound.ci_low.is_some_and(|low| low < 1.99) && sound.ci_high.is_some_and(|high| high > 2.01), "{sound:#?}");
    let failed = with("ln(b - 2)").figure;
    let count = failed.strip_prefix("none: ").and_then(|rest| rest.strip_suffix(" that is no number"));
    let count = count.and_then(|rest| rest.strip_suffix(" of 2000 refits failed, the first with: a figure"));
    assert!(count.and_then(|count| count.parse::<u32>().ok()).is_some_and(|n| (800..1200).contains(&n)), "{failed}");
}

#[test]
fn the_models_that_files_may_name_are_those_of_stats() {
    let of_stats: Vec<_> = stats::fit::Model::all().map(|model| (model.name(), model.parameter_names())).collect();
    assert_eq!(plan::models::MODELS, of_stats);
}
