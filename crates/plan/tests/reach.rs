//! Claims about a part of a curve: thresholds and models, as files write them.

use plan::claim::{ClaimRule, Trend};
use plan::experiment::parse_experiment;
use plan::reach::Reach;

/// The rule of a claim over procs; or over tasks, four procs at each.
fn rule(axis: &str, lines: &str) -> Result<ClaimRule, String> {
    let text = format!(
        "name = \"x\"\nquestion = \"q\"\n[workload]\nkind = \"storm\"\n[sweep]\nprocs = [4, 8]\ntasks = [1, 10]\naxis = \"{axis}\"\n\
         subject = \"gmp\"\n[[arm]]\nname = \"a\"\n[[claim]]\nid = \"c\"\ntext = \"t\"\narm = \"a\"\n{lines}"
    );
    parse_experiment("x.toml", &text).map(|file| file.claims[0].rule.clone()).map_err(|error| error.to_string())
}

const THRESHOLD: &str =
    "type = \"threshold\"\nmetric = \"throughput_per_s\"\nnear = 10\nfactor = 1.5\ntrend = \"falling\"";

fn reach(from: Option<&str>, to: Option<&str>) -> Reach {
    Reach { from: from.map(Into::into), to: to.map(Into::into) }
}

#[test]
fn a_threshold_has_a_direction_a_size_and_a_reach() {
    let check = |axis: &str, lines: &str, near: &str, reach: Reach| {
        let (trend, factor) = (Some(Trend::Falling), Some(1.5));
        let expect =
            ClaimRule::Threshold { metric: "throughput_per_s".into(), near: near.into(), reach, trend, factor };
        assert_eq!(rule(axis, lines), Ok(expect), "{lines}");
    };
    check("procs", THRESHOLD, "10", reach(None, None));
    check("procs", &format!("{THRESHOLD}\nfrom = 4"), "10", reach(Some("4"), None));
    let in_procs = THRESHOLD.replace("10", "\"2.5 procs\"");
    let ends = "from = \"1 procs\"\nto = \"25 procs\"";
    check("tasks", &format!("{in_procs}\n{ends}"), "2.5 procs", reach(Some("1 procs"), Some("25 procs")));
    // In two units they cannot be compared before there are procs.
    check(
        "tasks",
        &format!("{in_procs}\nfrom = 4\nto = \"25 procs\""),
        "2.5 procs",
        reach(Some("4"), Some("25 procs")),
    );
}

#[test]
fn what_is_no_threshold_is_refused_in_one_line() {
    let refused = |axis: &str, lines: &str, expect: &str| {
        let error = rule(axis, lines).expect_err(lines);
        assert!(error.contains(expect) && !error.contains('\n'), "{error}");
    };
    let at = |line: &str| format!("{THRESHOLD}\n{line}");
    refused(
        "procs",
        &at("from = 11"),
        "near in [[claim]] \"c\": 10 does not lie from 11 procs on, where the claim looks",
    );
    refused("procs", &at("from = 4\nto = 4"), "to in [[claim]] \"c\": 4 is not above from, 4");
    refused("procs", &at("from = \"2 procs\""), "\"2 procs\" cannot be; it must be a number of workers");
    refused("procs", &at("to = \"node\""), "\"node\" cannot be; it must be a number of workers");
    refused("tasks", &at("to = \"0 procs\""), "or so many times procs, such as \"2.5 procs\"");
    refused("tasks", &at("from = \"3 procs\"\nto = \"2 procs\""), "2 procs is not above from, 3 procs");
    refused("procs", &THRESHOLD.replace("1.5", "1"), "factor in [[claim]] \"c\": must be above 1");
    refused("procs", &THRESHOLD.replace("\nfactor = 1.5", ""), "factor");
    refused("procs", &THRESHOLD.replace("\ntrend = \"falling\"", ""), "trend");
    refused("procs", &THRESHOLD.replace("falling", "down"), "\"down\" is none of rising, falling");
}

#[test]
fn a_model_may_be_about_a_part_of_the_curve() {
    let model = "type = \"model\"\nmetric = \"storm_ns\"\nmodel = \"linear\"\nrivals = [\"power\"]";
    let expect = |reach| ClaimRule::Model {
        metric: "storm_ns".into(),
        model: "linear".into(),
        rivals: vec!["power".into()],
        reach,
    };
    assert_eq!(rule("tasks", model), Ok(expect(reach(None, None))));
    assert_eq!(rule("tasks", &format!("{model}\nfrom = \"2.5 procs\"")), Ok(expect(reach(Some("2.5 procs"), None))));
}

/// As plans of before hold it, which had neither direction nor reach.
#[test]
fn a_threshold_of_an_older_plan_is_read() {
    let old = "type = \"threshold\"\nmetric = \"throughput_per_s\"\nnear = \"10\"";
    let read: ClaimRule = toml::from_str(old).expect("it was sound");
    let expect = ClaimRule::Threshold {
        metric: "throughput_per_s".into(),
        near: "10".into(),
        reach: Reach::default(),
        trend: None,
        factor: None,
    };
    assert_eq!(read, expect);
}
