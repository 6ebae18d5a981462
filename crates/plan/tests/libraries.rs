//! Subjects `tokio` and `rayon`: runtimes of others in this process, placed as the suite's own, never stopped.

mod written;

use plan::point::Point;
use plan::topology::{Conditions, RuntimeProgram};
use written::planned_under;

const SERVE: &str = r#"name = "x"
question = "What?"
[workload]
kind = "serve"
[pauses]
every = "10ms"
[sweep]
procs = [2]
subject = ["gmp", "tokio", "rayon"]
[[arm]]
name = "a"
cpus = "close"
private = "local"
"#;

fn built_in(subject: &str, version: &str) -> (String, RuntimeProgram) {
    (subject.into(), RuntimeProgram::BuiltIn { version: version.into() })
}

#[test]
fn they_are_placed_as_the_suites_own_and_have_no_pauses() {
    let programs = [built_in("tokio", "tokio 1.0.0"), built_in("rayon", "rayon 2.0.0")].into();
    let plan = planned_under(SERVE, &Conditions { programs, ..Conditions::ideal() });
    let [gmp, tokio, rayon] = plan.points.as_slice() else { panic!("{:?}", plan.skipped) };
    for point in [tokio, rayon] {
        assert_eq!((&point.placement, point.scheduler.is_none()), (&gmp.placement, true));
    }
    let stopped = |point: &Point| point.has_pauses(&plan.measure);
    assert_eq!([stopped(gmp), stopped(tokio), stopped(rayon)], [true, false, false]);
    for says in ["tokio is tokio 1.0.0", "rayon is rayon 2.0.0"] {
        let note = format!("{says}, and knows no nodes; nobody can stop its world: no pauses");
        assert!(plan.notes.contains(&note), "{:?}", plan.notes);
    }
}

#[test]
fn where_nobody_has_them_they_are_skipped_with_the_reason() {
    let absent = RuntimeProgram::Absent("subject tokio: not here".into());
    let programs = [("tokio".to_string(), absent)].into();
    let plan = planned_under(SERVE, &Conditions { programs, ..Conditions::ideal() });
    let subjects: Vec<&str> = plan.points.iter().map(|point| point.subject.as_str()).collect();
    assert_eq!(subjects, ["gmp", "rayon"]);
    assert_eq!(plan.skipped[0].reason, "subject tokio: not here");
}

#[test]
fn what_they_cannot_do_is_skipped_with_the_reason() {
    let check = |kind: &str, keys: &str, sweep: &str, subject: &str, why: &str| {
        let text = SERVE.replace("kind = \"serve\"", &format!("kind = \"{kind}\"\n{keys}"));
        let plan = planned_under(&text.replace("procs = [2]", &format!("procs = [2]\n{sweep}")), &Conditions::ideal());
        let own: Vec<&str> = plan
            .skipped
            .iter()
            .filter(|skipped| skipped.subject == subject)
            .map(|skipped| skipped.reason.as_str())
            .collect();
        assert_eq!(own, [format!("workload {kind}, subject {subject}: {why}")]);
    };
    check(
        "requests",
        "loop = \"open\"",
        "",
        "rayon",
        "rayon has no timers: who waits for the next arrival would keep a thread",
    );
    check("strategy", "", "strategy = [\"pool\", \"locked\"]", "rayon", "rayon has no thread that is a task's own");
    let steal = "no steal there: it does not tell which of its threads runs a task";
    check("cost", "", "operation = [\"create\", \"steal\"]", "tokio", steal);
    check("cost", "", "operation = [\"create\", \"steal\"]", "rayon", steal);
    check("observed", "", "", "tokio", "two of its observers look into the scheduler; take subject gmp");
}
