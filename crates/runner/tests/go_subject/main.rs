//! The Go program of `subjects/go/subject` serves the very requests of `serve`, and says of them what it must.
//!
//! It is built by `scripts/go-subjects`. Without a Go toolchain these are NOT TESTABLE, reported as ignored with the reason;
//! where `NUMALAB_REQUIRE` contains `go` they fail.

mod program;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use plan::random::split;
use plan::workload::{Pages, Serve, Touches};
use program::{Answer, fails, job, serve, until_run};
use runner::pages::{Classes, HeapPages};
use runner::workload::Work;
use serde_json::{Value, json};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitCode;

type Body = fn() -> Result<Completion, Failed>;

fn main() -> ExitCode {
    let tests: [(&str, Body); 5] = [
        ("checksums_are_those_of_our_replay", checksums_are_those_of_our_replay),
        ("sampled_hits_on_one_node_are_all_local", sampled_hits_on_one_node_are_all_local),
        ("slices_pauses_and_counts_are_those_of_the_run", slices_pauses_and_counts_are_those_of_the_run),
        ("a_wrong_job_ends_in_one_line", a_wrong_job_ends_in_one_line),
        ("it_dies_with_the_thread_that_started_it", it_dies_with_the_thread_that_started_it),
    ];
    let built = program::build();
    let trials = tests.map(|(name, body)| {
        let built = built.clone();
        Trial::ignorable_test(name, move || match built? {
            Some(reason) => Ok(Completion::ignored_with(format!("NOT TESTABLE: {reason}"))),
            None => body(),
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

/// Checksum of a worker by our own replay of the same requests.
fn replayed(job: &Value, worker: u64, operations: u64) -> u64 {
    let number = |key: &str| job[key].as_u64().expect("a number of this test's own job");
    let ratio = |key: &str| job[key].as_f64().expect("a ratio of this test's own job");
    let work = Serve {
        private_bytes: number("private_bytes"),
        shared_bytes: number("shared_bytes"),
        shared_ratio: ratio("shared_ratio"),
        write_ratio: ratio("write_ratio"),
        lines_per_request: u32::try_from(number("lines_per_request")).expect("small"),
        touches: if job["touches"] == "dependent" { Touches::Dependent } else { Touches::Independent },
        pages: Pages::Base,
    };
    let classes = Classes::new([]);
    let nowhere = [HeapPages::none(&classes), HeapPages::none(&classes)];
    // As runner::sampling derives it.
    let key = split(split(number("seed"), 1), worker);
    work.replay(key, 0..operations, &nowhere, &mut vec![0; classes.count()])
}

fn check_workers(job: &Value, answer: &Answer) {
    let workers = answer.sample["workers"].as_array().expect("workers");
    assert_eq!(workers.len() as u64, job["workers"].as_u64().expect("a number"));
    let mut all = 0;
    for (worker, number) in workers.iter().zip(0u64..) {
        let operations = worker["operations"].as_u64().expect("a count");
        let expect = replayed(job, number, operations);
        assert_eq!(worker["checksum"].as_u64(), Some(expect), "worker {number} of {job}");
        all += operations;
    }
    assert_eq!(answer.number("/operations"), all);
}

fn checksums_are_those_of_our_replay() -> Result<Completion, Failed> {
    for changes in [
        json!({}),
        json!({"workers": 1, "procs": 1, "seed": u64::MAX, "gogc": -1}),
        json!({"workers": 5, "touches": "dependent", "gogc": 10, "shared_toucher": "first-worker"}),
        json!({"shared_ratio": 0, "shared_bytes": 0, "write_ratio": 0}),
        json!({"shared_ratio": 1, "private_bytes": 0, "lines_per_request": 1, "garbage_bytes": 0}),
        json!({"private_bytes": 1000, "shared_bytes": 100, "write_ratio": 0.999}),
    ] {
        let job = job(&changes);
        let answer = serve(&job);
        check_workers(&job, &answer);
        assert_eq!(answer.number("/operations"), 2000 * job["workers"].as_u64().expect("a number"));
        assert_eq!(answer.phases, ["start", "touch", "locate", "run", "replay"]);
    }
    Ok(Completion::Completed)
}

/// Whatever the PU, on a machine of one node: every touch whose page is known is local, and all pages are known.
fn sampled_hits_on_one_node_are_all_local() -> Result<Completion, Failed> {
    let nodes = std::fs::read_to_string("/sys/devices/system/node/has_memory")?;
    let Ok(node) = nodes.trim().parse::<u64>() else {
        return Ok(Completion::ignored_with(format!("NOT TESTABLE: memory on nodes {}", nodes.trim())));
    };
    let job = job(&json!({"operations": 100_000}));
    let answer = serve(&job);
    if answer.sample["notes"].to_string().contains("not located") {
        return Ok(Completion::ignored_with(format!("NOT TESTABLE: {}", answer.sample["notes"])));
    }
    let (mut local, mut all, mut sampled, mut known_pu) = (0, 0, 0, 0);
    for worker in answer.sample["workers"].as_array().expect("workers") {
        sampled += worker["sampled_requests"].as_u64().expect("a count");
        for row in worker["traffic"].as_array().expect("traffic") {
            let touches = row[2].as_u64().expect("a count");
            all += touches;
            local += if row[1] == node { touches } else { 0 };
            known_pu += if row[0].is_null() { 0 } else { touches };
        }
    }
    let lines = job["lines_per_request"].as_u64().expect("a number");
    assert_eq!(local as f64 / all as f64, 1.0, "{local} of {all}");
    assert_eq!(all, sampled * lines);
    assert_eq!(sampled, answer.number("/sampling/requests"));
    assert_eq!(all - known_pu, answer.number("/sampling/requests_moved") * lines);
    // 200000 requests, one in N: room for 20000 of each worker, and half of that where N doubled at last.
    let expect = answer.number("/operations") as f64 / answer.number("/sampling/one_in") as f64;
    assert!((sampled as f64 - expect).abs() < 6.0 * expect.sqrt() && sampled <= 40_000, "{sampled}, {expect} expected");
    assert_eq!(answer.number("/pages/moved"), 0);
    Ok(Completion::Completed)
}

fn slices_pauses_and_counts_are_those_of_the_run() -> Result<Completion, Failed> {
    for extent in [json!({"seconds": 0.2, "operations": null}), json!({"operations": 60_000})] {
        let mut changes = json!({"garbage_bytes": 4096, "windows": 20});
        extent.as_object().expect("an object").iter().for_each(|(key, value)| changes[key] = value.clone());
        let job = job(&changes);
        let answer = serve(&job);
        check_workers(&job, &answer);
        let windows = answer.sample["windows"].as_array().expect("windows");
        assert!(windows.len() >= 20, "{} slices", windows.len());
        let mut end_ns = 0;
        let mut operations = 0;
        for window in windows {
            assert_eq!(window["start_ns"], end_ns);
            end_ns += window["length_ns"].as_u64().expect("a length");
            operations += window["operations"].as_u64().expect("a count");
        }
        assert_eq!((end_ns, operations), (answer.number("/elapsed_ns"), answer.number("/operations")));
        if let Some(seconds) = job["seconds"].as_f64() {
            assert!(end_ns as f64 >= seconds * 1e9);
        }
        // 4 KiB a request is reachable from the heap, so it was allocated there, and the collector had to free it.
        assert!(answer.number("/gc/allocated_bytes") >= operations * 4096);
        let pauses = answer.sample["gc"]["pauses"].as_array().expect("pauses");
        assert!(!pauses.is_empty());
        assert_eq!(answer.number("/gc/cycles"), pauses.len() as u64 + answer.number("/gc/pauses_lost"));
        for pause in pauses {
            assert!(pause[0].as_u64() <= Some(end_ns) && pause[1].as_u64() > Some(0), "{pause}");
        }
        // Each collection stops the world twice.
        if let Some(stops) = answer.sample.pointer("/pauses/stopping_gc/count") {
            assert!(stops.as_u64() >= Some(2 * answer.number("/gc/cycles") - 1), "{stops}");
        } else {
            assert!(answer.sample["missing"].to_string().contains("/sched/pauses/stopping/gc:seconds"));
        }
    }
    Ok(Completion::Completed)
}

fn a_wrong_job_ends_in_one_line() -> Result<Completion, Failed> {
    let most = u64::MAX >> 16;
    for (changes, expect) in [
        (json!({"workers": 0}), "workers: 0 asked, from 1 to 65536 can be served"),
        (json!({"procs": 0}), "procs: 0 asked"),
        (json!({"private_bytes": most}), "are more than the 281474976710656 that a process can map"),
        (json!({"private_bytes": 1u64 << 46}), "available"),
        (json!({"thread": 1}), "unknown field \"thread\""),
        (json!({"parent_pid": 1}), "it has died meanwhile"),
        (json!({"v": 2}), "job of version 2"),
    ] {
        let cause = fails(&job(&changes));
        assert!(cause.contains(expect) && !cause.contains('\n'), "{changes}: {cause}");
    }
    Ok(Completion::Completed)
}

fn it_dies_with_the_thread_that_started_it() -> Result<Completion, Failed> {
    let job = job(&json!({"seconds": 20, "operations": null, "parent_pid": std::process::id()}));
    let started = std::thread::spawn(move || until_run(&job)).join();
    let mut child = started.expect("the thread has nothing to panic about");
    assert_eq!(child.wait()?.signal(), Some(9));
    Ok(Completion::Completed)
}
