//! Experiment files that are wrong, each with its line and what is known.

use plan::experiment::{Extent, Oversubscribe, Procs, Repetitions, parse_experiment, read_experiment};
use proptest::prelude::*;
use std::path::Path;

/// A sound file; tests replace one line of it.
const SOUND: &str = r#"name = "x"
question = "What?"
expect = "It is so."
[workload]
kind = "serve"
shared_ratio = 0.25
[pauses]
every = "10ms"
stopped_work = "none"
[sweep]
procs = [1, 2, 4]
oversubscribe = "next"
subject = "threads"
[[arm]]
name = "unbound"
[[arm]]
name = "strict"
process = { cpus = "node:0", memory = "bind:0" }
[[arm]]
name = "close"
cpus = "close"
shared = "interleave:workers"
smt = "off"
[measure]
seconds = 1.0
repetitions = 10
budget = "15m"
[[claim]]
id = "c"
text = "It is so."
type = "value"
metric = "local_hit_ratio"
procs = 2
printed = 0.5
tolerance = 0.01
arm = "close"
"#;

/// The error of the sound file with its line `line` replaced.
fn check(line: usize, with: &str, expect: &str) {
    let mut lines: Vec<&str> = SOUND.lines().collect();
    lines[line - 1] = with;
    let error = parse_experiment("x.toml", &lines.join("\n")).expect_err(with);
    assert_eq!(error.to_string(), format!("x.toml:{expect}"), "{with:?}");
}

const NEVER: &str = "pauses' quantiles, and extremes, are never averaged; use pause_mean_ns or pause_variance_ns2";

#[test]
fn the_sound_file_is_read() {
    let file = parse_experiment("x.toml", SOUND).expect("it is sound");
    assert_eq!(file.sweep.procs, Procs::List(vec![1, 2, 4]));
    assert_eq!(file.sweep.oversubscribe, Oversubscribe::Next);
    assert_eq!(
        file.arms.iter().map(|arm| (arm.name.as_str(), arm.line)).collect::<Vec<_>>(),
        [("unbound", 14), ("strict", 16), ("close", 19)]
    );
    assert_eq!(file.measure.budget_seconds, Some(900.0));
    assert_eq!(file.claims[0].nodes_least, 1);
}

#[test]
fn unknown_keys_are_named_with_their_line() {
    let workload = "lines_per_request, pages, private_bytes, shared_bytes, shared_ratio, touches, write_ratio";
    let sweep = format!("procs, oversubscribe, subject, axis, {workload}");
    check(
        1,
        "nme = \"x\"",
        "1: unknown key \"nme\" in the file; known keys: name, question, expect, published, printed, audit, workload, pauses, sweep, arm, measure, claim, knee, scheduler, go",
    );
    check(6, "shared = 0.25", &format!("6: unknown key \"shared\" in [workload]; known keys: kind, {workload}"));
    check(13, "thread = 4", &format!("13: unknown key \"thread\" in [sweep]; known keys: {sweep}"));
    check(9, "stop = 1", "9: unknown key \"stop\" in [pauses]; known keys: every, stopped_work");
    check(
        21,
        "cpu = \"close\"",
        "21: unknown key \"cpu\" in [[arm]]; known keys: name, process, cpus, private, shared, shared_toucher, smt, settle",
    );
    check(
        18,
        "process = { cpu = \"node:0\" }",
        "18: unknown key \"cpu\" in process of [[arm]] \"strict\"; known keys: cpus, memory",
    );
    check(
        27,
        "budgets = 1",
        "27: unknown key \"budgets\" in [measure]; known keys: seconds, operations, repetitions, pause_repetitions, budget, order, seed, grace",
    );
    check(
        35,
        "near = \"node\"",
        "35: unknown key \"near\" in [[claim]] \"c\"; known keys: id, text, arm, subject, levels, nodes, node_cores, untestable, type, metric, procs, printed, tolerance",
    );
}

#[test]
fn impossible_values_are_named_with_their_line() {
    check(
        5,
        "kind = \"server\"",
        "5: kind in [workload]: \"server\" is none of serve, storm, cost, blocking, counters, requests, strategy, burst, observed",
    );
    check(6, "shared_ratio = 1.5", "6: shared_ratio in [workload]: 1.5 cannot be; it must be a number from 0 to 1");
    check(6, "shared_ratio = nan", "6: shared_ratio in [workload]: nan cannot be; it must be a number from 0 to 1");
    check(6, "shared_ratio = -0.1", "6: shared_ratio in [workload]: -0.1 cannot be; it must be a number from 0 to 1");
    check(6, "lines_per_request = 0", "6: lines_per_request in [workload]: 0 cannot be; it must be from 1 to 65536");
    check(
        6,
        "private_bytes = 0",
        "6: private_bytes in [workload]: 0 cannot be; it must hold at least one line of 64 bytes",
    );
    check(6, "touches = \"some\"", "6: touches in [workload]: \"some\" is none of independent, dependent");
    check(
        6,
        "pages = \"hugetlb:3MiB\"",
        "6: pages in [workload]: \"hugetlb:3MiB\": a page size is a power of two such as 2MiB",
    );
    check(
        6,
        "private_bytes = \"99999999999GiB\"",
        "6: private_bytes in [workload]: \"99999999999GiB\" is more than the 8 EiB that a size may be",
    );
    check(
        6,
        "private_bytes = -1",
        "6: private_bytes in [workload]: invalid value: integer `-1`, expected a size such as \"16MiB\", a number of bytes, \
         or \"auto\"",
    );
    check(
        6,
        "shared_bytes = \"1000TiB\"",
        "6: shared_bytes in [workload]: \"1000TiB\" cannot be; it must be at most 256TiB, the most that a process can map",
    );
    check(8, "every = \"10\"", "8: every in [pauses]: \"10\" is not a duration such as 10ms, 0.5s, 15m");
    check(8, "every = \"1us\"", "8: every in [pauses]: \"1us\" cannot be; it must be from 100us to 1h, or \"never\"");
    check(
        9,
        "stopped_work = \"mark\"",
        "9: stopped_work in [pauses]: \"mark\" is none of none, scan:SIZE (such as scan:16MiB)",
    );
    check(11, "procs = []", "11: procs in [sweep]: the list is empty; it must hold at least one number of workers");
    check(11, "procs = [1, 0]", "11: procs in [sweep]: 0 cannot be; it must be a whole number from 1 to 4096");
    check(
        11,
        "procs = 1_000_000_000",
        "11: procs in [sweep]: 1000000000 cannot be; it must be a whole number from 1 to 4096",
    );
    check(11, "procs = -1", "11: procs in [sweep]: -1 cannot be; it must be a whole number from 1 to 4096");
    let procs = "cannot be; it must be \"paper\", \"paper,36\", numbers from 1 to 4096, or a range such as \"1..=64\" or \"4..=64 step 4\"";
    check(11, "procs = \"9..=1\"", &format!("11: procs in [sweep]: \"9..=1\" {procs}"));
    check(11, "procs = \"all\"", &format!("11: procs in [sweep]: \"all\" {procs}"));
    check(12, "oversubscribe = \"yes\"", "12: oversubscribe in [sweep]: \"yes\" is none of no, next, all");
    check(
        13,
        "subject = \"java\"",
        "13: subject in [sweep]: \"java\" is not known; known: threads, gmp, go, tokio, rayon",
    );
    check(13, "subject = []", "13: subject in [sweep]: the list is empty; it must name at least one subject");
    check(13, "shared_ratio = [0.5]", "6: shared_ratio in [workload]: is swept in [sweep], line 10; write it once");
    check(
        13,
        "pages = [\"base\", \"big\"]",
        "13: pages in [sweep]: \"big\" is none of base, thp, hugetlb:SIZE (such as hugetlb:2MiB)",
    );
    check(13, "pages = [\"base\", \"base\"]", "13: pages in [sweep]: \"base\" cannot be; it must be listed once");
    check(13, "pages = \"base\"", "13: pages in [sweep]: \"base\" cannot be; it must be a list of 1 to 64 levels");
}

#[test]
fn impossible_arms_are_named_with_their_line() {
    check(17, "name = \"unbound\"", "17: name in [[arm]]: \"unbound\" is the arm of line 14 already");
    check(
        17,
        "name = \"a+b\"",
        "17: name in [[arm]]: \"a+b\" cannot be; it must be 1 to 64 letters, digits, - and _, not starting with -",
    );
    check(17, "settle = true", "16: missing key \"name\" in [[arm]]");
    check(
        21,
        "cpus = \"near\"",
        "21: cpus in [[arm]] \"close\": \"near\" is none of close, spread, unbound, node:LIST, pus:LIST",
    );
    check(
        21,
        "cpus = \"node:x\"",
        "21: cpus in [[arm]] \"close\": \"x\" in list \"x\" is neither a number, a range such as 0-3, nor all",
    );
    check(
        21,
        "cpus = \"unbound\"",
        "23: smt in [[arm]] \"close\": has no effect with cpus = \"unbound\", where workers float; take it out",
    );
    check(
        22,
        "shared = \"local\"",
        "22: shared in [[arm]] \"close\": \"local\" cannot be: a heap that all share is local to nobody; known here: \
         first-touch, bind:L, preferred:N, preferred-many:L, interleave:L, weighted-interleave:L",
    );
    check(
        22,
        "private = \"membind:0\"",
        "22: private in [[arm]] \"close\": memory policy: \"membind\" is none of first-touch, local, bind, preferred, \
         preferred-many, interleave, weighted-interleave",
    );
    check(
        22,
        "private = \"local:0\"",
        "22: private in [[arm]] \"close\": memory policy \"local:0\": local takes no nodes",
    );
    check(
        22,
        "private = \"bind\"",
        "22: private in [[arm]] \"close\": memory policy \"bind\": bind takes nodes: a list such as 0-1, \"all\", or \"workers\"",
    );
    check(23, "smt = true", "23: smt in [[arm]] \"close\": true cannot be; it must be a text in quotes");
    check(
        23,
        "shared_toucher = \"me\"",
        "23: shared_toucher in [[arm]] \"close\": \"me\" is none of all, first-worker",
    );
    check(
        18,
        "process = { cpus = \"close\" }",
        "18: cpus in process of [[arm]] \"strict\": \"close\" places workers, not a process; write it as cpus of the arm, \
         or node:L or pus:L here",
    );
    let no_arm = SOUND.replace("[[arm]]", "[[claim]]");
    let error = parse_experiment("x.toml", &no_arm).expect_err("no arm").to_string();
    assert!(error.starts_with("x.toml:1: no [[arm]]; at least one is needed"), "{error}");
    let one = parse_experiment(
        "x.toml",
        "name='x'\nquestion='?'\n[workload]\nkind='serve'\n[sweep]\nprocs=1\n[arm]\nname='a'",
    );
    assert_eq!(
        one.expect_err("not [[arm]]").to_string(),
        "x.toml:7: arm in the file: a table cannot be; it must be written as tables [[arm]]"
    );
}

#[test]
fn impossible_measures_and_claims_are_named_with_their_line() {
    check(25, "seconds = -1", "25: seconds in [measure]: -1 cannot be; it must be a number from 0.001 to 86400");
    check(25, "seconds = inf", "25: seconds in [measure]: inf cannot be; it must be a number from 0.001 to 86400");
    check(
        25,
        "seconds = \"1s\"",
        "25: seconds in [measure]: \"1s\" cannot be; it must be a number from 0.001 to 86400",
    );
    check(26, "operations = 5", "26: operations in [measure]: a sample ends by seconds or by operations, not both");
    check(
        26,
        "repetitions = 0",
        "26: repetitions in [measure]: 0 cannot be; it must be a whole number from 1 to 100000",
    );
    check(
        26,
        "repetitions = { min = 2, max = 40, until = \"2%\", metric = \"throughput_per_s\" }",
        "26: min in repetitions of [measure]: 2 cannot be; it must be a whole number from 10 to 100000",
    );
    check(
        26,
        "repetitions = { max = 40, until = \"200%\", metric = \"throughput_per_s\" }",
        "26: until in repetitions of [measure]: \"200%\" cannot be; it must be a share above 0 and below 1, such as \"2%\" or 0.02",
    );
    check(
        27,
        "pause_repetitions = 20",
        "27: pause_repetitions in [measure]: no [[claim]] of type \"variance-ratio\" names points whose pauses are contrasted",
    );
    check(
        27,
        "pause_repetitions = 9",
        "27: pause_repetitions in [measure]: 9 is less than repetitions, 10, which every point has",
    );
    check(
        26,
        "repetitions = { max = 40, until = 0.02, metric = \"throughput_per_s\" }\npause_repetitions = 20",
        "27: pause_repetitions in [measure]: needs a fixed number of repetitions, such as repetitions = 10",
    );
    let quantile = "repetitions = { max = 40, until = 0.02, metric = \"pause_p99_ns\" }";
    check(26, quantile, &format!("26: metric in repetitions of [measure]: \"pause_p99_ns\": {NEVER}"));
    check(26, "repetitions = { max = 40, until = 0.02 }", "26: missing key \"metric\" in repetitions of [measure]");
    check(27, "order = \"sorted\"", "27: order in [measure]: \"sorted\" is not known; known: random-blocks");
    check(27, "budget = \"0s\"", "27: budget in [measure]: \"0s\" cannot be; it must be longer than nothing");
    check(
        27,
        "seed = -1",
        "27: seed in [measure]: -1 cannot be; it must be a whole number from 0 to 9223372036854775807",
    );
    check(
        31,
        "type = \"slop\"",
        "31: type in [[claim]] \"c\": \"slop\" is not known; known: value, ratio, limit, peak, knee, variance-ratio, slope, monotone, model, threshold, relation",
    );
    check(34, "printed = nan", "34: printed in [[claim]] \"c\": nan cannot be; it must be a number");
    check(35, "tolerance = 0", "35: tolerance in [[claim]] \"c\": 0 cannot be; it must be a number above 0");
    check(
        36,
        "arm = [\"close\", \"far\"]",
        "36: arm in [[claim]] \"c\": \"far\" is no [[arm]] of this file; known: unbound, strict, close",
    );
    check(36, "arm = []", "36: arm in [[claim]] \"c\": the list is empty; it must name at least one arm");
    let title = "node_cores in [[claim]] \"c\"";
    let cores = "node_cores of [[claim]] \"c\"";
    check(34, "node_cores = 32", &format!("34: {title}: 32 cannot be; it must be a table, {{ min = 32, max = 63 }}"));
    check(34, "node_cores = {}", &format!("34: {cores} is empty; write min, max or both"));
    check(34, "node_cores = { least = 2 }", &format!("34: unknown key \"least\" in {cores}; known keys: min, max"));
    check(
        34,
        "node_cores = { min = 0 }",
        &format!("34: min in {cores}: 0 cannot be; it must be a whole number from 1 to 4096"),
    );
    check(34, "node_cores = { min = 4, max = 3 }", &format!("34: max in {cores}: 3 is less than min, 4"));
    check(33, "", "28: missing key \"procs\" in [[claim]] \"c\"");
    let mut lines: Vec<&str> = SOUND.lines().collect();
    lines[31] = "metric = \"hit_ratio\"";
    let error = parse_experiment("x.toml", &lines.join("\n")).expect_err("no such column").to_string();
    assert!(
        error.starts_with(
            "x.toml:32: metric in [[claim]] \"c\": \"hit_ratio\" is no measured number of samples.csv; known: "
        ),
        "{error}"
    );
    for metric in ["pause_p50_ns", "pause_p99_ns", "pause_max_ns"] {
        check(32, &format!("metric = \"{metric}\""), &format!("32: metric in [[claim]] \"c\": \"{metric}\": {NEVER}"));
    }
}

#[test]
fn toml_itself_is_checked() {
    check(1, "name = ", "1: string values must be quoted, expected literal string");
    check(7, "[sweep]", "10: duplicate key: sweep");
    check(2, "name = \"y\"", "2: duplicate key: name");
}

#[test]
fn values_have_their_short_forms() {
    let with = |line: usize, with: &str| {
        let mut lines: Vec<&str> = SOUND.lines().collect();
        lines[line - 1] = with;
        parse_experiment("x.toml", &lines.join("\n")).unwrap_or_else(|error| panic!("{error}"))
    };
    assert_eq!(with(11, "procs = \"paper\"").sweep.procs, Procs::Paper(vec![]));
    assert_eq!(with(11, "procs = \"paper, 44,36\"").sweep.procs, Procs::Paper(vec![36, 44]));
    assert_eq!(with(11, "procs = 3").sweep.procs, Procs::List(vec![3]));
    assert_eq!(with(11, "procs = [4, 1, 4]").sweep.procs, Procs::List(vec![1, 4]));
    assert_eq!(with(11, "procs = \"1..=4\"").sweep.procs, Procs::List(vec![1, 2, 3, 4]));
    assert_eq!(with(11, "procs = \"1,4..=12 step 4\"").sweep.procs, Procs::List(vec![1, 4, 8, 12]));
    assert_eq!(with(12, "oversubscribe = true").sweep.oversubscribe, Oversubscribe::All);
    assert_eq!(with(12, "").sweep.oversubscribe, Oversubscribe::No);
    assert_eq!(with(8, "every = \"never\"").pauses.every_ns, None);
    assert_eq!(with(25, "operations = 1000").measure.extent, Extent::Operations(1000));
    let until = with(26, "repetitions = { max = 40, until = 0.02, metric = \"throughput_per_s\" }").measure.repetitions;
    assert_eq!(until, Repetitions::Until { min: 10, max: 40, until: 0.02, metric: "throughput_per_s".into() });
    let contrast = SOUND.replace("budget = \"15m\"", "pause_repetitions = 20").replace(
        "type = \"value\"\nmetric = \"local_hit_ratio\"\nprocs = 2\nprinted = 0.5\ntolerance = 0.01",
        "type = \"variance-ratio\"\nprocs = 4\nover_procs = 2\nprinted = 3.8",
    );
    assert_eq!(parse_experiment("x.toml", &contrast).expect("it is sound").measure.pause_repetitions, Some(20));
    let factors = with(13, "write_ratio = [0, 0.5]").sweep.factors;
    assert_eq!((factors[0].key.as_str(), factors[0].levels.len()), ("write_ratio", 2));
}

fn check_file(path: &Path, expect: &str) {
    let error = read_experiment(path).expect_err("it is wrong").to_string();
    assert_eq!(error, format!("{path}{expect}", path = path.display()));
}

#[test]
fn files_that_are_none_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("it can be written");
        path
    };
    check_file(
        &folder.path().join("absent.toml"),
        ": cannot read the experiment file: No such file or directory (os error 2)",
    );
    check_file(folder.path(), ": is a directory; name a file such as experiments/numa-binding.toml");
    check_file(
        &file("empty.toml", b" \n"),
        ": the file is empty; experiments/README.md tells what an experiment holds",
    );
    check_file(
        &file("latin.toml", b"name = \"x\"\nquestion = \"\xe9\"\n"),
        ":2: byte 23 of the file is not UTF-8; save it as UTF-8 text",
    );
    check_file(
        &file("large.toml", &vec![b'#'; (1 << 20) + 1]),
        ": is larger than 1048576 bytes; that is no experiment file",
    );
    check_file(Path::new("/dev/zero"), ": is larger than 1048576 bytes; that is no experiment file");
}

/// The file with another claim of one type and its own keys.
fn with_claim(lines: &str) -> Result<plan::claim::ClaimRule, String> {
    let from = SOUND.find("type = \"value\"").expect("the claim's type");
    let to = SOUND.find("tolerance").expect("its last key");
    let rest = SOUND[to..].split_once('\n').expect("a line").1;
    let text = format!("{start}{lines}\n{rest}", start = &SOUND[..from]);
    parse_experiment("x.toml", &text).map(|mut file| file.claims.remove(0).rule).map_err(|error| error.to_string())
}

#[test]
fn every_type_of_claim_has_its_keys_and_defaults() {
    use plan::claim::{ClaimRule, Share, Span, Trend};
    let metric = || "throughput_per_s".to_string();
    let check = |lines: &str, expect: ClaimRule| assert_eq!(with_claim(lines), Ok(expect), "{lines}");
    let refused = |lines: &str, expect: &str| {
        let error = with_claim(lines).expect_err(lines);
        assert!(error.contains(expect) && !error.contains('\n'), "{error}");
    };
    let slope = "type = \"slope\"\nmetric = \"throughput_per_s\"\nprinted = -0.36\ntolerance = 0.1";
    let span = Span { from: Some(2), to: None };
    check(&format!("{slope}\nfrom = 2"), ClaimRule::Slope { metric: metric(), span, printed: -0.36, tolerance: 0.1 });
    refused(&format!("{slope}\nfrom = 2\nto = 2"), "to in [[claim]] \"c\": 2 is not above from, 2");
    let trend = "type = \"monotone\"\nmetric = \"throughput_per_s\"\ntrend = ";
    let monotone = |trend| ClaimRule::Monotone { metric: metric(), span: Span::default(), trend, delta: 0.02 };
    check(&format!("{trend}\"falling\""), monotone(Trend::Falling));
    refused(&format!("{trend}\"up\""), "trend in [[claim]] \"c\": \"up\" is none of rising, falling");
    let model = "type = \"model\"\nmetric = \"throughput_per_s\"\nmodel = \"usl\"\nrivals = ";
    refused(&format!("{model}[\"usl\"]"), "must name at least one other curve");
    refused(&format!("{model}[\"frob\"]"), "rivals in [[claim]] \"c\": \"frob\" is no model; known: usl, amdahl");
    let relation = "type = \"relation\"\nprocs = 4\nover_procs = 2\nrange = ";
    let expect = ClaimRule::Relation { procs: 4, over_procs: 2, of: Share::Each, low: 1.4, high: 3.5 };
    check(&format!("{relation}[1.4, 3.5]"), expect);
    refused(&format!("{relation}[0, 3.5]"), "range in [[claim]] \"c\": must be two numbers above 0");
    let ratio = "type = \"ratio\"\nmetric = \"throughput_per_s\"\nprocs = 4\nover_procs = 2\n";
    let expect = ClaimRule::Ratio { metric: metric(), procs: 4, over_procs: 2, printed: 1.25, direction_only: false };
    check(&format!("{ratio}printed_percent = 25"), expect);
    refused(&format!("{ratio}printed_percent = 25\nprinted = 1.25"), "stands beside printed; write one of them");
    refused(ratio, "missing key \"printed\"");
    refused(&format!("{ratio}printed = 1\ndirection_only = true"), "needs a printed ratio above or below 1");
}

#[test]
fn a_knee_model_names_an_arm_and_levels_of_the_sweep() {
    let knee = "[knee]\nalpha = 0.02\nbeta = 0.3\ngamma = 0.8\ncores = 8\nprinted = 12.7\narm = \"close\"\nswitches = \"shared_ratio=0.0\"\nfaults = \"shared_ratio=1.0\"\n";
    let swept = SOUND.replace("shared_ratio = 0.25\n", "").replace("[sweep]\n", "[sweep]\nshared_ratio = [0.0, 1.0]\n");
    let read = |knee: &str| parse_experiment("x.toml", &format!("{swept}{knee}"));
    let found = read(knee).expect("it is sound").knee.expect("it has one");
    assert_eq!((found.alpha, found.printed, found.faults.as_str()), (0.02, 12.7, "shared_ratio=1.0"));
    let check = |found: &str, instead: &str, expect: &str| {
        let error = read(&knee.replace(found, instead)).expect_err(instead).to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("\"close\"", "\"far\"", "arm in [knee]: \"far\" is no [[arm]] of this file; known: unbound, strict, close");
    check("gamma = 0.8", "gamma = 0", "gamma in [knee]: 0 cannot be; it must be a number above 0");
    check("beta = 0.3\n", "", "missing key \"beta\" in [knee]");
    let level =
        "switches in [knee]: \"pages=base\" must name a level of each factor of [sweep] in its order: shared_ratio";
    check("shared_ratio=0.0", "pages=base", level);
    check("arm = ", "frob = 1\narm = ", "unknown key \"frob\" in [knee]");
}

#[test]
fn a_published_table_is_read_beside_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.toml");
    let at = folder.path().display();
    let with = |named: &str| {
        std::fs::write(&file, SOUND.replace("expect = \"It is so.\"", &format!("published = \"{named}\"")))
            .expect("it can be written");
        read_experiment(&file)
    };
    let table = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it can be written");
    table("mine.csv", "procs,local_hit_percent,throughput_req_per_s\n8,76,42100\n");
    let published = with("mine.csv").expect("it is sound").published.expect("it names one");
    assert_eq!((published.source.as_str(), published.rows.len(), published.rows[0].procs), ("mine", 1, 8));
    let check = |named: &str, expect: String| assert_eq!(with(named).expect_err(named).to_string(), expect);
    let unreadable = |why: &str| format!("{at}/x.toml:3: published in the file: {at}/{why}");
    check(
        "numa_binding.csv",
        unreadable("numa_binding.csv: cannot read the published table: No such file or directory (os error 2)"),
    );
    check("", unreadable(": is a directory; name a file such as published/numa_binding.csv"));
    table("wrong.csv", "procs,hits\n8,76\n");
    let needed = "needed: procs, local_hit_percent, throughput_req_per_s";
    check("wrong.csv", format!("{at}/wrong.csv:1: column local_hit_percent is missing; found: procs, hits; {needed}"));
}

proptest! {
    #[test]
    fn no_file_is_too_odd(line in 1usize..36, with in "[a-z_]{1,12} = [-0-9a-z\"\\[\\]{}.,= ]{0,20}") {
        let mut lines: Vec<&str> = SOUND.lines().collect();
        lines[line - 1] = &with;
        if let Err(error) = parse_experiment("x.toml", &lines.join("\n")) {
            prop_assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}
