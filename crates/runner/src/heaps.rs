//! The heaps of one sample: mapped, written first by their owners, located before and after the run, and never used again.

use crate::pages::{Classes, HeapPages, Move, Moving};
use crate::pool::{Pool, part};
use crate::workload::{PRIVATE, SHARED, Work};
use host::locate::PageMap;
use host::{Granted, Region};
use plan::place::{Toucher, confined};
use plan::point::Point;
use plan::policy::MemoryPolicy;
use plan::set::NodeSet;
use plan::workload::Pages;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

/// One heap for each worker and one for all; `None` where it has no bytes.
#[derive(Debug)]
pub(crate) struct Heaps {
    private: Vec<Option<Region>>,
    shared: Option<Region>,
}

/// Where the pages of all heaps lie; `None` where a heap has none, or where nobody tells.
#[derive(Debug, Clone)]
pub(crate) struct Maps {
    private: Vec<Option<PageMap>>,
    shared: Option<PageMap>,
}

impl Heaps {
    /// Maps all heaps, each private one by its owner; nothing is touched. Warnings about memory go to `notes`.
    pub(crate) fn allocate(
        granted: &Granted,
        pool: &Pool,
        point: &Point,
        notes: &mut Vec<String>,
    ) -> Result<Heaps, String> {
        let need = point.workload.need();
        check_memory(granted, point, notes)?;
        let pages = point.workload.pages();
        let region = |bytes: u64, policy: &MemoryPolicy| match bytes {
            0 => Ok(None),
            _ => Region::new(granted, bytes, pages, policy).map(Some).map_err(|cause| cause.to_string()),
        };
        let workers = &point.placement.workers;
        let private = pool.each(|worker| region(need.private_bytes, &workers[worker].private))?;
        let shared = region(need.shared_bytes, &point.placement.shared.policy)?;
        Ok(Heaps { private, shared })
    }

    /// Writes every line that is used: its own heap each worker, the shared heap as `toucher` says.
    pub(crate) fn touch<W: Work>(&self, pool: &Pool, work: &W, toucher: Toucher) -> Result<(), String> {
        let workers = self.private.len();
        pool.each(|worker| {
            let heaps = self.of(worker);
            work.fill(PRIVATE, heaps[PRIVATE], 0..work.lines(PRIVATE));
            let shared = match (toucher, worker) {
                (Toucher::All, _) => part(work.lines(SHARED), worker, workers),
                (Toucher::FirstWorker, 0) => 0..work.lines(SHARED),
                (Toucher::FirstWorker, _) => 0..0,
            };
            work.fill(SHARED, heaps[SHARED], shared);
            Ok(())
        })?;
        Ok(())
    }

    /// The heaps of a worker, its own and the shared one; empty where there is none.
    pub(crate) fn of(&self, worker: usize) -> [&[AtomicU64]; 2] {
        [&self.private[worker], &self.shared].map(|region| region.as_ref().map_or(&[][..], Region::words))
    }

    /// Asks where all pages lie, in parallel: the private ones by their owners, of the shared heap each worker its part.
    /// What nobody tells goes to `notes`.
    pub(crate) fn locate(&self, pool: &Pool, notes: &mut Vec<String>) -> Result<Maps, String> {
        let locate = |region: &Option<Region>| match region.as_ref().map(host::locate::locate) {
            None => (None, None),
            Some(Ok(map)) => (Some(map), None),
            Some(Err(cause)) => (None, Some(format!("pages not located: {cause}"))),
        };
        let found = pool.each(|worker| {
            let part_of = |region: &Region| {
                let pages = part(region.page_count() as u64, worker, self.private.len());
                host::locate::locate_part(region, pages.start as usize..pages.end as usize)
            };
            Ok((locate(&self.private[worker]), self.shared.as_ref().map(part_of)))
        })?;
        let mut maps = Maps { private: Vec::new(), shared: None };
        let mut parts = Vec::new();
        for ((private, note), shared) in found {
            maps.private.push(private);
            notes.extend(note);
            parts.extend(shared);
        }
        let (shared, note) = match (&self.shared, parts.into_iter().collect::<Result<Vec<_>, _>>()) {
            (Some(region), Ok(parts)) => (Some(host::locate::join(region, parts)), None),
            // Parts are told in one way only; the whole in others, too.
            (region, _) => locate(region),
        };
        maps.shared = shared;
        notes.extend(note);
        notes.dedup();
        Ok(maps)
    }

    /// Every heap, the private ones in the order of their owners and then the shared one; `None` where it has no bytes.
    pub(crate) fn all(&self) -> impl Iterator<Item = Option<&Region>> {
        self.private.iter().chain([&self.shared]).map(Option::as_ref)
    }

    /// Gives all memory back, each private heap by its owner, in parallel: the kernel takes about as long to free a page
    /// as to find it, and what is left to the end of the process is freed by one thread.
    pub(crate) fn release(self, pool: &Pool) -> Result<(), String> {
        let Heaps { private, shared } = self;
        let private: Vec<Mutex<Option<Region>>> = private.into_iter().map(Mutex::new).collect();
        let shared = Mutex::new(shared);
        let free = |heap: &Mutex<Option<Region>>| drop(heap.lock().unwrap_or_else(PoisonError::into_inner).take());
        pool.each(|worker| {
            if worker == 0 {
                free(&shared);
            }
            free(&private[worker]);
            Ok(())
        })?;
        Ok(())
    }

    /// Whether every policy still is what was read back when it was set.
    pub(crate) fn check_policies(&self) -> Result<(), String> {
        for region in self.all().flatten() {
            // Where nothing was set there is nothing to have changed.
            if *region.policy() == MemoryPolicy::FirstTouch {
                continue;
            }
            let (asked, found) = (region.policy(), region.policy_now().map_err(|cause| cause.to_string())?);
            if found != *asked {
                return Err(format!(
                    "memory policy was {asked} before the run and is {found} after it; the cpuset changed"
                ));
            }
        }
        Ok(())
    }

    /// Share of the heaps' bytes in huge pages.
    pub(crate) fn huge_ratio(&self, notes: &mut Vec<String>) -> Option<f64> {
        let regions = || self.all().flatten();
        let bytes: u64 = regions().map(Region::bytes).sum();
        match Region::huge_bytes_of(regions()) {
            // The last huge page may reach beyond the bytes that were asked for.
            Ok(huge) => (bytes > 0).then(|| (huge as f64 / bytes as f64).min(1.0)),
            Err(cause) => {
                notes.push(format!("huge pages not counted: {cause}"));
                None
            }
        }
    }
}

impl Maps {
    #[cfg(test)]
    pub(crate) fn of(private: Vec<Option<PageMap>>, shared: Option<PageMap>) -> Maps {
        Maps { private, shared }
    }

    /// Fails where a page of a bound heap lies on a node that it was not bound to.
    pub(crate) fn check_bound(&self, point: &Point) -> Result<(), String> {
        let placement = &point.placement;
        let private = self.private.iter().zip(&placement.workers).map(|(map, place)| (map, &place.private));
        for (map, policy) in private.chain([(&self.shared, &placement.shared.policy)]) {
            if let Some(map) = map {
                map.check_bound(placement.effective(policy)).map_err(|cause| cause.to_string())?;
            }
        }
        Ok(())
    }

    /// Pages `(outside the nodes of their policy, all)`: they spilled, since these were full. A private heap without a
    /// policy of its own belongs on its owner's node. Heaps that may lie anywhere are left out.
    pub(crate) fn spilled(&self, point: &Point, memory_nodes: &NodeSet) -> (u64, u64) {
        let placement = &point.placement;
        let nodes = |policy, owner: Option<u32>| match placement.effective(policy) {
            MemoryPolicy::FirstTouch | MemoryPolicy::Local => owner.into_iter().collect(),
            policy => policy.nodes(),
        };
        let private = self.private.iter().zip(&placement.workers);
        let private = private.map(|(map, place)| (map, nodes(&place.private, place.node)));
        let (mut outside, mut all) = (0, 0);
        for (map, nodes) in private.chain([(&self.shared, nodes(&placement.shared.policy, None))]) {
            // Nobody's pages lie on a node without memory.
            let nodes = nodes.intersection(memory_nodes);
            for (node, pages) in map.iter().flat_map(|map| &map.counts).filter(|_| !nodes.is_empty()) {
                all += pages;
                outside += if nodes.contains(*node) { 0 } else { *pages };
            }
        }
        (outside, all)
    }

    /// Pages of private heaps `(on their owner's node, elsewhere)`; owners whose node is unknown are left out.
    pub(crate) fn private_pages(&self, owner_nodes: &[Option<u32>]) -> Option<(u64, u64)> {
        let mut found = None;
        for (map, owner) in self.private.iter().zip(owner_nodes) {
            let (Some(map), Some(owner)) = (map, owner) else { continue };
            let (local, remote) = found.get_or_insert((0, 0));
            for (node, pages) in &map.counts {
                *(if node == owner { &mut *local } else { &mut *remote }) += pages;
            }
        }
        found
    }

    /// Of every heap, as [`Heaps::all`].
    pub(crate) fn all(&self) -> impl Iterator<Item = Option<&PageMap>> {
        self.private.iter().chain([&self.shared]).map(Option::as_ref)
    }

    /// Whether of some heap only the number of pages on each node is known.
    pub(crate) fn has_only_counts(&self) -> bool {
        self.all().flatten().any(|map| map.made_up_nodes().is_some())
    }

    /// Pages that lie on another node than in an earlier map; `None` where a map is missing or only has counts.
    pub(crate) fn moved_since(&self, earlier: &Maps) -> Option<u64> {
        if self.has_only_counts() || earlier.has_only_counts() {
            return None;
        }
        let pairs = self.all().zip(earlier.all()).filter(|(now, then)| now.is_some() || then.is_some());
        pairs.map(|(now, then)| now.zip(then).map(|(now, then)| now.moved_since(then))).sum()
    }

    /// Classes of the pages of a worker's heaps, by this map and a later one. Where only the number of pages on each node is
    /// known, `uniform` touches may be counted as if it were known which ones.
    pub(crate) fn pages(&self, later: &Maps, worker: usize, classes: &Classes, uniform: bool) -> [HeapPages; 2] {
        let nodes = |map: &'_ PageMap| match map.made_up_nodes() {
            Some(made_up) if uniform => made_up,
            _ => map.nodes.clone(),
        };
        let heap = |what, before: &Option<PageMap>, after: &Option<PageMap>| match (before, after) {
            (Some(before), Some(after)) => {
                let pairs = nodes(before).into_iter().zip(nodes(after));
                HeapPages::new(
                    classes,
                    what,
                    before.page_bytes,
                    pairs.map(|(before, after)| (node(before), node(after))),
                )
            }
            _ => HeapPages::none(classes),
        };
        let private = heap(Moving::PrivatePage, &self.private[worker], &later.private[worker]);
        [private, heap(Moving::SharedPage, &self.shared, &later.shared)]
    }

    /// Pages that lie on another node in a later map, of both kinds of heaps.
    pub(crate) fn moves<'a>(&'a self, later: &'a Maps) -> impl Iterator<Item = Move> + 'a {
        let private = self.private.iter().zip(&later.private).map(|maps| (Moving::PrivatePage, maps));
        let heaps = private.chain([(Moving::SharedPage, (&self.shared, &later.shared))]);
        heaps.filter_map(|(what, (before, after))| Some((what, before.as_ref()?, after.as_ref()?))).flat_map(
            |(what, before, after)| {
                let moved = before.nodes.iter().zip(&after.nodes).filter(|(before, after)| before != after);
                moved.filter_map(move |(&from, &to)| Some(Move::new(what, node(from)?, node(to)?)))
            },
        )
    }

    /// Every node that holds a page.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = u32> + '_ {
        self.all().flatten().flat_map(|map| map.counts.keys().copied())
    }
}

/// The node of a page, where it is told.
pub(crate) fn node(told: i16) -> Option<u32> {
    u32::try_from(told).ok()
}

/// Compares what will be touched with what the nodes have. What is bound must fit its nodes; the rest may spill.
fn check_memory(granted: &Granted, point: &Point, notes: &mut Vec<String>) -> Result<(), String> {
    let (need, root) = (point.workload.need(), host::Root::system());
    if let Pages::Hugetlb(page_bytes) = point.workload.pages() {
        let private = point.placement.workers.iter().map(|place| (&place.private, need.private_bytes));
        let heaps = private.chain([(&point.placement.shared.policy, need.shared_bytes)]);
        let pages: Vec<(NodeSet, u64)> = heaps
            .map(|(policy, bytes)| (point.placement.effective(policy).nodes(), bytes.div_ceil(page_bytes)))
            .map(
                |(nodes, pages)| {
                    if nodes.is_empty() { (granted.allowed_nodes().clone(), pages) } else { (nodes, pages) }
                },
            )
            .collect();
        for (nodes, pages) in confined(pages.iter().map(|(nodes, pages)| (nodes, *pages))) {
            host::memory::check_huge_pages(&root, page_bytes, &nodes, pages).map_err(|cause| cause.to_string())?;
        }
        return Ok(());
    }
    let bound = point.placement.bound(need);
    host::memory::check_bound(&root, &bound).map_err(|cause| cause.to_string())?;
    let bound_to =
        |node: u32| bound.iter().find(|(nodes, _)| *nodes == NodeSet::of(node)).map_or(0, |(_, bytes)| *bytes);
    let soft: Vec<(u32, u64)> =
        point.bytes_on_node.iter().map(|&(node, bytes)| (node, bytes.saturating_sub(bound_to(node)))).collect();
    let shortages = host::memory::shortages(&root, &soft);
    notes.extend(shortages.iter().map(|shortage| format!("memory: {shortage}")));
    Ok(())
}
