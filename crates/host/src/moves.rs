//! Whether a page can have come to lie on another node since a moment, by the counters of the whole host.
//!
//! Asking where every page lies takes about as long as a tenth of writing them. Where the kernel has counted no migration,
//! no reclaim of such memory and no copy of a page in between, for anybody, the answer is the one from before.

use crate::Root;
use crate::proc::vmstat_in;
use std::collections::BTreeMap;

/// Every successful call of the kernel's `migrate_pages()`: balancing, compaction, policies, move_pages(2), hot-removal
/// (mm/migrate.c).
const MIGRATED: &str = "pgmigrate_success";

/// What takes an anonymous page away to make it again elsewhere: reclaim and swap, huge pages put together, merged pages
/// copied (mm/vmscan.c, mm/page_io.c, mm/zswap.c, mm/khugepaged.c, mm/ksm.c). Kernels without one of them lack its counter.
const MADE_AGAIN: [&str; 5] = ["pgsteal_anon", "pswpout", "zswpout", "thp_collapse_alloc", "cow_ksm"];

/// Whether NUMA balancing is switched on: the kernel may move pages that no policy holds to the nodes of who uses them.
pub fn is_balancing(root: &Root) -> bool {
    root.number("proc/sys/kernel/numa_balancing").unwrap_or(0) != 0
}

/// The counters at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moves(BTreeMap<String, u64>);

impl Moves {
    /// As they are now.
    pub fn now() -> Moves {
        Moves::read(&Root::system())
    }

    fn read(root: &Root) -> Moves {
        let [a, b, c, d, e] = MADE_AGAIN;
        Moves(vmstat_in(root, &[MIGRATED, a, b, c, d, e]))
    }

    /// Whether the kernel counted nothing since; `false` where it does not count.
    pub fn none_until(&self, later: &Moves) -> bool {
        self.0.contains_key(MIGRATED) && self == later
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::fixture;

    #[test]
    fn nothing_moved_where_the_kernel_counts_and_counted_nothing() {
        let moves = |text: &str| {
            let (_folder, root) = fixture(&[("proc/vmstat", text)]);
            Moves::read(&root)
        };
        let check = |before: &str, after: &str, expect: bool| {
            assert_eq!(moves(before).none_until(&moves(after)), expect, "{before:?} {after:?}");
        };
        let quiet = "nr_free_pages 5\npswpout 0\npgmigrate_success 7\nthp_collapse_alloc 1\n";
        check(quiet, quiet, true);
        check(quiet, &quiet.replace("nr_free_pages 5", "nr_free_pages 4"), true);
        check(quiet, &quiet.replace("success 7", "success 8"), false);
        check(quiet, &quiet.replace("pswpout 0", "pswpout 1"), false);
        check(quiet, &quiet.replace("alloc 1", "alloc 2"), false);
        check("pgmigrate_success 7\n", quiet, false);
        check("pswpout 0\n", "pswpout 0\n", false);
        check("", "", false);
    }
}
