//! `[printed]`: what it refuses, and what of it is planned.

use plan::experiment::{FileError, Overrides, read_experiment};
use plan::point::Plan;
use plan::printed::Beside;
use plan::topology::{Conditions, Topology};
use std::path::Path;

const SOUND: &str = r#"name = "x"
question = "What?"
[workload]
kind = "storm"
[sweep]
procs = [1, 2]
tasks = [10, 100]
loop_ns = [0, 100]
axis = "tasks"
[[arm]]
name = "unbound"
[printed]
table = "t.csv"
by = "tasks"
levels = { procs = 1, loop_ns = 100 }
[printed.columns]
time_ms = { metric = ["storm_ns", "first_storm_ns"], per = 1e6 }
"#;

const TABLE: &str = "tasks,time_ms,share,word\n10,0.82,1.2 %,few\n\n100,,4.7,\n";

/// What comes of the sound file with `from` replaced, beside a table.
fn read(table: &str, from: &str, to: &str) -> Result<plan::experiment::ExperimentFile, FileError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.toml");
    assert!(SOUND.contains(from), "{from}");
    std::fs::write(&file, SOUND.replacen(from, to, 1)).expect("it can be written");
    std::fs::write(folder.path().join("t.csv"), table).expect("it can be written");
    read_experiment(&file).map_err(|error| FileError {
        path: error.path.replace(&format!("{}/", folder.path().display()), ""),
        message: error.message.replace(&format!("{}/", folder.path().display()), ""),
        ..error
    })
}

fn beside(table: &str, from: &str, to: &str) -> Beside {
    read(table, from, to).expect(to).printed.expect("it has one")
}

#[test]
fn a_table_is_read_with_its_metrics() {
    let found = beside(TABLE, "name", "name");
    let column =
        |at: usize| (found.columns[at].title.as_str(), found.columns[at].metric.as_str(), found.columns[at].per);
    assert_eq!((column(0), column(1)), (("time_ms", "storm_ns", 1e6), ("time_ms", "first_storm_ns", 1e6)));
    assert_eq!((found.by.as_str(), found.table.name.as_str(), found.table.rows.len()), ("tasks", "t", 2));
    assert_eq!((found.printed(0, &found.columns[0]), found.printed(1, &found.columns[1])), (Some(0.82), None));
    assert_eq!(
        found.levels.into_iter().collect::<Vec<_>>(),
        [("loop_ns", "100"), ("procs", "1")].map(|(k, v)| (k.into(), v.into()))
    );
    let share = beside(TABLE, "per = 1e6 }", "per = 1e6 }\nshare = { metric = \"pause_ratio\" }");
    assert_eq!((share.columns[2].per, share.printed(0, &share.columns[2])), (1.0, Some(1.2)));
}

#[test]
fn what_is_written_wrong_is_named_with_its_line() {
    let check = |from: &str, to: &str, expect: &str| {
        assert_eq!(read(TABLE, from, to).expect_err(to).to_string(), format!("x.toml:{expect}"));
    };
    let known = "known keys: table, by, levels, columns";
    check("by =", "row =", &format!("14: unknown key \"row\" in [printed]; {known}"));
    check("by = \"tasks\"\n", "", "12: missing key \"by\" in [printed]");
    check("table = \"t.csv\"\n", "", "12: missing key \"table\" in [printed]");
    check(
        "by = \"tasks\"",
        "by = \"yields\"",
        "14: by in [printed]: \"yields\" is not swept; swept: procs, tasks, loop_ns",
    );
    check(
        "by = \"tasks\"",
        "by = \"procs\"",
        "14: by in [printed]: \"procs\" is not the first column of t.csv; that is \"tasks\"",
    );
    check(
        "\"t.csv\"",
        "\"no.csv\"",
        "13: table in [printed]: no.csv: cannot read the printed table: No such file or directory (os error 2)",
    );
    check(
        "procs = 1, loop_ns = 100",
        "tasks = 10",
        "15: unknown key \"tasks\" in levels of [printed]; known keys: procs, loop_ns",
    );
    check("loop_ns = 100", "loop_ns = 7", "15: loop_ns in levels of [printed]: 7 is no level of loop_ns in [sweep]");
    check(
        "[printed.columns]\ntime_ms = { metric = [\"storm_ns\", \"first_storm_ns\"], per = 1e6 }\n",
        "",
        "12: missing key \"columns\" in [printed]",
    );
    check(
        "time_ms = { metric = [\"storm_ns\", \"first_storm_ns\"], per = 1e6 }",
        "",
        "16: [printed.columns] names no metric; one column needs one at least",
    );
    check(
        "time_ms =",
        "times =",
        "17: times in [printed.columns]: no such column in t.csv; it has time_ms, share, word",
    );
    check(
        "time_ms =",
        "tasks =",
        "17: tasks in [printed.columns]: no such column in t.csv; it has time_ms, share, word",
    );
    check("per = 1e6", "by = 1e6", "17: unknown key \"by\" in time_ms of [printed.columns]; known keys: metric, per");
    check("per = 1e6", "per = 0", "17: per in time_ms of [printed.columns]: 0 cannot be; it must be a number above 0");
    check(
        "per = 1e6",
        "per = \"ms\"",
        "17: per in time_ms of [printed.columns]: \"ms\" cannot be; it must be a number above 0",
    );
    check(
        "\"first_storm_ns\"",
        "\"storm_ns\"",
        "17: metric in time_ms of [printed.columns]: \"storm_ns\" is listed twice",
    );
    check(
        "\"storm_ns\"",
        "\"pause_p99_ns\"",
        "17: metric in time_ms of [printed.columns]: \"pause_p99_ns\": pauses' quantiles, and extremes, are never averaged; \
         use pause_mean_ns or pause_variance_ns2",
    );
    let error = read(TABLE, "\"storm_ns\"", "\"latency_ns\"").expect_err("no metric of a storm").to_string();
    let expect = "x.toml:17: metric in time_ms of [printed.columns]: \"latency_ns\" is no measured number of samples.csv; known: ";
    assert!(error.starts_with(expect), "{error}");
    let both = read(TABLE, "question", "published = \"t.csv\"\nquestion").expect_err("two tables").to_string();
    assert_eq!(both, "x.toml:13: [printed] stands beside the key published; an experiment has one of them");
}

#[test]
fn what_is_wrong_in_the_table_is_named_with_the_tables_line() {
    let check = |table: &str, expect: &str| {
        assert_eq!(read(table, "name", "name").expect_err(table).to_string(), format!("t.csv{expect}"));
    };
    check("tasks,time_ms\n", ": no row below the titles");
    check("tasks,time_ms\n10,1\n\nten,2\n", ":4: column tasks: found \"ten\", expected a whole number");
    check(
        "tasks,time_ms\n10,1\n\n100,about 2\n",
        ":4: column time_ms: found \"about 2\", expected a number, or nothing",
    );
    check("tasks,time_ms\n10,1\n\n10,2\n", ":4: \"10\" starts two rows; rows are found by their first cell");
    // Levels of a factor that is no axis may be words, but must be there; columns that nobody names may hold words.
    let check = |table: &str, expect: &str| {
        let from = "by = \"tasks\"\nlevels = { procs = 1, loop_ns = 100 }";
        assert_eq!(read(table, from, "by = \"loop_ns\"").expect_err(table).to_string(), format!("t.csv{expect}"));
    };
    check("loop_ns,time_ms\n0,1\n,2\n", ":3: column loop_ns: found \"\", expected a level");
}

#[test]
fn the_experiments_of_the_article_keep_their_tables_in_their_plans() {
    let topology: Topology =
        serde_json::from_str(include_str!("../../../results/golden-2n8p/topology.json")).expect("a topology");
    let check = |name: &str, by: &str, columns: &[(&str, &str)], rows: usize| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments").join(name);
        let experiment = read_experiment(&file).expect("it is sound");
        let plan = plan::plan(&experiment, &Overrides::default(), &topology, &Conditions::ideal()).expect(name);
        let beside = plan.printed.as_ref().expect("it is kept");
        let found: Vec<(&str, &str)> =
            beside.columns.iter().map(|column| (column.title.as_str(), column.metric.as_str())).collect();
        assert_eq!((beside.by.as_str(), found.as_slice(), beside.table.rows.len()), (by, columns, rows), "{name}");
        // Each printed level is one of the sweep.
        let has = |level: &String| plan.points.iter().any(|point| point.factors.get(by) == Some(level));
        assert!(beside.table.rows.iter().all(|row| has(&row[0])), "{name}");
        let text = toml::to_string(&plan).expect("a plan can be saved");
        assert_eq!(toml::from_str::<Plan>(&text).expect("it is read back").printed, plan.printed, "{name}");
    };
    let storm = [("mean_time_ms", "first_storm_ns"), ("gc_stw_share_percent", "pause_ratio")];
    check("task-storm.toml", "tasks", &storm, 4);
    let costs = [("time_ns", "cost_ns"), ("time_ns", "call_ns"), ("cpu_cycles", "cost_cycles")];
    check("task-costs.toml", "operation", &costs, 3);
    check("throughput-cliff.toml", "tasks", &[("throughput_req_per_s", "throughput_per_s")], 4);
}
