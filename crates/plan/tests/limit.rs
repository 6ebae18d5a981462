//! Claims of the type `limit`: what they may say, and each mistake with its line.

use plan::claim::{ClaimRule, Side};
use plan::experiment::parse_experiment;

const METRIC: &str = "throughput_per_s";

fn read(lines: &str) -> Result<ClaimRule, String> {
    let text = format!(
        "name = \"x\"\nquestion = \"q\"\n[workload]\nkind = \"serve\"\n[sweep]\nprocs = [2, 4]\nsubject = [\"threads\", \"gmp\"]\n\
         [[arm]]\nname = \"a\"\n[[claim]]\nid = \"c\"\ntext = \"t\"\narm = \"a\"\ntype = \"limit\"\nmetric = \"{METRIC}\"\nprocs = 4\n{lines}\n"
    );
    parse_experiment("x.toml", &text).map(|mut file| file.claims.remove(0).rule).map_err(|error| error.to_string())
}

#[test]
fn one_side_of_a_value_or_of_a_ratio() {
    let check = |lines: &str, over_procs, side, limit, in_procs| {
        let expect = ClaimRule::Limit { metric: METRIC.into(), procs: 4, over_procs, side, limit, in_procs };
        let found = read(lines).expect(lines);
        assert_eq!(found, expect, "{lines}");
        // As plan.toml keeps it.
        let text = toml::to_string(&found).expect("it can be written");
        assert_eq!(toml::from_str::<ClaimRule>(&text), Ok(expect), "{text}");
    };
    check("above = 0.9", None, Side::Above, 0.9, false);
    check("at_least = -1", None, Side::AtLeast, -1.0, false);
    check("below = \"2 procs\"", None, Side::Below, 2.0, true);
    check("at_most = \"0.5 procs\"", None, Side::AtMost, 0.5, true);
    check("at_most = 0.5\nover_procs = 2", Some(2), Side::AtMost, 0.5, false);
    // Elsewhere, and there at the same procs.
    check("above = 1\nover = { subject = \"threads\" }\nsubject = \"gmp\"", Some(4), Side::Above, 1.0, false);
    check(
        "above = 1\nover = { subject = \"threads\" }\nsubject = \"gmp\"\nover_procs = 2",
        Some(2),
        Side::Above,
        1.0,
        false,
    );
}

#[test]
fn what_is_no_limit_is_refused_in_one_line() {
    let check = |lines: &str, expect: &str| assert_eq!(read(lines), Err(format!("x.toml:{expect}")), "{lines}");
    check("", "10: [[claim]] \"c\" has no limit; write one of above, at_least, below, at_most");
    check("below = 2\nabove = 1", "17: below in [[claim]] \"c\": stands beside above; write one of them");
    let value = "it must be a number, or so many times procs, such as \"2 procs\"";
    for (written, shown) in [
        ("\"2\"", "\"2\""),
        ("\"0 procs\"", "\"0 procs\""),
        ("\"-2 procs\"", "\"-2 procs\""),
        ("\"2 cores\"", "\"2 cores\""),
        ("true", "true"),
        ("inf", "inf"),
        ("nan", "nan"),
    ] {
        check(
            &format!("at_least = {written}"),
            &format!("17: at_least in [[claim]] \"c\": {shown} cannot be; {value}"),
        );
    }
    let ratio = "it must be a number above 0, as a ratio is";
    check(
        "over_procs = 2\nat_most = \"2 procs\"",
        &format!("18: at_most in [[claim]] \"c\": \"2 procs\" cannot be; {ratio}"),
    );
    check("over_procs = 2\nat_most = 0", &format!("18: at_most in [[claim]] \"c\": 0 cannot be; {ratio}"));
    check("over_procs = 4\nat_most = 1", "17: over_procs in [[claim]] \"c\": 4 is procs itself");
    check("at_most = 1\nover = { arm = \"b\" }", "18: arm in over of [[claim]] \"c\": \"b\" is not known; known: a");
    let known = "known keys: id, text, arm, subject, levels, nodes, node_cores, untestable, type, metric, procs, over_procs, over, above, at_least, below, at_most";
    check("above = 1\nprinted = 1", &format!("18: unknown key \"printed\" in [[claim]] \"c\"; {known}"));
}
