//! In the machine `offline`, whose PUs 6 and 7 are offline, with Linux 6.1, PU 3 isolated, clock source hpet and a disk to
//! swap to: 9 counters closed by level 3, 10 PUs that are not for us, 12 kernels and settings.

use crate::lab::{Boot, Case, Machine, ON_NODE_0, experiment};
use crate::ran::{expect_finding, finding};
use crate::trial::ensure;
use libtest_mimic::{Failed, Trial};
use std::path::Path;

pub(crate) fn trials() -> Vec<Trial> {
    let near = ("near", ON_NODE_0);
    let pus = [("close", "cpus = \"close\""), ("isolated", "cpus = \"pus:3\""), ("offline", "cpus = \"pus:6\"")];
    let policies = [
        near,
        ("weighted", "private = \"weighted-interleave:0-1\""),
        ("many", "private = \"preferred-many:0-1\"\nshared = \"preferred-many:0-1\""),
    ];
    let experiments = vec![
        ("pus", experiment("256KiB", "", &pus)),
        ("policies", experiment("256KiB", "", &policies)),
        ("swap", experiment("40MiB", "", &[near])),
        ("base", experiment("8MiB", "", &[near])),
        ("thp", experiment("8MiB", "pages = \"thp\"", &[near])),
        ("clock", experiment("256KiB", "", &[near]).replace("repetitions = 1", "repetitions = 12")),
    ];
    crate::lab::trials(Machine { name: "offline", options, experiments, script: SCRIPT }, CASES)
}

fn options(folder: &Path) -> Result<Vec<String>, Failed> {
    let disk = folder.join("swap");
    std::fs::File::create(&disk)?.set_len(64 << 20)?;
    let drive = format!("-drive file={},if=none,id=swap,format=raw", disk.display());
    let qemu = format!("{drive} -device virtio-blk-pci,drive=swap,serial=swap");
    let words = ["--kernel", "6.1", "--append", "isolcpus=3 clocksource=hpet", "--qemu", &qemu];
    Ok([&words[..], &["--bin", "/usr/bin/setpriv"]].concat().into_iter().map(String::from).collect())
}

const CASES: &[Case] = &[
    (10, "an isolated PU is not used, and can be had by taskset", isolated),
    (10, "an offline PU is refused", offline),
    (9, "counters closed by level 3", level_3),
    (12, "a kernel without weighted interleave", old_kernel),
    (12, "clock source hpet is said and kept", hpet),
    (12, "pages that were swapped out are unknown, and the sample is flagged", swapped),
    (12, "KSM on is said and kept", ksm),
    (12, "THP always: heaps of base pages stay so", thp_always),
    (12, "THP never: an experiment on huge pages is refused", thp_never),
    (12, "a clock stepped back by years", clock_back),
];

/// The clock is set back when three samples are there.
const SCRIPT: &str = r#"
try doctor numalab doctor --format json
run pus pus
try taskset taskset -c 3 numalab run lab/pus.toml --results out/taskset --arm isolated
run policies policies

echo 3 > /proc/sys/kernel/perf_event_paranoid
try level-3 /job/bin/setpriv --reuid=65534 --bounding-set=-all --inh-caps=-all numalab doctor --format json

for disk in /sys/block/vd*; do [ "$(cat $disk/serial)" = swap ] && swap=/dev/${disk##*/}; done
mkswap $swap > /dev/null; swapon $swap
try swap-doctor numalab doctor --format json
mkdir $groups/memory; echo 24M > $groups/memory/memory.max
run_in memory swap swap
swapoff $swap

echo 1 > /sys/kernel/mm/ksm/run
run ksm base
echo 0 > /sys/kernel/mm/ksm/run

echo always > /sys/kernel/mm/transparent_hugepage/enabled
run always base
run thp thp
echo never > /sys/kernel/mm/transparent_hugepage/enabled
run never thp

step_back() {
  while [ "$(cat out/clock/*/*/*/samples.csv 2> /dev/null | wc -l)" -lt 4 ]; do usleep 10000; done
  date -s "2020-01-01 00:00:00" > /dev/null
}
step_back &
run clock clock
wait
"#;

fn isolated(boot: &Boot) -> Result<(), Failed> {
    expect_finding(finding(&boot.text("doctor.out")?, "isolated PUs")?, "notice", "3")?;
    let ran = boot.ran("pus")?;
    ran.expect(0, &["points skipped: 2"])?;
    ran.measured("close")?;
    ran.expect_skip(
        "isolated",
        "cpus pus:3: PU 3 is outside this process's cpuset 0-2,4-5; check the container's cpuset.cpus, taskset and isolcpus",
    )?;
    let asked = boot.ran("taskset")?;
    asked.expect(0, &[])?;
    asked.measured("isolated")?;
    let pus: Vec<String> = asked.rows("workers.csv")?.iter().map(|row| row["pu"].clone()).collect();
    ensure(pus == ["3"], || format!("workers on PUs {pus:?}, 3 expected"))
}

fn offline(boot: &Boot) -> Result<(), Failed> {
    expect_finding(finding(&boot.text("doctor.out")?, "offline PUs")?, "notice", "6-7")?;
    boot.ran("pus")?.expect_skip("offline", "cpus pus:6: PU 6 is offline; this machine has PUs 0-5")
}

fn level_3(boot: &Boot) -> Result<(), Failed> {
    boot.ran("level-3")?.answer.expect_code(0)?;
    let closed = "perf_event_open: EACCES: perf_event_paranoid is 3, which closes all events";
    expect_finding(finding(&boot.text("level-3.out")?, "hardware counters")?, "forbidden", closed)
}

fn old_kernel(boot: &Boot) -> Result<(), Failed> {
    let ran = boot.ran("policies")?;
    ran.expect(0, &["points skipped: 1"])?;
    ran.measured("near")?;
    ran.measured("many")?;
    let has = "first-touch, local, bind, preferred, preferred-many, interleave";
    ran.expect_skip("weighted", &format!("memory policy weighted-interleave: this kernel lacks it; it has {has}"))
}

/// What disturbs a run of `near` is said and kept.
fn expect_disturbing(boot: &Boot, case: &str, what: &str) -> Result<(), Failed> {
    let ran = boot.ran(case)?;
    ran.expect(0, &[])?.expect_disturbing(what)?;
    ran.measured("near").map(drop)
}

fn hpet(boot: &Boot) -> Result<(), Failed> {
    expect_finding(finding(&boot.text("doctor.out")?, "clock source")?, "disturbs", "hpet")?;
    expect_disturbing(boot, "policies", "clock source hpet")
}

fn ksm(boot: &Boot) -> Result<(), Failed> {
    expect_disturbing(boot, "ksm", "clock source hpet, KSM 1")
}

fn swapped(boot: &Boot) -> Result<(), Failed> {
    expect_finding(finding(&boot.text("swap-doctor.out")?, "swap")?, "notice", "64.0 MiB")?;
    let ran = boot.ran("swap")?;
    ran.expect(0, &[])?;
    let row = ran.measured("near")?;
    let (low, high): (f64, f64) = (row["local_hit_low"].parse()?, row["local_hit_high"].parse()?);
    ensure(low < high, || format!("every page is known, from {low} to {high}, though some were swapped out"))?;
    ran.expect_flag("near", "workers waited # times for a page from swap or disk (limit 0)")
}

fn thp_always(boot: &Boot) -> Result<(), Failed> {
    expect_finding(finding(&boot.text("doctor.out")?, "THP")?, "notice", "always")?;
    // The shared heap is smaller than a huge page.
    for (case, least, most) in [("always", 0.0, 0.0), ("thp", 0.99, 1.0)] {
        let ran = boot.ran(case)?;
        ran.expect(0, &[])?;
        let found: f64 = ran.measured("near")?["huge_ratio"].parse()?;
        ensure((least..=most).contains(&found), || format!("{case}: {found} of the heaps are in huge pages"))?;
    }
    Ok(())
}

fn thp_never(boot: &Boot) -> Result<(), Failed> {
    let off = "pages thp: transparent huge pages are off on this host; see /sys/kernel/mm/transparent_hugepage/enabled";
    let ran = boot.ran("never")?;
    ran.expect(77, &[&format!("numalab: no point of this experiment can run here: near: {off}")])?.left_nothing()
}

/// Rows keep their order and their durations; only the time of day in them steps back.
fn clock_back(boot: &Boot) -> Result<(), Failed> {
    let ran = boot.ran("clock")?;
    ran.expect(0, &[])?;
    let samples = ran.rows("samples.csv")?;
    let ids: Vec<String> = samples.iter().map(|row| row["sample_id"].clone()).collect();
    let in_order: Vec<String> = (0..12).map(|id| id.to_string()).collect();
    ensure(ids == in_order, || format!("samples {ids:?}"))?;
    let years: Vec<&str> = samples.iter().map(|row| &row["started_utc"][..4]).collect();
    ensure(years.first() != Some(&"2020") && years.last() == Some(&"2020"), || format!("years {years:?}"))?;
    let long = samples.iter().find(|row| row["elapsed_ns"].parse::<u64>().map_or(true, |ns| ns > 60_000_000_000));
    ensure(long.is_none(), || format!("a sample of more than a minute: {long:?}"))
}
