//! What the PMU counts of a worker's own code, and the two shares that are made of it.

use host::perf::{Event, Group};

/// Loads of the L1 data cache and those that missed; references of the last level and those that missed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Misses {
    l1: Option<(u64, u64)>,
    cache: Option<(u64, u64)>,
}

/// Counters of the calling thread, running from `open` on: two groups, each small enough for any PMU to count at once.
pub(super) struct Counting {
    l1: Result<Group, String>,
    cache: Result<Group, String>,
}

impl Counting {
    /// # Errors
    /// One line that says why there are none at all.
    pub(super) fn open() -> Result<Counting, String> {
        let open = |events: [Event; 2]| {
            Group::open(&events).map_err(|cause| {
                format!(
                    "{first}, {second}: not counted, perf_event_open: {cause}; no PMU here, or kernel.perf_event_paranoid or a filter forbids it",
                    first = events[0].name(),
                    second = events[1].name()
                )
            })
        };
        let l1 = open([Event::L1DataLoads, Event::L1DataLoadMisses]);
        let cache = open([Event::CacheReferences, Event::CacheMisses]);
        match (&l1, &cache) {
            (Err(why), Err(_)) => Err(why.clone()),
            _ => Ok(Counting { l1, cache }),
        }
    }

    /// # Errors
    /// One line, where neither could be read.
    pub(super) fn read(self) -> Result<Misses, String> {
        let read = |group: Result<Group, String>| match group?.read().as_deref() {
            Some(&[all, missed]) => Ok((all, missed)),
            _ => Err("caches: not counted, the PMU was busy with others' counters all the time".to_string()),
        };
        match (read(self.l1), read(self.cache)) {
            (Err(why), Err(_)) => Err(why),
            (l1, cache) => Ok(Misses { l1: l1.ok(), cache: cache.ok() }),
        }
    }
}

/// Loads that missed the L1 / all loads.
pub(super) fn l1_ratio(all: &[Misses]) -> Option<f64> {
    ratio(all.iter().map(|one| one.l1))
}

/// Misses / references of the last level.
pub(super) fn cache_ratio(all: &[Misses]) -> Option<f64> {
    ratio(all.iter().map(|one| one.cache))
}

/// Known only where every worker's is.
fn ratio(counts: impl Iterator<Item = Option<(u64, u64)>>) -> Option<f64> {
    let counts = counts.collect::<Option<Vec<_>>>()?;
    let (all, missed) = counts.iter().fold((0, 0), |(all, missed), one| (all + one.0, missed + one.1));
    (all > 0).then(|| missed as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_workers_together() {
        let one = |l1, cache| Misses { l1, cache };
        let all = [one(Some((100, 10)), Some((10, 5))), one(Some((300, 70)), None)];
        assert_eq!((l1_ratio(&all), cache_ratio(&all)), (Some(0.2), None));
        assert_eq!((cache_ratio(&all[..1]), l1_ratio(&[])), (Some(0.5), None));
    }

    #[test]
    fn what_cannot_be_counted_says_why() {
        match Counting::open().and_then(Counting::read) {
            Ok(misses) => assert!(misses.l1.is_some() || misses.cache.is_some()),
            Err(why) => assert!(!why.is_empty() && !why.contains('\n'), "{why}"),
        }
    }
}
