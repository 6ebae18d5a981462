//! What moves while numalab measures: pages by NUMA balancing, the cpuset, PUs that go offline, memory that others take.
//! Each is measured and marked, or refused in words; none is a success that says nothing.

use crate::machine::{Row, number};
use crate::trial::ensure;
use crate::watch::{Seen, Watched, marks, migrated, watch};
use libtest_mimic::Failed;

const fn watched(name: &'static str, arm: &'static str) -> Watched {
    Watched { name, procs: 1, private_pages: 4096, shared_pages: 64, shared_ratio: 0.0, extent: "seconds = 3", arm }
}

/// Fails unless a sample failed with words, all of these among them.
fn refused(seen: &Seen, name: &str, words: &[&str]) -> Result<(), Failed> {
    let error = seen.sample(name)?["error"].clone();
    ensure(words.iter().all(|word| error.contains(word)), || format!("{name}: \"{error}\"; {words:?} expected"))
}

/// Fails unless a sample was measured and says that it was disturbed, with all of these words.
fn marked(seen: &Seen, name: &str, words: &[&str]) -> Result<Row, Failed> {
    let row = seen.sample(name)?;
    let said = row["error"].is_empty() && words.iter().all(|word| row["contaminated_reason"].contains(word));
    ensure(said, || format!("{name}: \"{}\"; measured and {words:?} expected", marks(&row)))?;
    Ok(row)
}

/// Node 0 is full when the heap is written, so that all of it lies on node 1; then node 0 is emptied. A young process sees
/// its pages far away, one that waited sees them beside it, and one in whose midst they move says so.
pub(crate) fn balancing() -> Result<(), Failed> {
    let young = watched("young", "cpus = \"node:0\"");
    let settled = watched("settled", "cpus = \"node:0\"\nsettle = true");
    let moving = Watched { extent: "seconds = 12", ..watched("moving", "cpus = \"node:0\"") };
    let pages = young.pages();
    let script = format!(
        "echo 1 > /proc/sys/kernel/numa_balancing\n\
         fill 0; start young; wait $run\n\
         start settled; find_sample {pages}; empty; wait $run\n\
         fill 0; start moving; find_sample {pages}; usleep 1000000; empty; wait $run\n"
    );
    let seen = watch("2x2", &[&young, &settled, &moving], &script)?;
    let ratio = |name: &str| -> Result<f64, Failed> { number(&seen.sample(name)?, "local_hit_ratio") };
    let (young, settled) = (ratio("young")?, ratio("settled")?);
    ensure(young < 0.05, || format!("young: hit ratio {young}, though node 0 was full"))?;
    ensure(settled > 0.9, || format!("settled: hit ratio {settled}, though its pages could have come near"))?;
    let row = marked(&seen, "moving", &["pages changed node"])?;
    let pages = migrated(&row)?;
    // Of a touch of a page that moved nobody knows where it went: bounds are wide, and of nothing else there is no ratio.
    let wide = match row["local_hit_ratio"].as_str() {
        "" => pages == 4096.0,
        _ => number(&row, "local_hit_low")? < 0.1 && number(&row, "local_hit_high")? > 0.7,
    };
    ensure(pages > 3000.0 && wide, || format!("moving: {pages} of 4096 pages migrated, and {row:?}"))
}

/// cpuset.mems goes from 0-1 to 1 in mid-run: the kernel migrates all pages and rewrites every policy without a word.
pub(crate) fn cpuset_changes() -> Result<(), Failed> {
    let runs = [
        watched("bound", "cpus = \"node:0\"\nprivate = \"bind:0\"\nshared = \"bind:0\""),
        watched("strict", "process = { cpus = \"node:0\", memory = \"bind:0\" }"),
        watched("near", "cpus = \"close\"\nprivate = \"local\""),
        watched("unbound", ""),
    ];
    let mut script = String::from(
        "echo 0 > /proc/sys/kernel/numa_balancing\ncd /sys/fs/cgroup && echo +cpuset > cgroup.subtree_control && mkdir job\n\
         cd /job; echo 0-3 > /sys/fs/cgroup/job/cpuset.cpus; mems=/sys/fs/cgroup/job/cpuset.mems\n\
         echo 0-1 > $mems; echo $$ > /sys/fs/cgroup/job/cgroup.procs\n",
    );
    for run in &runs {
        let (name, pages) = (run.name, run.pages());
        script +=
            &format!("echo 0-1 > $mems; start {name}; find_sample {pages}; usleep 700000; echo 1 > $mems; wait $run\n");
    }
    let seen = watch("2x2", &runs.each_ref(), &script)?;
    for run in &runs {
        refused(&seen, run.name, &["cpuset"])?;
    }
    Ok(())
}

/// A PU goes offline under a pinned worker, and comes back: the worker's mask stays wide all the same.
pub(crate) fn pu_goes_offline() -> Result<(), Failed> {
    let four = |name, arm| Watched { procs: 4, private_pages: 256, ..watched(name, arm) };
    let runs = [
        four("gone", "cpus = \"close\"\nprivate = \"local\""),
        four("back", "cpus = \"close\"\nprivate = \"local\""),
        Watched {
            procs: 2,
            private_pages: 256,
            ..watched("strict", "process = { cpus = \"node:1\", memory = \"bind:1\" }")
        },
    ];
    let pages = |run: usize| runs[run].pages();
    let script = format!(
        "echo 0 > /proc/sys/kernel/numa_balancing\nonline=/sys/devices/system/cpu/cpu3/online\n\
         start gone; find_sample {}; usleep 700000; echo 0 > $online; wait $run; echo 1 > $online\n\
         start back; find_sample {}; usleep 700000; echo 0 > $online; echo 1 > $online; wait $run\n\
         start strict; find_sample {}; usleep 700000; echo 0 > $online; wait $run\n",
        pages(0),
        pages(1),
        pages(2)
    );
    let seen = watch("2x2", &runs.each_ref(), &script)?;
    refused(&seen, "gone", &["worker 3", "was bound to PUs 3"])?;
    refused(&seen, "back", &["worker 3", "was bound to PUs 3"])?;
    refused(&seen, "strict", &["was bound to PUs 2-3"])
}

/// Another process has filled node 0: what is bound there is refused, what may spill is marked.
pub(crate) fn node_is_full() -> Result<(), Failed> {
    let runs = [
        watched("bound", "cpus = \"node:0\"\nprivate = \"bind:0\"\nshared = \"bind:0\""),
        watched("preferred", "cpus = \"close\"\nprivate = \"preferred:0\"\nshared = \"bind:1\""),
        watched("near", "cpus = \"close\"\nprivate = \"local\"\nshared = \"bind:1\""),
        watched("first", "cpus = \"close\"\nshared = \"bind:1\""),
        watched("interleave", "cpus = \"close\"\nprivate = \"interleave:0\"\nshared = \"bind:1\""),
    ];
    let mut script = String::from("echo 0 > /proc/sys/kernel/numa_balancing\nfill 0\n");
    for run in &runs {
        script += &format!("start {name}; wait $run\n", name = run.name);
    }
    let seen = watch("2x2", &runs.each_ref(), &script)?;
    let (code, said) = (seen.text("bound/code")?, seen.text("bound/err")?);
    let foreseen =
        code.trim() == "77" && said.contains("bound: bind to node 0: ") && said.contains(" available there; ");
    ensure(foreseen, || format!("bound ended with {code}: {said}"))?;
    for name in ["preferred", "near", "first", "interleave"] {
        let row = marked(&seen, name, &["outside"])?;
        let remote = number(&row, "pages_remote")?;
        ensure(remote > 4000.0, || format!("{name}: {remote} of 4096 pages elsewhere, though node 0 was full"))?;
    }
    Ok(())
}

/// A bound node is too small, which numalab could not foresee: the kernel kills the sample. A bystander with pages on that
/// node, and numalab itself, live on.
pub(crate) fn bystander_survives() -> Result<(), Failed> {
    let run = Watched {
        private_pages: 40960,
        ..watched("big", "cpus = \"node:0\"\nprivate = \"bind:1\"\nshared = \"bind:0\"")
    };
    // What is free is a lie that numalab is told, as where another takes it between the look and the touch.
    let script = "echo 0 > /proc/sys/kernel/numa_balancing\nmkdir -p out\nnode=/sys/devices/system/node/node1\n\
         numactl --membind=1 memhog -r1000000 24m > /dev/null &\nbystander=$!\nusleep 1500000\nkill -STOP $bystander\n\
         sed -E 's/(MemTotal|MemFree): *[0-9]+/\\1: 999999/' $node/meminfo > meminfo; mount --bind meminfo $node/meminfo\n\
         start big; find_sample 2000; cat /proc/$child/oom_score_adj > out/big/oom_score_adj; wait $run\n\
         kill -0 $bystander && grep State /proc/$bystander/status > out/bystander; kill -KILL $bystander; dmesg | tail -n 40 > out/dmesg\n";
    let seen = watch("tiny", &[&run], script)?;
    refused(&seen, "big", &["killed by the OOM killer", "node 1"])?;
    let (bystander, score) = (seen.text("bystander")?, seen.text("big/oom_score_adj")?);
    ensure(bystander.contains("stopped"), || format!("the bystander is \"{bystander}\""))?;
    ensure(score.trim() == "1000", || format!("oom_score_adj of the sample is {score}"))
}
