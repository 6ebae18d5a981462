//! Memory whose place is decided: one mapping for each heap, with its kind of pages and its policy.
//!
//! Nothing here touches a page: the first touch is a write by whoever is to own it, through [`Region::words`].

use crate::errno::Errno;
use crate::{Granted, HostError, Root, memory, policy};
use core::ffi::{c_int, c_void};
use plan::policy::MemoryPolicy;
use plan::workload::Pages;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// Largest region: more than any machine has, less than the 47 bits of an address.
const MOST_BYTES: u64 = 1 << 46;

/// Memory mapped for one heap, never one that was used before: a reused mapping keeps its old pages.
///
/// Untouched when made. Guard pages on both sides keep it a mapping of its own, so that numa_maps and smaps tell about
/// it alone. Unmapped on drop.
#[derive(Debug)]
pub struct Region {
    // Held for its drop alone.
    _mapping: Mapping,
    start: NonNull<u8>,
    bytes: u64,
    mapped_bytes: usize,
    page_bytes: u64,
    pages: Pages,
    policy: MemoryPolicy,
}

// SAFETY:
// - the memory is only reached through `&[AtomicU64]`, and the pointers only serve as addresses of system calls.
unsafe impl Send for Region {}
// SAFETY:
// - as above; no method changes the region itself.
unsafe impl Sync for Region {}

impl Region {
    /// Maps `bytes` (rounded up to 8) of zeros by a policy; [`MemoryPolicy::FirstTouch`] leaves what the toucher inherits.
    ///
    /// # Errors
    /// `RegionSize`, `Map`; the node errors and refusals of [`crate::policy::set_thread`]; `NoSuchPageSize` and
    /// `HugePagesShort` for hugetlb pages, which else would be a SIGBUS at the first touch.
    pub fn new(granted: &Granted, bytes: u64, pages: Pages, policy: &MemoryPolicy) -> Result<Region, HostError> {
        if bytes == 0 || bytes > MOST_BYTES {
            return Err(HostError::RegionSize { bytes });
        }
        let root = Root::system();
        let page_bytes = match pages {
            Pages::Base | Pages::Thp => base_page_bytes(),
            Pages::Hugetlb(page_bytes) => page_bytes,
        };
        if let Pages::Hugetlb(_) = pages {
            let nodes = touched_nodes(granted, policy);
            memory::check_huge_pages(&root, page_bytes, &nodes, bytes.div_ceil(page_bytes))?;
        }
        let align = if pages == Pages::Thp { memory::thp_bytes(&root) } else { page_bytes };
        let mapped_bytes = bytes.next_multiple_of(page_bytes) as usize;
        let mapping = Mapping::new(mapped_bytes, align as usize, pages)?;
        let start = mapping.open(mapped_bytes, align as usize, pages)?;
        advise(start, mapped_bytes, pages)?;
        let policy = match policy {
            MemoryPolicy::FirstTouch => MemoryPolicy::FirstTouch,
            // SAFETY: the range was mapped just above and belongs to nobody else.
            _ => unsafe { policy::set_range(granted, start.as_ptr().cast(), mapped_bytes, policy) }?,
        };
        let bytes = bytes.next_multiple_of(size_of::<AtomicU64>() as u64);
        Ok(Region { _mapping: mapping, start, bytes, mapped_bytes, page_bytes, pages, policy })
    }

    /// The memory, to be lent to workers; zero until written. Reading brings no page of its own: write first.
    pub fn words(&self) -> &[AtomicU64] {
        let words = self.bytes as usize / size_of::<AtomicU64>();
        // SAFETY:
        // - `start` begins `mapped_bytes >= bytes` of readable, writable, zeroed memory (Mapping::open), aligned to a page.
        // - all bit patterns are an AtomicU64, and every access goes through one.
        // - the mapping lives until drop, and the slice borrows `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast::<AtomicU64>(), words) }
    }

    /// Bytes asked, rounded up to whole words: the length of [`Region::words`] times 8.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of a page as placement sees it: the base page, also under THP, or the hugetlb page.
    pub fn page_bytes(&self) -> u64 {
        self.page_bytes
    }

    /// Number of pages of [`Region::page_bytes`] that hold it.
    pub fn page_count(&self) -> usize {
        self.mapped_bytes / self.page_bytes as usize
    }

    /// The kind of pages asked.
    pub fn pages(&self) -> Pages {
        self.pages
    }

    /// The policy, as read back when it was set; `FirstTouch` where none was.
    pub fn policy(&self) -> &MemoryPolicy {
        &self.policy
    }

    /// The policy now: a cpuset that changes its nodes also changes policies.
    ///
    /// # Errors
    /// `Refused` under seccomp.
    pub fn policy_now(&self) -> Result<MemoryPolicy, HostError> {
        policy::at(self.start.as_ptr().cast())
    }

    /// Bytes of it that lie in huge pages now, from /proc/self/smaps (`AnonHugePages`, `Private_Hugetlb`).
    ///
    /// # Errors
    /// `File` where smaps cannot be read.
    pub fn huge_bytes(&self) -> Result<u64, HostError> {
        Region::huge_bytes_of([self])
    }

    /// The same of several regions together, in one question: each makes the kernel walk every page of the process.
    ///
    /// # Errors
    /// `File` where smaps cannot be read.
    pub fn huge_bytes_of<'a>(regions: impl IntoIterator<Item = &'a Region>) -> Result<u64, HostError> {
        let path = std::path::PathBuf::from("/proc/self/smaps");
        let text =
            std::fs::read_to_string(&path).map_err(|error| HostError::File { path, errno: Errno::of(&error) })?;
        let range = |region: &Region| region.address() as u64..(region.address() + region.mapped_bytes) as u64;
        let ranges: Vec<_> = regions.into_iter().map(range).collect();
        Ok(huge_bytes_in(&text, &ranges))
    }

    pub(crate) fn address(&self) -> usize {
        self.start.as_ptr().addr()
    }

    pub(crate) fn mapped_bytes(&self) -> usize {
        self.mapped_bytes
    }

    /// Address of a page, for the kernel to look up.
    pub(crate) fn page_address(&self, page: usize) -> *mut c_void {
        self.start.as_ptr().wrapping_add(page * self.page_bytes as usize).cast()
    }
}

/// Bytes of a base page.
pub(crate) fn base_page_bytes() -> u64 {
    // SAFETY:
    // - takes a constant, reads no memory of ours (sysconf(3)).
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).expect("every system has a page size")
}

/// A page of our own to try things on; never touched.
pub(crate) struct ScratchPage(Mapping);

impl ScratchPage {
    pub(crate) fn new() -> Result<ScratchPage, HostError> {
        Mapping::new(guard_bytes(), guard_bytes(), Pages::Base).map(ScratchPage)
    }

    pub(crate) fn start(&self) -> *mut c_void {
        self.0.start.as_ptr().cast()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes
    }
}

/// Address space of our own, unmapped on drop.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

impl Mapping {
    /// Reserves room for a region, its alignment and a guard on each side; hugetlb is mapped as it is.
    fn new(bytes: usize, align: usize, pages: Pages) -> Result<Mapping, HostError> {
        let (bytes, protection, flags) = match pages {
            Pages::Hugetlb(page_bytes) => {
                let size_flag = (page_bytes.trailing_zeros() as c_int) << libc::MAP_HUGE_SHIFT;
                (bytes, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_HUGETLB | size_flag)
            }
            Pages::Base | Pages::Thp => (bytes + align + guard_bytes(), libc::PROT_NONE, 0),
        };
        let flags = flags | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY:
        // - a new anonymous mapping at an address of the kernel's choice disturbs no other memory (mmap(2)).
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        let errno = Errno::last();
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Mapping { start, bytes }),
            _ => Err(HostError::Map { bytes: bytes as u64, pages: pages.to_string(), errno }),
        }
    }

    /// Makes the aligned middle readable and writable, and returns where it starts.
    fn open(&self, bytes: usize, align: usize, pages: Pages) -> Result<NonNull<u8>, HostError> {
        if let Pages::Hugetlb(_) = pages {
            return Ok(self.start);
        }
        let first = self.start.as_ptr().addr() + guard_bytes();
        let offset = first.next_multiple_of(align) - self.start.as_ptr().addr();
        // SAFETY:
        // - offset <= align, since the mapping starts on a page and the guard is one; the mapping is that much and another
        //   guard longer than `bytes` (Mapping::new).
        let start = unsafe { self.start.add(offset) };
        // SAFETY:
        // - the range lies inside our own mapping, starts on a page and is whole pages (above).
        let answer = unsafe { libc::mprotect(start.as_ptr().cast(), bytes, libc::PROT_READ | libc::PROT_WRITE) };
        match answer {
            0 => Ok(start),
            _ => Err(HostError::Map { bytes: bytes as u64, pages: pages.to_string(), errno: Errno::last() }),
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY:
        // - the mapping is ours, whole, and what borrowed from the region that owned it is gone.
        let answer = unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
        debug_assert_eq!(answer, 0, "a mapping of our own can be unmapped");
    }
}

fn guard_bytes() -> usize {
    base_page_bytes() as usize
}

/// Where the first touch of hugetlb pages can take them from.
fn touched_nodes(granted: &Granted, policy: &MemoryPolicy) -> plan::set::NodeSet {
    let strict = |policy: &MemoryPolicy| match policy {
        MemoryPolicy::Bind(nodes) | MemoryPolicy::Interleave(nodes) | MemoryPolicy::WeightedInterleave(nodes) => {
            Some(nodes.clone())
        }
        _ => None,
    };
    let inherited = || match policy {
        MemoryPolicy::FirstTouch => policy::thread().ok().as_ref().and_then(strict),
        _ => None,
    };
    strict(policy).or_else(inherited).unwrap_or_else(|| granted.allowed_nodes().clone())
}

fn advise(start: NonNull<u8>, bytes: usize, pages: Pages) -> Result<(), HostError> {
    let advice = match pages {
        Pages::Base => libc::MADV_NOHUGEPAGE,
        Pages::Thp => libc::MADV_HUGEPAGE,
        Pages::Hugetlb(_) => return Ok(()),
    };
    // SAFETY:
    // - the range is our own mapping; this advice changes the size of its future pages, not what they hold.
    let answer = unsafe { libc::madvise(start.as_ptr().cast(), bytes, advice) };
    match (answer, Errno::last()) {
        (0, _) => Ok(()),
        // A kernel without THP does not know the advice; for base pages nothing is lost by that.
        (_, Errno(libc::EINVAL)) if pages == Pages::Base => Ok(()),
        (_, errno) => Err(HostError::Call { call: "madvise", asked: pages.to_string(), errno }),
    }
}

/// Sums what lies in huge pages over the mappings inside ranges of addresses.
fn huge_bytes_in(smaps: &str, ranges: &[std::ops::Range<u64>]) -> u64 {
    let mut inside = false;
    let mut sum = 0;
    for line in smaps.lines() {
        let first = line.split_ascii_whitespace().next().unwrap_or_default();
        if let Some((start, _)) = first.split_once('-').filter(|_| !first.ends_with(':')) {
            inside =
                u64::from_str_radix(start, 16).is_ok_and(|start| ranges.iter().any(|range| range.contains(&start)));
        } else if inside && matches!(first, "AnonHugePages:" | "Private_Hugetlb:" | "Shared_Hugetlb:") {
            let kib = line.split_ascii_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
            sum += kib.unwrap_or(0) * 1024;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::Relaxed;

    fn granted() -> Granted {
        Granted::read(&Root::system()).expect("the live host")
    }

    #[test]
    fn a_region_is_a_mapping_of_its_own_until_it_is_dropped() {
        let granted = granted();
        let node = granted.allowed_nodes().first().expect("a node");
        let maps = || std::fs::read_to_string("/proc/self/maps").expect("maps");
        let policy = MemoryPolicy::Bind(plan::set::NodeSet::of(node));
        let region = Region::new(&granted, 100_001, Pages::Base, &policy).expect("a region");
        assert_eq!(region.bytes(), 100_008);
        assert_eq!(region.policy(), &policy);
        assert_eq!(region.policy_now(), Ok(policy.clone()));
        let line_of =
            |region: &Region| format!("{:x}-{:x} rw-p", region.address(), region.address() + region.mapped_bytes());
        let line = line_of(&region);
        // The kernel puts mappings side by side and would make one of equal neighbours.
        let neighbours: Vec<Region> =
            (0..8).map(|_| Region::new(&granted, 100_001, Pages::Base, &policy).expect("a region")).collect();
        for region in neighbours.iter().chain([&region]) {
            assert!(maps().contains(&line_of(region)), "{}", line_of(region));
            let (start, end) = (region.address(), region.address() + region.mapped_bytes());
            let maps = maps();
            let guards = maps.lines().filter(|line| line.contains(" ---p "));
            let borders =
                guards.filter(|line| line.contains(&format!("-{start:x} ")) || line.starts_with(&format!("{end:x}-")));
            assert_eq!(borders.count(), 2, "a guard on each side of {}", line_of(region));
        }
        assert!(region.words().iter().all(|word| word.load(Relaxed) == 0));
        drop(region);
        assert!(!maps().contains(&line), "still mapped: {line}");
    }

    #[test]
    fn pages_are_as_asked() {
        let granted = granted();
        let thp_bytes = memory::thp_bytes(&Root::system());
        let touch = |region: &Region| region.words().iter().step_by(512).for_each(|word| word.store(1, Relaxed));
        let base = Region::new(&granted, 4 * thp_bytes, Pages::Base, &MemoryPolicy::FirstTouch).expect("a region");
        touch(&base);
        assert_eq!(base.huge_bytes(), Ok(0));
        if let Ok(thp) = Region::new(&granted, 4 * thp_bytes, Pages::Thp, &MemoryPolicy::Local) {
            assert_eq!(thp.address() as u64 % thp_bytes, 0);
            assert_eq!(thp.policy(), &MemoryPolicy::Local);
            touch(&thp);
            let huge_bytes = thp.huge_bytes().expect("smaps");
            assert!(huge_bytes % thp_bytes == 0);
            assert_eq!(Region::huge_bytes_of([&base, &thp]), Ok(huge_bytes));
        }
    }

    #[test]
    fn what_cannot_be_mapped_is_refused() {
        let check = |bytes, pages, policy: &str, expect: &str| {
            let found = Region::new(&granted(), bytes, pages, &policy.parse().expect("a policy"));
            let text = found.expect_err(expect).to_string();
            assert!(text.starts_with(expect), "{text}");
        };
        check(0, Pages::Base, "local", "a region of 0 bytes cannot be mapped");
        check(u64::MAX, Pages::Base, "local", "a region of 18446744073709551615 bytes cannot be mapped");
        check(4096, Pages::Base, "bind:999", "no node 999: this host has nodes ");
        check(4096, Pages::Hugetlb(3 << 20), "local", "no huge pages of 3MiB on this host; sizes: ");
    }

    #[test]
    fn smaps_is_summed_inside_the_range_only() {
        let smaps = "7f0000000000-7f0000400000 rw-p 00000000 00:00 0 \nSize: 4096 kB\nAnonHugePages:      2048 kB\n\
                     Private_Hugetlb:       0 kB\nVmFlags: rd wr\n7f0000400000-7f0000600000 rw-p 00000000 00:00 0 \n\
                     AnonHugePages:      2048 kB\n";
        let check = |ranges: &[std::ops::Range<u64>], expect: u64| assert_eq!(huge_bytes_in(smaps, ranges), expect);
        let (first, second) = (0x7f0000000000..0x7f0000400000, 0x7f0000400000..0x7f0000600000);
        check(std::slice::from_ref(&first), 2 << 20);
        check(std::slice::from_ref(&(first.start..second.end)), 4 << 20);
        check(&[second, first], 4 << 20);
        check(&[0..1, 1..2], 0);
        check(&[], 0);
    }
}
