//! Where the pages of a region lie.
//!
//! Asked of move_pages(2) as a query; where that is forbidden (containers), of get_mempolicy(2) for each page that is in
//! memory, since it would bring in others; where that is forbidden too, of /proc/self/numa_maps, which is exact only for
//! a region that lies on one node. A page that is not in memory or swapped out, or whose balancing hint cannot be resolved,
//! is *unknown*, never remote.

use crate::errno::Errno;
use crate::{HostError, Region, Root};
use core::ffi::{c_int, c_ulong, c_void};
use libnuma_sys as numa;
use plan::policy::MemoryPolicy;
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// The node of a page that cannot be told.
pub const UNKNOWN: i16 = -1;

/// Pages asked about in one call: 64 Ki pointers and answers stay in the cache.
const BATCH: usize = 1 << 14;

/// What no kernel answers: a status that the call left untouched.
const UNTOUCHED_STATUS: c_int = c_int::MIN;

/// Which node each page of a region lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageMap {
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Node of each page by OS index, [`UNKNOWN`] where it cannot be told.
    pub nodes: Vec<i16>,
    /// Who told.
    pub source: MapSource,
    /// Pages on each node. With [`MapSource::NumaMaps`] it may know more than `nodes`: how many pages lie on each node,
    /// but not which; then `nodes` is all unknown and this is the bound.
    pub counts: BTreeMap<u32, u64>,
}

/// Who told where pages lie, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapSource {
    /// move_pages(2), as a query.
    MovePages,
    /// get_mempolicy(2), page by page.
    GetMempolicy,
    /// /proc/self/numa_maps.
    NumaMaps,
}

impl PageMap {
    /// The node of the page that holds this byte; `None` where it cannot be told or lies outside.
    #[inline]
    pub fn node_of(&self, byte_offset: u64) -> Option<u32> {
        let page = usize::try_from(byte_offset / self.page_bytes).ok()?;
        u32::try_from(*self.nodes.get(page)?).ok()
    }

    /// The node, where every page lies on one and the same.
    pub fn uniform(&self) -> Option<u32> {
        let first = *self.nodes.first()?;
        if self.nodes.iter().any(|&node| node != first) {
            return None;
        }
        u32::try_from(first).ok()
    }

    /// Pages that cannot be told.
    pub fn unknown(&self) -> u64 {
        self.nodes.iter().filter(|&&node| node == UNKNOWN).count() as u64
    }

    /// Node of each page where only their number on each node is known: as many pages of each as were counted, in order of
    /// nodes, the rest unknown. Which page it is, is made up; for touches that are uniform over the region that is no matter.
    /// `None` where nodes are known page by page, or nothing was counted.
    pub fn made_up_nodes(&self) -> Option<Vec<i16>> {
        if self.counts.is_empty() || self.nodes.iter().any(|&node| node != UNKNOWN) {
            return None;
        }
        let pages = |(&node, &pages): (&u32, &u64)| {
            let node = i16::try_from(node).unwrap_or(UNKNOWN);
            std::iter::repeat_n(node, usize::try_from(pages).unwrap_or(usize::MAX))
        };
        Some(self.counts.iter().flat_map(pages).chain(std::iter::repeat(UNKNOWN)).take(self.nodes.len()).collect())
    }

    /// Pages that lie elsewhere than in an earlier map of the same region, where both can be told.
    pub fn moved_since(&self, earlier: &PageMap) -> u64 {
        let told = |&(now, then): &(&i16, &i16)| *now != UNKNOWN && *then != UNKNOWN && now != then;
        self.nodes.iter().zip(&earlier.nodes).filter(told).count() as u64
    }

    /// Whether a bind held: no page that can be told lies outside its nodes. Other policies may spill, and always pass.
    ///
    /// # Errors
    /// `PagesElsewhere`, with the pages on each node.
    pub fn check_bound(&self, policy: &MemoryPolicy) -> Result<(), HostError> {
        let MemoryPolicy::Bind(nodes) = policy else { return Ok(()) };
        let (there, elsewhere): (Vec<_>, Vec<_>) =
            self.counts.iter().map(|(&node, &pages)| (node, pages)).partition(|&(node, _)| nodes.contains(node));
        if elsewhere.is_empty() {
            return Ok(());
        }
        let there = there.iter().map(|(_, pages)| pages).sum();
        Err(HostError::PagesElsewhere { nodes: nodes.clone(), pages: self.nodes.len() as u64, there, elsewhere })
    }

    fn new(region: &Region, nodes: Vec<i16>, source: MapSource) -> PageMap {
        let mut counts = BTreeMap::new();
        for run in nodes.chunk_by(|a, b| a == b) {
            if let Ok(node) = u32::try_from(run[0]) {
                *counts.entry(node).or_default() += run.len() as u64;
            }
        }
        PageMap { page_bytes: region.page_bytes(), nodes, source, counts }
    }
}

/// Asks where each page lies, by the best way that is allowed. It moves nothing and brings no page in.
///
/// # Errors
/// `File` where even numa_maps cannot be read.
pub fn locate(region: &Region) -> Result<PageMap, HostError> {
    by_move_pages(region).or_else(|_| by_get_mempolicy(region)).or_else(|_| by_numa_maps(region))
}

/// Nodes of some pages of a region, by move_pages(2) alone: parts of a large region can be asked for by several threads at
/// once. A node by OS index for each page, [`UNKNOWN`] where it cannot be told; to be put together by [`join`].
///
/// # Errors
/// `Refused` where move_pages(2) is forbidden: then [`locate`] knows other ways, for the whole region.
pub fn locate_part(region: &Region, pages: Range<usize>) -> Result<Vec<i16>, HostError> {
    let end = pages.end.min(region.page_count());
    let mut nodes = Vec::with_capacity(end.saturating_sub(pages.start));
    let mut addresses: Vec<*mut c_void> = Vec::with_capacity(BATCH.min(nodes.capacity()));
    let mut statuses: Vec<c_int> = Vec::with_capacity(BATCH.min(nodes.capacity()));
    for first in (pages.start..end).step_by(BATCH) {
        let pages = first..(first + BATCH).min(end);
        addresses.clear();
        addresses.extend(pages.map(|page| region.page_address(page)));
        statuses.clear();
        statuses.resize(addresses.len(), UNTOUCHED_STATUS);
        query_pages(&addresses, &mut statuses)?;
        crate::hints::resolve(region, &addresses, &mut statuses, query_pages);
        nodes.extend(statuses.iter().copied().map(node_of_status));
    }
    Ok(nodes)
}

/// A page at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glimpse {
    /// Its node, [`UNKNOWN`] where it cannot be told, as under a hint of NUMA balancing (seen with Linux 6.1).
    pub node: i16,
    /// The number of the frame of memory that it lies in, which is another after every move, where it was asked for or the
    /// node cannot be told; `None` without CAP_SYS_ADMIN.
    pub frame: Option<u64>,
}

/// Numbers of the frames that this process's pages lie in: /proc/self/pagemap.
#[derive(Debug)]
pub struct Pagemap(File);

impl Pagemap {
    /// `None` where the kernel does not tell them, as without CAP_SYS_ADMIN.
    pub fn open(root: &Root) -> Option<Pagemap> {
        let pagemap = Pagemap(File::open(root.path("proc/self/pagemap")).ok()?);
        let here = std::ptr::from_ref(&pagemap).addr();
        pagemap.frame(here).is_some().then_some(pagemap)
    }

    /// The frame of the page at an address, if it is in memory (Documentation/admin-guide/mm/pagemap.rst).
    fn frame(&self, address: usize) -> Option<u64> {
        const PRESENT: u64 = 1 << 63;
        const FRAME: u64 = (1 << 55) - 1;
        let mut entry = [0; size_of::<u64>()];
        let at = address as u64 / crate::region::base_page_bytes() * entry.len() as u64;
        self.0.read_exact_at(&mut entry, at).ok()?;
        let entry = u64::from_ne_bytes(entry);
        Some(entry & FRAME).filter(|frame| entry & PRESENT != 0 && *frame != 0)
    }
}

/// Some pages of a region in use, by move_pages(2): none is touched, as [`locate_part`] does where it resolves hints. Frames by
/// `pagemap`, of all pages or of those whose node cannot be told.
///
/// # Errors
/// `Refused` where move_pages(2) is forbidden.
pub fn glance(
    region: &Region,
    pages: impl Iterator<Item = usize>,
    pagemap: Option<&Pagemap>,
    all_frames: bool,
) -> Result<Vec<Glimpse>, HostError> {
    let addresses: Vec<*mut c_void> = pages.map(|page| region.page_address(page)).collect();
    let mut statuses = vec![UNTOUCHED_STATUS; addresses.len()];
    query_pages(&addresses, &mut statuses)?;
    let glimpse = |(address, status): (*mut c_void, c_int)| {
        let node = node_of_status(status);
        let pagemap = pagemap.filter(|_| all_frames || node == UNKNOWN);
        Glimpse { node, frame: pagemap.and_then(|pagemap| pagemap.frame(address.addr())) }
    };
    Ok(addresses.into_iter().zip(statuses).map(glimpse).collect())
}

/// -ENOENT and -EFAULT (before 6.12) are pages that are not there; both are unknown, as is any other error.
fn node_of_status(status: c_int) -> i16 {
    i16::try_from(status).unwrap_or(UNKNOWN).max(UNKNOWN)
}

/// The map of a region whose parts, in order and without gaps, [`locate_part`] told; pages that are missing are unknown.
pub fn join(region: &Region, parts: impl IntoIterator<Item = Vec<i16>>) -> PageMap {
    let mut nodes: Vec<i16> = parts.into_iter().flatten().collect();
    nodes.resize(region.page_count(), UNKNOWN);
    PageMap::new(region, nodes, MapSource::MovePages)
}

fn by_move_pages(region: &Region) -> Result<PageMap, HostError> {
    Ok(join(region, [locate_part(region, 0..region.page_count())?]))
}

fn query_pages(addresses: &[*mut c_void], statuses: &mut [c_int]) -> Result<(), HostError> {
    assert_eq!(addresses.len(), statuses.len(), "one answer for each page");
    let count = addresses.len() as c_ulong;
    // SAFETY:
    // - `addresses` is readable and `statuses` writable for `count` entries (asserted).
    // - without target nodes the call only asks; the addresses are looked up, not accessed (move_pages(2)).
    let answer = unsafe { numa::move_pages(0, count, addresses.as_ptr(), std::ptr::null(), statuses.as_mut_ptr(), 0) };
    match answer {
        0 => Ok(()),
        _ => Err(crate::policy::refusal("move_pages", "where pages lie", Errno::last())),
    }
}

fn by_get_mempolicy(region: &Region) -> Result<PageMap, HostError> {
    let resident = resident_pages(region)?;
    let node = |(page, &resident): (usize, &bool)| match resident {
        true => node_of_address(region.page_address(page)),
        false => Ok(UNKNOWN),
    };
    let nodes = resident.iter().enumerate().map(node).collect::<Result<Vec<i16>, HostError>>()?;
    Ok(PageMap::new(region, nodes, MapSource::GetMempolicy))
}

fn node_of_address(address: *mut c_void) -> Result<i16, HostError> {
    let mut node: c_int = -1;
    let flags = c_ulong::from(numa::MPOL_F_NODE | numa::MPOL_F_ADDR);
    // SAFETY:
    // - `node` is writable; the mask is null with length 0 (get_mempolicy(2)).
    // - the address is looked up; should its page be gone, the kernel brings in a page of zeros of our own region.
    let answer = unsafe { numa::get_mempolicy(&mut node, std::ptr::null_mut(), 0, address, flags) };
    match answer {
        0 => Ok(i16::try_from(node).unwrap_or(UNKNOWN)),
        _ => Err(crate::policy::refusal("get_mempolicy", "where a page lies", Errno::last())),
    }
}

/// Which pages are in memory. For private anonymous memory mincore(2) tells without privilege and without touching.
pub(crate) fn resident_pages(region: &Region) -> Result<Vec<bool>, HostError> {
    let base = crate::region::base_page_bytes() as usize;
    let mut bytes = vec![0u8; region.mapped_bytes() / base];
    // SAFETY:
    // - the range is the region's own mapping, whole pages from its start.
    // - `bytes` is writable with one byte for each base page of it.
    let answer = unsafe { libc::mincore(region.page_address(0), region.mapped_bytes(), bytes.as_mut_ptr()) };
    if answer != 0 {
        return Err(crate::policy::refusal("mincore", "which pages are in memory", Errno::last()));
    }
    let base_per_page = region.page_bytes() as usize / base;
    Ok(bytes.chunks(base_per_page).map(|page| page[0] & 1 == 1).collect())
}

fn by_numa_maps(region: &Region) -> Result<PageMap, HostError> {
    let root = Root::system();
    let path = root.path("proc/self/numa_maps");
    let text = root.text("proc/self/numa_maps").ok_or(HostError::File { path, errno: Errno(libc::EACCES) })?;
    let counts = numa_maps_counts(&text, region.address()..region.address() + region.mapped_bytes());
    let resident = resident_pages(region)?;
    let mut nodes = vec![UNKNOWN; region.page_count()];
    if let (1, Some(&node)) = (counts.len(), counts.keys().next()) {
        let known = nodes.iter_mut().zip(&resident).filter(|(_, resident)| **resident);
        known.for_each(|(slot, _)| *slot = i16::try_from(node).unwrap_or(UNKNOWN));
    }
    Ok(PageMap { page_bytes: region.page_bytes(), nodes, source: MapSource::NumaMaps, counts })
}

/// Pages on each node over the mappings that start inside a range, from `N0=24 N3=2` (numa(7)).
fn numa_maps_counts(text: &str, range: Range<usize>) -> BTreeMap<u32, u64> {
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let start = words.next().and_then(|word| usize::from_str_radix(word, 16).ok());
        if !start.is_some_and(|start| range.contains(&start)) {
            continue;
        }
        for word in words {
            let count = word.strip_prefix('N').and_then(|rest| rest.split_once('='));
            if let Some((Ok(node), Ok(pages))) = count.map(|(node, pages)| (node.parse::<u32>(), pages.parse::<u64>()))
            {
                *counts.entry(node).or_default() += pages;
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Granted;
    use crate::root::fixture;
    use plan::workload::Pages;
    use std::collections::BTreeSet;
    use std::sync::atomic::Ordering::Relaxed;

    /// 64 pages, of which every second one is written.
    fn half_touched(policy: &MemoryPolicy) -> Region {
        let granted = Granted::read(&Root::system()).expect("the live host");
        let page = crate::region::base_page_bytes();
        let region = Region::new(&granted, 64 * page, Pages::Base, policy).expect("a region");
        region.words().iter().step_by(2 * page as usize / 8).for_each(|word| word.store(1, Relaxed));
        region
    }

    #[test]
    fn a_glance_tells_what_locate_does() {
        let region = half_touched(&MemoryPolicy::FirstTouch);
        let pages = || (0..64).step_by(3);
        let seen = glance(&region, pages(), None, true).expect("move_pages");
        let nodes = locate(&region).expect("a map").nodes;
        let expect = pages().map(|page| Glimpse { node: nodes[page], frame: None });
        assert_eq!(seen, expect.collect::<Vec<_>>());

        // Whoever may not know frames has no map of them.
        let Some(pagemap) = Pagemap::open(&Root::system()) else { return };
        let all = glance(&region, pages(), Some(&pagemap), true).expect("move_pages");
        assert!(all.iter().all(|one| one.frame.is_some() == (one.node != UNKNOWN)), "{all:?}");
        let frames: BTreeSet<u64> = all.iter().filter_map(|one| one.frame).collect();
        assert_eq!(frames.len(), all.iter().filter(|one| one.node != UNKNOWN).count(), "two pages in one frame");
        // Pages that are not there have no frame, whoever asks.
        assert_eq!(glance(&region, pages(), Some(&pagemap), false).expect("move_pages"), seen);
    }

    #[test]
    fn a_frame_is_told_of_a_page_in_memory() {
        let page = crate::region::base_page_bytes() as usize;
        let (folder, root) = fixture(&[("proc/self/pagemap", "")]);
        let entries = [7, 1 << 63 | 9, 1 << 63, 1 << 63 | 1 << 55 | 5];
        let bytes: Vec<u8> = entries.into_iter().flat_map(u64::to_ne_bytes).collect();
        std::fs::write(folder.path().join("proc/self/pagemap"), bytes).expect("a file");
        let pagemap = Pagemap(File::open(root.path("proc/self/pagemap")).expect("a file"));
        let frames: Vec<Option<u64>> = (0..5).map(|at| pagemap.frame(at * page + 8)).collect();
        assert_eq!(frames, [None, Some(9), None, Some(5), None]);
        assert!(Pagemap::open(&root).is_none(), "it has no entry for where we are");
    }

    #[test]
    fn every_source_tells_touched_pages_and_calls_others_unknown() {
        let granted = Granted::read(&Root::system()).expect("the live host");
        let node = granted.allowed_nodes().first().expect("a node");
        let policy: MemoryPolicy = format!("bind:{node}").parse().expect("a policy");
        let by_parts = |region: &Region| -> Result<PageMap, HostError> {
            Ok(join(region, [locate_part(region, 0..21)?, locate_part(region, 21..65)?]))
        };
        type Way<'a> = &'a dyn Fn(&Region) -> Result<PageMap, HostError>;
        let ways: [Way<'_>; 4] = [&by_move_pages, &by_parts, &by_get_mempolicy, &by_numa_maps];
        for ask in ways {
            let region = half_touched(&policy);
            let map = ask(&region).expect("a map");
            assert_eq!(map.nodes.len(), 64);
            for page in 0..64u64 {
                let expect = (page % 2 == 0).then_some(node);
                assert_eq!(
                    map.node_of(page * map.page_bytes + 8),
                    expect,
                    "page {page} by {source:?}",
                    source = map.source
                );
            }
            assert_eq!((map.unknown(), map.uniform(), map.node_of(64 * map.page_bytes)), (32, None, None));
            assert_eq!(map.counts, BTreeMap::from([(node, 32)]));
            // Asking brought nothing in.
            assert_eq!(locate(&region).expect("a map").unknown(), 32);
        }
    }

    #[test]
    fn a_wholly_touched_region_is_uniform() {
        let granted = Granted::read(&Root::system()).expect("the live host");
        let node = granted.allowed_nodes().first().expect("a node");
        let policy = MemoryPolicy::Preferred(node);
        let region = Region::new(&granted, 3 << 20, Pages::Thp, &policy)
            .or_else(|_| Region::new(&granted, 3 << 20, Pages::Base, &policy))
            .expect("a region");
        assert_eq!(locate(&region).expect("a map").unknown(), region.page_count() as u64);
        region.words().iter().step_by(512).for_each(|word| word.store(1, Relaxed));
        let map = locate(&region).expect("a map");
        assert_eq!((map.uniform(), map.source), (Some(node), MapSource::MovePages));
        assert_eq!(map.moved_since(&map), 0);
    }

    #[test]
    fn numa_maps_is_summed_inside_the_range_only() {
        let text = "7f0000000000 bind:0 anon=26 dirty=26 active=0 N0=24 N3=2 kernelpagesize_kB=4\n\
                    7f0000400000 default anon=1 N0=1 kernelpagesize_kB=4\n7f0000800000 default\n";
        assert_eq!(numa_maps_counts(text, 0x7f0000000000..0x7f0000400000), BTreeMap::from([(0, 24), (3, 2)]));
        assert_eq!(numa_maps_counts(text, 0x7f0000000000..0x7f0000900000), BTreeMap::from([(0, 25), (3, 2)]));
        assert_eq!(numa_maps_counts(text, 0..1), BTreeMap::new());
    }

    #[test]
    fn a_bind_that_did_not_hold_is_an_error() {
        let map = PageMap {
            page_bytes: 4096,
            nodes: vec![1, 1, 1, 0, UNKNOWN],
            source: MapSource::MovePages,
            counts: BTreeMap::from([(0, 1), (1, 3)]),
        };
        let check = |policy: &str, expect: Option<&str>| {
            let found = map.check_bound(&policy.parse().expect("a policy")).err().map(|error| error.to_string());
            assert_eq!(found.as_deref().map(|text| text.split(';').next().unwrap_or_default()), expect, "{policy}");
        };
        check("bind:1", Some("bind to node 1: 5 pages asked, 3 found there and 1 on node 0"));
        check("bind:0-1", None);
        check("preferred:1", None);
    }

    #[test]
    fn nodes_are_made_up_only_where_no_page_is_known() {
        let check = |nodes: &[i16], counts: &[(u32, u64)], expect: Option<Vec<i16>>| {
            let counts = counts.iter().copied().collect();
            let map = PageMap { page_bytes: 4096, nodes: nodes.to_vec(), source: MapSource::NumaMaps, counts };
            assert_eq!(map.made_up_nodes(), expect, "{nodes:?} {:?}", map.counts);
        };
        check(&[UNKNOWN; 5], &[(0, 1), (3, 3)], Some(vec![0, 3, 3, 3, UNKNOWN]));
        check(&[UNKNOWN; 2], &[(0, 1), (3, 3)], Some(vec![0, 3]));
        check(&[UNKNOWN; 2], &[], None);
        check(&[0, UNKNOWN], &[(0, 1)], None);
    }

    #[test]
    fn moved_pages_are_those_known_on_both_sides() {
        let map = |nodes: &[i16]| PageMap {
            page_bytes: 4096,
            nodes: nodes.to_vec(),
            source: MapSource::MovePages,
            counts: BTreeMap::new(),
        };
        assert_eq!(map(&[0, 1, 1, UNKNOWN]).moved_since(&map(&[0, 0, UNKNOWN, 0])), 1);
    }
}
