//! In the machine `huge`, with 64 huge pages on node 0 and 16 on node 1: 5 huge pages that are there, and that are not.

use crate::lab::{Boot, Case, Machine, ON_NODE_0, ON_NODE_1, experiment};
use crate::trial::ensure;
use libtest_mimic::{Failed, Trial};

pub(crate) fn trials() -> Vec<Trial> {
    const PAGES: &str = "pages = \"hugetlb:2MiB\"";
    let experiments = vec![
        ("near", experiment("40MiB", PAGES, &[("near", ON_NODE_0)])),
        ("both", experiment("40MiB", PAGES, &[("near", ON_NODE_0), ("far", ON_NODE_1)])),
        ("far", experiment("16MiB", PAGES, &[("far", ON_NODE_1)])),
    ];
    let machine = Machine { name: "huge", options: |_| Ok(Vec::new()), experiments, script: SCRIPT };
    crate::lab::trials(machine, CASES)
}

const CASES: &[Case] = &[
    (5, "enough huge pages on node 0", enough),
    (5, "too few on node 1, though enough in all: SIGBUS is foreseen", foreseen),
    (5, "a limit that nobody foresees: SIGBUS is survived", survived),
];

const SCRIPT: &str = "
run enough near
run foreseen both
mkdir $groups/few; echo 4M > $groups/few/hugetlb.2MB.max
run_in few survived far
";

fn enough(boot: &Boot) -> Result<(), Failed> {
    let ran = boot.ran("enough")?;
    ran.expect(0, &[])?;
    let row = ran.measured("near")?;
    ensure(row["huge_ratio"] == "1" && row["local_hit_ratio"] == "1", || format!("{row:?}"))
}

fn foreseen(boot: &Boot) -> Result<(), Failed> {
    let ran = boot.ran("foreseen")?;
    ran.expect(0, &["points skipped: 1"])?;
    ran.measured("near")?;
    ran.expect_skip("far", "pages hugetlb:2MiB: 21 needed on node 1, 16 free; reserve more in /sys/kernel/mm/hugepages")
}

fn survived(boot: &Boot) -> Result<(), Failed> {
    let ran = boot.ran("survived")?;
    ran.expect(1, &["numalab: all 1 samples failed; the causes are in samples.csv"])?;
    let few = "touch: killed by SIGBUS: 9 huge pages of 2MiB were needed and node 1 had too few, or the control group's \
               hugetlb limit is lower; reserve them there";
    ran.expect_error("far", few)
}
