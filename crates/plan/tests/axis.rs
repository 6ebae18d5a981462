//! Sweeps and claims over another factor than the number of workers.

use plan::claim::ClaimRule;
use plan::experiment::parse_experiment;

/// A sweep over another axis: claims are written in its name, and its levels must be numbers.
#[test]
fn a_claim_is_written_over_the_axis_of_its_sweep() {
    let file = |axis: &str, claim: &str| {
        let sweep = "[workload]\nkind = \"serve\"\n[sweep]\nprocs = 4\nlines_per_request = [8, 16, 64]\ntouches = [\"independent\"]\n";
        let claim = format!("[[claim]]\nid = \"c\"\ntext = \"t\"\narm = \"a\"\n{claim}");
        let text = format!("name = \"x\"\nquestion = \"q\"\n{sweep}axis = \"{axis}\"\n[[arm]]\nname = \"a\"\n{claim}");
        parse_experiment("x.toml", &text)
    };
    let ratio = "type = \"ratio\"\nmetric = \"throughput_per_s\"\nprinted = 2.0\n";
    let sound = format!("{ratio}lines_per_request = 64\nover_lines_per_request = 8\nlevels = {{ procs = 4 }}\n");
    let read = file("lines_per_request", &sound).expect("it is sound");
    assert_eq!(read.sweep.axis, "lines_per_request");
    assert_eq!(read.claims[0].subjects, ["threads"]);
    assert_eq!(read.claims[0].levels["procs"], "4");
    let refused = |axis: &str, claim: &str, expect: &str| {
        let error = file(axis, claim).expect_err(claim).to_string();
        assert!(error.contains(expect), "{error}");
    };
    refused("pages", &sound, "9: axis in [sweep]: \"pages\" is not swept; swept: procs, lines_per_request, touches");
    refused("touches", &sound, "an axis takes whole numbers from 1");
    refused("lines_per_request", &format!("{ratio}procs = 4\nover_procs = 2\n"), "unknown key \"procs\"");
    refused("procs", &sound, "unknown key \"lines_per_request\"");
    let near = |near: &str| {
        format!("type = \"threshold\"\nmetric = \"throughput_per_s\"\nnear = {near}\ntrend = \"rising\"\nfactor = 2\n")
    };
    assert!(file("lines_per_request", &near("\"2.5 procs\"")).is_ok());
    refused("lines_per_request", &near("\"node\""), "so many times procs, such as \"2.5 procs\"");
    refused("procs", &near("\"2.5 procs\""), "be one of core, llc, node, package");
    let limit = "type = \"limit\"\nmetric = \"throughput_per_s\"\nabove = \"2 procs\"\n";
    let read = file("lines_per_request", &format!("{limit}lines_per_request = 64\n")).expect("it is sound");
    let ClaimRule::Limit { procs: 64, over_procs: None, limit: 2.0, in_procs: true, .. } = read.claims[0].rule else {
        panic!("{rule:?}", rule = read.claims[0].rule)
    };
    refused("lines_per_request", &format!("{limit}procs = 4\n"), "unknown key \"procs\"");
    let levels = |levels: &str| sound.replace("{ procs = 4 }", levels);
    refused("lines_per_request", &levels("{ touches = \"dependent\" }"), "dependent is no level of touches in [sweep]");
    refused("lines_per_request", &levels("{ pages = 1 }"), "unknown key \"pages\"");
    refused(
        "lines_per_request",
        &format!("{sound}subject = \"go\"\n"),
        "\"go\" is no subject of [sweep]; it has threads",
    );
}
