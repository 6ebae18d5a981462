//! Pages under a pending hint of NUMA balancing: in memory, but without an answer to where they lie.
//!
//! The kernel takes the access rights of such pages away to see who uses them next; Linux 6.1 then answers -ENOENT to
//! move_pages(2), and a busy process has whole heaps in that state. Reading a page gives its rights back, but as a use like
//! any other it may also move the page to the reader. So while they are read, the pages get the policy `local`, set
//! without MPOL_F_NUMA_BALANCING: of such memory the kernel moves and hides nothing (`mpol_misplaced` and
//! `vma_policy_mof`, mm/mempolicy.c of 6.1 and 6.12). Then they are asked about again, and only then is the policy, which
//! was none, none again.

use crate::{HostError, Region, policy};
use core::ffi::{c_int, c_void};
use plan::policy::MemoryPolicy;
use std::sync::atomic::Ordering;

/// Fills in the answers of pages under a hint, all of one region and in ascending order; `ask` is the question.
///
/// Moves nothing and brings nothing in. What cannot be told keeps its status: with a policy of its own a region has no
/// hints, and where setting one is forbidden nothing can be done.
pub(crate) fn resolve(
    region: &Region,
    addresses: &[*mut c_void],
    statuses: &mut [c_int],
    ask: impl Fn(&[*mut c_void], &mut [c_int]) -> Result<(), HostError>,
) {
    if *region.policy() != MemoryPolicy::FirstTouch || !statuses.contains(&-libc::ENOENT) {
        return;
    }
    let page_of = |address: &*mut c_void| (address.addr() - region.address()) / region.page_bytes() as usize;
    let Ok(resident) = crate::locate::resident_pages(region) else { return };
    let resident = |at: usize| resident[page_of(&addresses[at])];
    let hidden = hidden(statuses, resident);
    let (Some(&first), Some(&last)) = (hidden.first(), hidden.last()) else { return };
    let start = addresses[first];
    let bytes = addresses[last].addr() - start.addr() + region.page_bytes() as usize;
    if set_policy(start, bytes, &MemoryPolicy::Local).is_err() {
        return;
    }
    let page_words = region.page_bytes() as usize / size_of::<u64>();
    for &at in &hidden {
        let word = region.words().get(page_of(&addresses[at]) * page_words);
        std::hint::black_box(word.map(|word| word.load(Ordering::Relaxed)));
    }
    let again: Vec<*mut c_void> = hidden.iter().map(|&at| addresses[at]).collect();
    let mut answers = vec![-libc::ENOENT; again.len()];
    if ask(&again, &mut answers).is_ok() {
        hidden.iter().zip(answers).for_each(|(&at, answer)| statuses[at] = answer);
    }
    let restored = set_policy(start, bytes, &MemoryPolicy::FirstTouch);
    debug_assert_eq!(restored, Ok(()), "what could be set can be taken back");
}

/// Positions of pages that have no answer though they are in memory.
fn hidden(statuses: &[c_int], resident: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..statuses.len()).filter(|&at| statuses[at] == -libc::ENOENT && resident(at)).collect()
}

fn set_policy(start: *mut c_void, bytes: usize, policy: &MemoryPolicy) -> Result<(), HostError> {
    // SAFETY:
    // - the range lies inside a mapping of our own: from one page of a region to the end of another (resolve).
    unsafe { policy::set_range_unchecked(start, bytes, policy) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::locate;
    use crate::{Granted, Root};
    use plan::workload::Pages;

    const PAGES: usize = 8;

    /// A heap of which all pages but the last are written.
    fn region(policy: &MemoryPolicy) -> Region {
        let granted = Granted::read(&Root::system()).expect("the live host");
        let page = crate::region::base_page_bytes();
        let region = Region::new(&granted, PAGES as u64 * page, Pages::Base, policy).expect("a region");
        let words = region.words();
        let page_words = words.len() / PAGES;
        (0..PAGES - 1).for_each(|at| words[at * page_words].store(at as u64 + 7, Ordering::Relaxed));
        region
    }

    fn check(policy: &MemoryPolicy, before: [c_int; PAGES], expect: [c_int; PAGES]) {
        let region = region(policy);
        let addresses: Vec<_> = (0..PAGES).map(|page| region.page_address(page)).collect();
        let mut statuses = before;
        // Answers for what is asked again: 40 and more, by page.
        resolve(&region, &addresses, &mut statuses, |asked, answers| {
            assert_eq!(
                region.policy_now(),
                Ok(MemoryPolicy::FirstTouch),
                "pages that need no answer keep their policy"
            );
            for (address, answer) in asked.iter().zip(answers) {
                assert_eq!(policy::at(*address), Ok(MemoryPolicy::Local), "no balancing while it is read");
                *answer = 40 + ((address.addr() - region.address()) / region.page_bytes() as usize) as c_int;
            }
            Ok(())
        });
        assert_eq!(statuses, expect, "{policy}");
        assert_eq!(region.policy_now().as_ref(), Ok(region.policy()), "the policy is what it was");
        assert_eq!(locate(&region).expect("a map").unknown(), 1, "nothing was brought in");
    }

    #[test]
    fn only_pages_in_memory_without_an_answer_are_asked_again() {
        let (hint, absent) = (-libc::ENOENT, -libc::EFAULT);
        let first = [0, hint, 1, hint, hint, 0, 1, hint];
        check(&MemoryPolicy::FirstTouch, first, [0, 41, 1, 43, 44, 0, 1, hint]);
        check(&MemoryPolicy::FirstTouch, [0, absent, 1, 0, 0, 0, 1, hint], [0, absent, 1, 0, 0, 0, 1, hint]);
        let node = Granted::read(&Root::system()).expect("the live host").allowed_nodes().first().expect("a node");
        check(&MemoryPolicy::Bind(plan::set::NodeSet::of(node)), first, first);
    }
}
