//! Subject `go`: what of an arm a process of Go's own can obey, and what is skipped with a reason.

mod machines;

use plan::experiment::{GoSettings, Overrides, parse_experiment};
use plan::point::{Plan, Point};
use plan::policy::MemoryPolicy;
use plan::topology::{Conditions, RuntimeProgram};

/// One arm with threads and Go at these procs, on two nodes of 4 cores.
fn plan_of(arm: &str, more: &str, conditions: &Conditions) -> Result<Plan, String> {
    let (workload, rest) = more.split_once('|').unwrap_or((more, ""));
    let text = format!(
        "name = \"x\"\nquestion = \"What?\"\n[workload]\nkind = \"serve\"\n{workload}\n{rest}\n[sweep]\nprocs = [1, 4, 8]\n\
         subject = [\"threads\", \"go\"]\n[[arm]]\nname = \"a\"\n{arm}\n"
    );
    let file = parse_experiment("x.toml", &text).map_err(|error| error.to_string())?;
    let plan = plan::plan(&file, &Overrides::default(), &machines::machine(2, 4, 1), conditions);
    plan.map_err(|error| error.to_string())
}

fn of_go(plan: &Plan) -> Vec<&Point> {
    plan.points.iter().filter(|point| point.subject == "go").collect()
}

/// Why Go's points are skipped; those of threads run.
fn skipped(arm: &str, more: &str, conditions: &Conditions) -> String {
    let plan = plan_of(arm, more, conditions).expect("threads run");
    assert!(of_go(&plan).is_empty() && plan.points.iter().all(|point| point.go.is_none()), "{arm} {more}");
    let reasons: Vec<&str> =
        plan.skipped.iter().filter(|skipped| skipped.subject == "go").map(|skipped| skipped.reason.as_str()).collect();
    assert_eq!(reasons.len(), 3, "{arm} {more}");
    assert!(reasons.iter().all(|reason| *reason == reasons[0]), "{reasons:?}");
    reasons[0].into()
}

#[test]
fn a_process_is_placed_as_a_whole() {
    let ideal = Conditions::ideal();
    let check = |arm: &str, cpus: [Option<&str>; 3], name: &str, ratio: [Option<f64>; 3]| {
        let plan = plan_of(arm, "", &ideal).expect("it runs");
        let points = of_go(&plan);
        assert_eq!(points.len(), 3, "{arm}: {:?}", plan.skipped);
        for ((point, cpus), ratio) in points.into_iter().zip(cpus).zip(ratio) {
            let found = point.placement.process.cpus.as_ref().map(|cpus| cpus.to_string());
            assert_eq!((found.as_deref(), point.placement_name.as_str()), (cpus, name), "{arm} at {}", point.procs);
            assert_eq!(point.hit_ratio_by_construction, ratio, "{arm} at {}", point.procs);
            assert_eq!(point.placement.shared.policy, MemoryPolicy::FirstTouch);
            for place in &point.placement.workers {
                assert_eq!((place.cpus.as_ref(), &place.private), (None, &MemoryPolicy::FirstTouch));
            }
            assert_eq!(point.go, Some(GoSettings { gogc: Some(100), garbage_bytes: 1024 }));
        }
        plan.notes.iter().any(|note| note.starts_with("go in a: goroutines have no PU of their own"))
    };
    let one = Some(1.0);
    assert!(!check("", [None; 3], "unbound", [None; 3]));
    let close = "cpus = \"close\"\nprivate = \"local\"";
    assert!(check(close, [Some("0"), Some("0-3"), Some("0-7")], "close as a whole", [one, one, None]));
    let spread = "cpus = \"spread\"";
    assert!(check(spread, [Some("0"), Some("0,2,4,6"), Some("0-7")], "spread as a whole", [one, None, None]));
    let strict = "process = { cpus = \"node:0\", memory = \"bind:0\" }";
    let plan = plan_of(strict, "", &ideal).expect("it runs");
    let points = of_go(&plan);
    assert_eq!(points.iter().map(|point| point.procs).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(points[1].placement.process.memory, Some("bind:0".parse().expect("a policy")));
    assert_eq!(
        (points[1].memory_policy.as_str(), points[1].hit_ratio_by_construction),
        ("process bind:0, private first-touch, shared first-touch", Some(1.0))
    );
}

#[test]
fn what_it_cannot_obey_is_skipped_in_words() {
    let ideal = Conditions::ideal();
    let policy = |heap: &str, policy: &str| {
        format!(
            "subject go: its memory is its runtime's, and {heap} cannot be {policy}; give the arm process = {{ memory = … }}, \
             or leave private and shared at first-touch"
        )
    };
    assert_eq!(skipped("private = \"bind:0\"", "", &ideal), policy("private", "bind:0"));
    assert_eq!(skipped("shared = \"interleave:all\"", "", &ideal), policy("shared", "interleave:0-1"));
    let bound = "process = { memory = \"interleave:all\" }\nprivate = \"local\"";
    assert_eq!(skipped(bound, "", &ideal), policy("private", "local"));
    // Of a heap that is not there no policy is asked.
    let without = plan_of("shared = \"interleave:all\"", "shared_ratio = 0.0\nshared_bytes = 0", &ideal);
    assert_eq!(of_go(&without.expect("it runs")).len(), 3);
    assert_eq!(
        skipped("", "pages = \"thp\"", &ideal),
        "subject go: its memory is its runtime's, so pages thp cannot be asked for; take pages = \"base\""
    );
    assert_eq!(
        skipped("", "|[pauses]\nstopped_work = \"scan:64KiB\"", &ideal),
        "subject go: nobody works while its world is stopped; take stopped_work out of [pauses], or run it with subject threads"
    );
    let balancing = Conditions { numa_balancing: true, ..Conditions::ideal() };
    assert_eq!(
        skipped("settle = true", "", &balancing),
        "subject go: it cannot be warmed up before its run, so nothing settles; take an arm without settle"
    );
    let program = |program| Conditions { programs: [("go".to_string(), program)].into(), ..Conditions::ideal() };
    assert_eq!(
        skipped("", "", &program(RuntimeProgram::Absent("no go-subject: build it".into()))),
        "no go-subject: build it"
    );
    let found = RuntimeProgram::Found { version: "go1.27.3".into(), sha256: "00".into() };
    let plan = plan_of("", "|[go]\ngogc = \"off\"\ngarbage_bytes = 0", &program(found)).expect("it runs");
    assert_eq!(of_go(&plan)[0].go, Some(GoSettings { gogc: None, garbage_bytes: 0 }));
    assert!(
        plan.notes.iter().any(|note| note.starts_with("go is go1.27.3, GOGC off, 0 B of garbage")),
        "{:?}",
        plan.notes
    );
}

#[test]
fn pauses_never_does_not_hold_for_its_collector() {
    let plan = plan_of("", "|[pauses]\nevery = \"never\"", &Conditions::ideal()).expect("it runs");
    let stopped = |subject: &str| {
        plan.points.iter().filter(|point| point.subject == subject).all(|point| point.has_pauses(&plan.measure))
    };
    assert_eq!((stopped("threads"), stopped("go")), (false, true));
}

#[test]
fn subjects_are_chosen_from_those_of_the_file() {
    let file = parse_experiment(
        "x.toml",
        "name = \"x\"\nquestion = \"What?\"\n[workload]\nkind = \"serve\"\n[sweep]\nprocs = [1]\n\
         subject = [\"threads\", \"go\"]\n[[arm]]\nname = \"a\"\n",
    )
    .expect("it is sound");
    let of = |subjects: &[&str]| {
        let subjects = subjects.iter().map(|name| name.to_string()).collect();
        let overrides = Overrides { subjects, ..Overrides::default() };
        let plan = plan::plan(&file, &overrides, &machines::machine(1, 4, 1), &Conditions::ideal());
        let names = |plan: Plan| plan.points.into_iter().map(|point| point.subject).collect::<Vec<_>>().join(" ");
        plan.map(names).map_err(|error| error.to_string())
    };
    assert_eq!(of(&[]), Ok("threads go".into()));
    assert_eq!(of(&["go"]), Ok("go".into()));
    assert_eq!(of(&["go", "threads"]), Ok("threads go".into()));
    assert_eq!(of(&["gmp"]), Err("subject \"gmp\" is not in the experiment; it has threads, go".into()));
}

#[test]
fn its_section_is_read_and_refused_with_its_line() {
    let refused = |section: &str, subject: &str| {
        let text = format!(
            "name = \"x\"\nquestion = \"What?\"\n[workload]\nkind = \"serve\"\n[sweep]\nprocs = [1]\n\
             subject = \"{subject}\"\n[go]\n{section}\n[[arm]]\nname = \"a\"\n"
        );
        parse_experiment("x.toml", &text).expect_err(section).to_string()
    };
    let check = |section: &str, expect: &str| assert_eq!(refused(section, "go"), format!("x.toml:{expect}"));
    assert_eq!(
        refused("gogc = 50", "threads"),
        "x.toml:8: [go] is about subject \"go\", which subject in [sweep] does not list"
    );
    check("percent = 1", "9: unknown key \"percent\" in [go]; known keys: gogc, garbage_bytes");
    check("gogc = \"of\"", "9: gogc in [go]: \"of\" cannot be; it must be a percentage such as 100, or \"off\"");
    check("gogc = 0", "9: gogc in [go]: 0 cannot be; it must be a whole number from 1 to 1000000");
    let most = "it must be a whole number from 0 to 1073741824";
    check("garbage_bytes = -1", &format!("9: garbage_bytes in [go]: -1 cannot be; {most}"));
}
