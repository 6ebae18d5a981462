//! `[scheduler]`: its switches as factors that only `gmp` has, and where its processors sit.

mod machines;

use plan::experiment::{Overrides, parse_experiment};
use plan::point::Plan;
use plan::scheduler::{CounterLayout, Seat, StealOrder};
use plan::topology::Conditions;

/// threads and gmp at 1, 4 and 8 workers on two nodes of 4 cores, in the arms close and unbound.
fn plan_of(section: &str, sweep: &str) -> Result<Plan, String> {
    let text = format!(
        "name = \"x\"\nquestion = \"What?\"\n[workload]\nkind = \"serve\"\n{section}\n[sweep]\nprocs = [1, 4, 8]\n\
         subject = [\"threads\", \"gmp\"]\n{sweep}\n[[arm]]\nname = \"close\"\ncpus = \"close\"\nprivate = \"local\"\n\
         [[arm]]\nname = \"unbound\"\n"
    );
    let file = parse_experiment("x.toml", &text).map_err(|error| error.to_string())?;
    let plan = plan::plan(&file, &Overrides::default(), &machines::machine(2, 4, 1), &Conditions::ideal());
    plan.map_err(|error| error.to_string())
}

#[test]
fn a_switch_is_swept_by_the_subject_that_has_it() {
    let plan = plan_of("", "numa_aware = [false, true]").expect("it runs");
    let of = |subject: &str, arm: &str| -> Vec<Option<&str>> {
        let points = plan.points.iter().filter(|point| point.subject == subject && point.arm == arm);
        points.map(|point| point.factors.get("numa_aware").map(String::as_str)).collect()
    };
    assert_eq!(of("threads", "close"), [None; 3], "once, whatever the switch");
    let both = [Some("false"), Some("true")];
    assert_eq!(of("gmp", "close"), [both, both, both].concat());
    assert_eq!(of("gmp", "unbound"), [Some("false"); 3], "nobody knows where processors sit that float");
    let skipped = plan.skipped.iter().find(|skipped| skipped.subject == "gmp").expect("gmp, unbound and aware");
    assert!(skipped.reason.starts_with("subject gmp: numa_aware and steal_order near-first need processors that"));
    assert!(plan.points.iter().all(|point| point.scheduler.is_some() == (point.subject == "gmp")));
}

#[test]
fn where_counters_lie_is_a_factor() {
    let plan = plan_of("", "counters = [\"padded\", \"packed\"]").expect("it runs");
    let layouts = |subject: &str| -> Vec<Option<CounterLayout>> {
        let points = plan.points.iter().filter(|point| point.subject == subject && point.arm == "close");
        points.map(|point| point.scheduler.as_ref().map(|seated| seated.switches.counters)).collect()
    };
    let both = [Some(CounterLayout::Padded), Some(CounterLayout::Packed)];
    assert_eq!(layouts("gmp"), [both, both, both].concat());
    assert_eq!(layouts("threads"), [None; 3]);
    let unsaid = plan_of("", "").expect("it runs");
    let seated = unsaid.points.iter().find_map(|point| point.scheduler.as_ref()).expect("gmp");
    assert_eq!(seated.switches.counters, CounterLayout::Padded);
}

#[test]
fn processors_sit_where_their_workers_are_bound() {
    let plan = plan_of("[scheduler]\nsteal_order = \"near-first\"\nring = 64", "").expect("it runs");
    let found = plan.points.iter().find(|point| point.subject == "gmp" && point.procs == 8).expect("gmp on 8 workers");
    let seated = found.scheduler.as_ref().expect("a scheduler");
    let seat = |node, llc| Seat { node, llc };
    let expect = [(0, 0), (0, 0), (0, 1), (0, 1), (1, 2), (1, 2), (1, 3), (1, 3)].map(|(node, llc)| seat(node, llc));
    assert_eq!(seated.seats, expect);
    assert_eq!(seated.distances.len(), 2);
    assert!(seated.distances[0][0] < seated.distances[0][1], "{:?}", seated.distances);
    assert_eq!((seated.switches.ring, seated.switches.steal_order), (64, StealOrder::NearFirst));
}

#[test]
fn wrong_switches_are_refused_with_their_line() {
    let check = |section: &str, sweep: &str, expect: &str| {
        assert_eq!(plan_of(section, sweep).expect_err(expect), format!("x.toml:{expect}"));
    };
    let section = |line: &str| format!("[scheduler]\n{line}");
    check(
        &section("ring = 100"),
        "",
        "6: ring in [scheduler]: 100 cannot be; it must be a power of two from 2 to 65536",
    );
    check(
        &section("steal_order = \"last\""),
        "",
        "6: steal_order in [scheduler]: \"last\" cannot be; \"last\" is none of random, reverse, near-first",
    );
    check(
        &section("overflow = 0.0"),
        "",
        "6: overflow in [scheduler]: 0 cannot be; it must be a part above 0 and at most 1",
    );
    check(
        &section("yield_to = \"global\"\nglobal_tick = 1"),
        "",
        "7: global_tick in [scheduler]: 1 cannot be; it must be 2 or more with yield_to = \"global\", or some tasks never run",
    );
    check(
        &section("counters = \"both\""),
        "",
        "6: counters in [scheduler]: \"both\" cannot be; \"both\" is none of padded, packed",
    );
    check(&section("ring = 64"), "ring = [2, 4]", "6: ring in [scheduler]: is swept in [sweep], line 7; write it once");
    check("", "ring = [64, 100]", "9: ring in [sweep]: 100 cannot be; it must be a power of two from 2 to 65536");
    check("[go]\ngogc = 50", "", "5: [go] is about subject \"go\", which [sweep] does not list");
}

#[test]
fn what_is_counted_is_decided_by_emulated_samples_too() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/numa-stealing.toml");
    let file = plan::experiment::read_experiment(&path).expect("an experiment");
    let about_time: Vec<&str> =
        file.claims.iter().filter(|claim| claim.rule.is_about_time()).map(|claim| claim.id.as_str()).collect();
    assert_eq!(about_time, ["aware-costs-nothing"]);
    assert!(file.claims.len() > 5);
}
