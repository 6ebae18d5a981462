//! Witnesses from outside agree with numalab: numa_maps, numastat and move_pages(2) on pages, /proc/PID/task on PUs, and
//! the real numactl on what `strict` is.

use crate::machine::{number, rows};
use crate::trial::ensure;
use crate::watch::{OnNodes, Seen, Watched, watch, with_policy};
use libtest_mimic::Failed;
use plan::place::ProcessPlace;
use runner::frame::{Frame, Says};
use runner::sample::Job;

/// Standard deviations that a count of random touches may lie off.
const DEVIATIONS: f64 = 5.0;

const fn watched(name: &'static str, arm: &'static str) -> Watched {
    Watched { name, procs: 2, private_pages: 1024, shared_pages: 2048, shared_ratio: 0.25, extent: "seconds = 3", arm }
}

/// Starts each run, and looks at it once its heaps are written.
fn look_at(runs: &[&Watched]) -> String {
    let one = |run: &&Watched| {
        let (name, pages) = (run.name, run.pages());
        format!("start {name}; find_sample {pages}; usleep 500000; look out/{name}; wait $run\n")
    };
    format!("echo 0 > /proc/sys/kernel/numa_balancing\n{}", runs.iter().map(one).collect::<String>())
}

/// What was written in the arm, as the kernel calls it: of private heaps, of the shared one.
type Words = (&'static str, &'static str);

/// Workers on node 0, each on a PU of its own; the pages beside them, elsewhere, or on both.
pub(crate) fn pages_agree() -> Result<(), Failed> {
    let local = watched("local", "cpus = \"close\"\nprivate = \"local\"\nshared = \"interleave:0-1\"");
    let other = watched("other", "cpus = \"close\"\nprivate = \"bind:1\"\nshared = \"bind:0\"");
    let runs = [(local, ("local", "interleave:0-1")), (other, ("bind:1", "bind:0"))];
    all_agree("2x2", "", &runs)
}

/// Three pages on node 0 for each one on node 1.
pub(crate) fn weights_agree() -> Result<(), Failed> {
    let arm = "cpus = \"close\"\nprivate = \"weighted-interleave:all\"\nshared = \"preferred:1\"";
    let weights = "echo 3 > /sys/kernel/mm/mempolicy/weighted_interleave/node0\n";
    all_agree("2x2 new", weights, &[(watched("weighted", arm), ("weighted interleave:0-1", "prefer:1"))])
}

fn all_agree(machine: &'static str, before: &str, runs: &[(Watched, Words)]) -> Result<(), Failed> {
    let all: Vec<&Watched> = runs.iter().map(|(run, _)| run).collect();
    let seen = watch(machine, &all, &(before.to_string() + &look_at(&all)))?;
    for (run, words) in runs {
        agree(&seen, run, *words)?;
        pus_agree(&seen, run)?;
    }
    Ok(())
}

/// A preferred node that is too small: it fills, and the rest lies on the other.
pub(crate) fn spill_agrees() -> Result<(), Failed> {
    let run = Watched {
        procs: 1,
        private_pages: 40960,
        shared_pages: 256,
        ..watched("spill", "cpus = \"node:1\"\nprivate = \"preferred:1\"\nshared = \"bind:0\"")
    };
    let seen = watch("tiny", &[&run], &look_at(&[&run]))?;
    let (private, _) = agree(&seen, &run, ("prefer:1", "bind:0"))?;
    let there = private.get(&1).copied().unwrap_or(0);
    ensure(there > 10_000 && there < run.private_pages, || format!("no spill: {private:?}"))?;
    let says = crate::watch::marks(&seen.sample("spill")?);
    ensure(says.contains("outside"), || format!("a sample whose pages spilled is not marked: \"{says}\""))
}

/// 64 workers, each seen on its own PU.
pub(crate) fn many_pus_agree() -> Result<(), Failed> {
    let run = Watched {
        procs: 64,
        private_pages: 32,
        // 64 PUs take their turn on one, and a busy host gives little of it: a second is nothing.
        extent: "seconds = 60",
        ..watched("spread", "cpus = \"spread\"\nprivate = \"local\"\nshared = \"interleave:workers\"")
    };
    let seen = watch("2x32", &[&run], &look_at(&[&run]))?;
    pus_agree(&seen, &run)
}

/// Holds what numalab wrote of a run's pages against the witnesses; pages of private heaps and of the shared one.
fn agree(seen: &Seen, run: &Watched, words: Words) -> Result<(OnNodes, OnNodes), Failed> {
    let (name, maps, outside) = (run.name, seen.numa_maps(run.name)?, seen.outside(run.name)?);
    for (start, pages) in &outside {
        let mapping = maps.get(start).ok_or_else(|| format!("{name}: {start:x} is not in numa_maps"))?;
        ensure(mapping.on == *pages, || format!("{name}: {start:x} {mapping:?}, but by move_pages {pages:?}"))?;
    }
    numastat_agrees(seen, name)?;
    let (private, shared) = (with_policy(&maps, words.0), with_policy(&maps, words.1));
    let all = u64::from(run.procs) * run.private_pages;
    let found = (private.values().sum::<u64>(), shared.values().sum::<u64>());
    ensure(found == (all, run.shared_pages), || {
        format!("{name}: {found:?} pages of the heaps by numa_maps: {maps:?}")
    })?;

    let row = seen.sample(name)?;
    let node = if run.arm.contains("node:1") { 1 } else { 0 };
    let there = |on: &OnNodes| on.get(&node).copied().unwrap_or(0) as f64;
    let (local, remote) = (number(&row, "pages_local")?, number(&row, "pages_remote")?);
    ensure((local, local + remote) == (there(&private), all as f64), || {
        format!("{name}: {local} pages local and {remote} remote, by numa_maps {private:?}")
    })?;
    let (touches, ratio) =
        (number(&row, "local_touches")? + number(&row, "remote_touches")?, number(&row, "local_hit_ratio")?);
    let expected = (1.0 - run.shared_ratio) * there(&private) / all as f64
        + run.shared_ratio * there(&shared) / run.shared_pages as f64;
    let off = DEVIATIONS * (expected * (1.0 - expected) / touches).sqrt();
    ensure((ratio - expected).abs() <= off, || {
        format!("{name}: hit ratio {ratio} of {touches} touches; by numa_maps {expected} +- {off}")
    })?;
    Ok((private, shared))
}

/// numastat rounds each of its lines to hundredths of a MB.
fn numastat_agrees(seen: &Seen, name: &str) -> Result<(), Failed> {
    let totals = seen.numastat(name)?;
    let maps = seen.numa_maps(name)?;
    for (node, total) in totals.iter().enumerate().take(totals.len() - 1) {
        let pages: u64 = maps.values().filter_map(|mapping| mapping.on.get(&node)).sum();
        let mib = pages as f64 / 256.0;
        ensure((total - mib).abs() <= 0.03, || {
            format!("{name}: node {node}: {total} MB by numastat, {mib} by numa_maps")
        })?;
    }
    Ok(())
}

/// Each worker's thread may use one PU and was on it, the one that workers.csv names.
fn pus_agree(seen: &Seen, run: &Watched) -> Result<(), Failed> {
    let tasks = seen.tasks(run.name)?;
    let error = seen.sample(run.name)?["error"].clone();
    ensure(error.is_empty(), || format!("{}: {error}", run.name))?;
    let mut workers = 0;
    for row in rows(&seen.results(run.name)?.join("workers.csv"))? {
        if !run.arm.contains("node:") {
            let (thread, pu) = (format!("worker-{}", row["worker"]), row["pu"].clone());
            let as_seen = tasks.iter().find(|(name, ..)| *name == thread);
            ensure(as_seen == Some(&(thread.clone(), pu.clone(), pu.clone())), || {
                format!("{}: {thread} on PU {pu} by workers.csv, {as_seen:?} by /proc", run.name)
            })?;
            workers += 1;
        }
    }
    ensure(workers == run.procs, || format!("{}: {workers} workers seen", run.name))
}

/// The arm `strict` and the same workload started by the real numactl: same PUs, same policy, same nodes, same touches.
pub(crate) fn strict_is_numactl() -> Result<(), Failed> {
    let run = Watched {
        extent: "operations = 100000",
        ..watched("strict", "process = { cpus = \"node:0\", memory = \"bind:0\" }")
    };
    let seen = watch("2x2", &[&run], &look_at(&[&run]))?;
    let row = seen.sample("strict")?;
    ensure(row["error"].is_empty(), || format!("strict: {}", row["error"]))?;

    seen.put("job.json", &unbound_job(&seen)?)?;
    let script = format!(
        "echo 0 > /proc/sys/kernel/numa_balancing\nmkdir -p out/numactl\n\
         sed \"s/\\\"parent_pid\\\":1/\\\"parent_pid\\\":$$/\" lab/job.json > job\n\
         numactl --cpunodebind=0 --membind=0 numalab __sample < job 3> out/numactl/frames 2> out/numactl/err &\n\
         run=$!; find_sample {}; usleep 500000; look out/numactl; wait $run",
        run.pages()
    );
    seen.run("2x2", &script)?;
    let frames = seen.text("numactl/frames")?;
    let last = frames.lines().last().unwrap_or_default();
    let frame: Frame = serde_json::from_str(last).map_err(|error| format!("{error}: {last}"))?;
    let Says::Sample(measured) = frame.says else { return Err(format!("under numactl: {last}").into()) };
    let hits = measured.hits.ok_or("no hits under numactl")?;
    let touches = (number(&row, "local_touches")?, number(&row, "remote_touches")?);
    ensure(touches == (hits.local as f64, hits.remote as f64) && hits.remote == 0, || {
        format!("strict: {touches:?} touches local and remote, under numactl {hits:?}")
    })?;
    for name in ["strict", "numactl"] {
        let maps = seen.numa_maps(name)?;
        let wrong: Vec<_> = maps.values().filter(|mapping| mapping.policy != "bind:0").collect();
        ensure(wrong.is_empty(), || format!("{name}: not bound to node 0: {wrong:?}"))?;
        let pages = seen.outside(name)?.values().flat_map(|on| on.keys().copied()).max();
        ensure(pages == Some(0), || format!("{name}: anonymous pages on node {pages:?}"))?;
        numastat_agrees(&seen, name)?;
        let wrong: Vec<_> = seen.tasks(name)?.into_iter().filter(|(_, allowed, _)| allowed != "0-1").collect();
        ensure(wrong.is_empty(), || format!("{name}: threads not on PUs 0-1: {wrong:?}"))?;
    }
    Ok(())
}

/// The job of the one sample of `strict`, with nothing bound.
fn unbound_job(seen: &Seen) -> Result<String, Failed> {
    let results = seen.results("strict")?;
    let plan: plan::point::Plan = toml::from_str(&std::fs::read_to_string(results.join("plan.toml"))?)?;
    let topology: plan::topology::Topology =
        serde_json::from_str(&std::fs::read_to_string(results.join("topology.json"))?)?;
    let mut point = plan.points[0].clone();
    point.placement.process = ProcessPlace::default();
    let job = Job {
        point,
        seed: serde_json::from_value(seen.sample("strict")?["seed"].clone().into())?,
        extent: plan.measure.extent,
        pause_every_ns: plan.measure.pause_every_ns,
        stopped_work: plan.measure.stopped_work,
        windows: plan.measure.windows,
        node_of_pu: topology.pus.iter().filter_map(|pu| Some((pu.os_index, pu.node?))).collect(),
        package_of_node: topology.nodes.iter().filter_map(|node| Some((node.os_index, node.package?))).collect(),
        // What is left of them by numactl.
        allowed_pus: "0-1".parse()?,
        allowed_nodes: topology.allowed_nodes.clone(),
        trace_to: None,
        parent_pid: 1,
    };
    Ok(serde_json::to_string(&job)?)
}
