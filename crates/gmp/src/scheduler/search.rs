//! Stealing: in which order an idle processor visits the others, and what it takes.

use super::core::Core;
use super::counts::Count;
use super::local::Local;
use super::slots::NONE;
use super::switches::{StealOrder, Switches};
use crate::sync::Ordering;
use crate::world::Notice;

/// A round waits for as many as 2^10 turns of an empty loop, a few microseconds; more rounds do not make it longer.
const LONGEST_ROUND: u32 = 10;

/// The processors that `number` visits, in groups: within a group from a random one on, groups in order.
pub(crate) fn victims(number: usize, switches: &Switches) -> Vec<Vec<usize>> {
    let others = (0..switches.processors.get()).filter(|&other| other != number);
    match switches.steal_order {
        StealOrder::Random => vec![others.collect()],
        // A group each leaves nothing to chance.
        StealOrder::Reverse => others.rev().map(|other| vec![other]).collect(),
        StealOrder::NearFirst => {
            let own = switches.seat(number);
            let rank = |other: usize| {
                let seat = switches.seat(other);
                (switches.distance(number, other), seat.node != own.node, seat.llc != own.llc)
            };
            let mut groups = std::collections::BTreeMap::<_, Vec<usize>>::new();
            for other in others {
                groups.entry(rank(other)).or_default().push(other);
            }
            groups.into_values().collect()
        }
    }
}

/// Goes round the other processors and the global queue; `None` where nothing was found or enough others search.
pub(crate) fn search(core: &Core, local: &mut Local) -> Option<u32> {
    let processors = u32::try_from(core.processors.len()).expect("fewer than 2^32 processors");
    if processors == 1 || core.is_closing() {
        return None;
    }
    if !local.searching {
        if !core.idle.begin_search(processors) {
            return None;
        }
        local.searching = true;
    }
    let polls_before: Vec<u64> = (0..core.processors.len()).map(|other| core.polls(other)).collect();
    for round in 1..=core.switches.spin_rounds.max(1) {
        if let super::local::InWorld::Member(member) = &mut local.world
            && let Some(Notice::Stop) = member.poll()
        {
            member.park(&mut ());
        }
        if let Some(task) = visit_all(core, local) {
            return Some(task);
        }
        if let Some(task) = core.take_global(local, true) {
            core.count(local, Count::FromGlobal, 1);
            return Some(task);
        }
        core.count(local, Count::EmptyRounds, 1);
        for _ in 0..1_u32 << round.min(LONGEST_ROUND) {
            std::hint::spin_loop();
        }
    }
    steal_next(core, local, &polls_before)
}

fn visit_all(core: &Core, local: &mut Local) -> Option<u32> {
    for group in &core.processors[local.number].victims {
        let from = local.random_below(group.len());
        for at in 0..group.len() {
            let victim = group[(from + at) % group.len()];
            let stolen = core.processors[victim].ring.steal(core.switches.steal_amount, &mut local.ring);
            if let Some((task, count)) = stolen {
                count_steal(core, local, victim, count);
                return Some(task);
            }
        }
    }
    None
}

/// What a processor means to run next is left to it, unless it began no task in all the rounds.
fn steal_next(core: &Core, local: &mut Local, polls_before: &[u64]) -> Option<u32> {
    for victim in core.processors[local.number].victims.iter().flatten().copied() {
        let processor = &core.processors[victim];
        // A processor of another node that was woken for its own node's task, and is on its way; not one that is in a call.
        let wakes_up = core.switches.numa_aware
            && core.switches.seat(victim).node as usize != local.node
            && processor.current.load(Ordering::Relaxed) == NONE
            && !processor.call.is_taken();
        if !processor.next.is_empty()
            && !wakes_up
            && core.polls(victim) == polls_before[victim]
            && let Some(task) = processor.next.take()
        {
            count_steal(core, local, victim, 1);
            return Some(task);
        }
    }
    None
}

fn count_steal(core: &Core, local: &Local, victim: usize, tasks: u32) {
    let (own, other) = (core.switches.seat(local.number), core.switches.seat(victim));
    let class = if own.node != other.node {
        Count::StolenRemote
    } else if own.llc != other.llc {
        Count::StolenNode
    } else {
        Count::StolenLlc
    };
    core.count(local, class, u64::from(tasks));
    let distance = core.switches.distance(local.number, victim);
    core.count(local, Count::StolenDistance, u64::from(tasks) * u64::from(distance));
    core.count(local, Count::FromStolen, 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::Seat;
    use std::num::NonZeroUsize;

    /// Two nodes of two caches of two processors.
    fn check(order: StealOrder, number: usize, expect: &[&[usize]]) {
        let seats = (0..8).map(|p| Seat { node: p / 4, llc: p / 2 }).collect();
        let distances = vec![vec![10, 21], vec![21, 10]];
        let processors = NonZeroUsize::new(8).expect("not 0");
        let switches = Switches { steal_order: order, seats, distances, ..Switches::new(processors) };
        assert_eq!(victims(number, &switches), expect, "{order:?} of {number}");
    }

    #[test]
    fn thieves_go_by_their_order() {
        check(StealOrder::Random, 2, &[&[0, 1, 3, 4, 5, 6, 7]]);
        check(StealOrder::Reverse, 6, &[&[7], &[5], &[4], &[3], &[2], &[1], &[0]]);
        check(StealOrder::NearFirst, 0, &[&[1], &[2, 3], &[4, 5, 6, 7]]);
        check(StealOrder::NearFirst, 5, &[&[4], &[6, 7], &[0, 1, 2, 3]]);
    }
}
