//! Which way is better: one table for all metrics that can be compared.

use plan::claim::NEVER_AVERAGED;
use std::str::FromStr;

/// Which way a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More of it.
    More,
    /// Less of it.
    Less,
}

impl Better {
    /// `more` or `less`.
    pub fn word(self) -> &'static str {
        match self {
            Better::More => "more",
            Better::Less => "less",
        }
    }
}

/// A metric to compare: `throughput_per_s`, or with its direction, `requests_lost:less`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Column of samples.csv.
    pub name: String,
    /// Which way is better.
    pub better: Better,
    /// Whether it is about time: then emulated and modelled samples cannot decide it, nor can disturbed ones.
    pub(crate) time: bool,
}

struct Known {
    name: &'static str,
    better: Better,
    time: bool,
}

const fn known(name: &'static str, better: Better, time: bool) -> Known {
    Known { name, better, time }
}

/// Metrics of every experiment. Left out are the quantiles of a sample's pauses, which are few, and extremes, which are never
/// averaged over samples, and what says something of the host alone (steal). A quantile of the thousands of requests or tasks
/// of one run is a figure of that run, as its mean is, and is compared as such.
const KNOWN: &[Known] = &[
    known("throughput_per_s", Better::More, true),
    known("bandwidth_gb_per_s", Better::More, true),
    known("local_hit_ratio", Better::More, false),
    known("local_package_ratio", Better::More, false),
    known("dram_local_ratio", Better::More, true),
    known("pause_mean_ns", Better::Less, true),
    known("pause_variance_ns2", Better::Less, true),
    known("stopping_mean_ns", Better::Less, true),
    known("latency_p50_ns", Better::Less, true),
    known("latency_p99_ns", Better::Less, true),
    known("latency_p999_ns", Better::Less, true),
    known("served_ratio", Better::More, true),
    known("unserved_ratio", Better::Less, true),
    known("startup_ns", Better::Less, true),
    known("memory_bytes_per_task", Better::Less, false),
    known("reuse_ratio", Better::More, true),
    known("start_p50_ns", Better::Less, true),
    known("start_p99_ns", Better::Less, true),
    known("gc_ratio", Better::Less, true),
    known("storm_ns", Better::Less, true),
    known("yield_ns", Better::Less, true),
    known("first_storm_ns", Better::Less, true),
    known("cost_ns", Better::Less, true),
    known("call_ns", Better::Less, true),
    known("cost_cycles", Better::Less, true),
    known("steal_same_llc_ns", Better::Less, true),
    known("steal_same_node_ns", Better::Less, true),
    known("steal_other_node_ns", Better::Less, true),
    known("os_threads", Better::Less, true),
    known("bump_ns", Better::Less, true),
    known("minor_faults", Better::Less, false),
    known("major_faults", Better::Less, false),
    known("voluntary_switches", Better::Less, true),
    known("involuntary_switches", Better::Less, true),
    known("run_delay_ratio", Better::Less, true),
    known("worker_migrations", Better::Less, true),
    known("pages_migrated", Better::Less, true),
    known("hint_faults", Better::Less, true),
];

impl Asked {
    /// What is compared unless something else is asked.
    pub fn throughput() -> Asked {
        Asked { name: "throughput_per_s".into(), better: Better::More, time: true }
    }
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Asked, String> {
        if let Some((name, better)) = text.split_once(':') {
            let better = match better {
                "more" => Better::More,
                "less" => Better::Less,
                _ => return Err(format!("\"{better}\" is no direction; write {name}:more or {name}:less")),
            };
            // What nobody knows may be about time.
            let time = KNOWN.iter().find(|known| known.name == name).is_none_or(|known| known.time);
            return check(name).map(|name| Asked { name, better, time });
        }
        let name = check(text)?;
        let Some(Known { better, time, .. }) = KNOWN.iter().find(|known| known.name == name) else {
            let known = KNOWN.iter().map(|known| known.name).collect::<Vec<_>>().join(", ");
            return Err(format!(
                "nobody has said which way it is better: write {name}:more or {name}:less; known: {known}"
            ));
        };
        Ok(Asked { name, better: *better, time: *time })
    }
}

fn check(name: &str) -> Result<String, String> {
    match NEVER_AVERAGED.contains(&name) {
        true => {
            Err("pauses' quantiles, and extremes, are never averaged; compare pause_mean_ns or pause_variance_ns2"
                .into())
        }
        false => Ok(name.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_metric_is_one_that_is_summarised() {
        let of_kind = |kind: &&str| plan::workload::WorkloadFile::of_kind(kind).expect("it is known").metrics();
        let own: Vec<&str> = plan::workload::KINDS.iter().flat_map(of_kind).map(|column| column.name).collect();
        for known in KNOWN {
            assert!(crate::SUMMARISED.contains(&known.name) || own.contains(&known.name), "{}", known.name);
        }
        // What is neither compared nor refused was forgotten.
        let left_out = ["local_hit_low", "local_hit_high", "huge_ratio", "steal_ratio"];
        for name in crate::SUMMARISED.iter().filter(|name| !left_out.contains(name)) {
            assert!(KNOWN.iter().any(|known| known.name == *name) || NEVER_AVERAGED.contains(name), "{name}");
        }
    }

    #[test]
    fn a_direction_is_known_or_said() {
        let check = |text: &str, expect: Result<(&str, Better), &str>| {
            match (text.parse::<Asked>(), expect) {
                (Ok(asked), Ok((name, better))) => assert_eq!((asked.name.as_str(), asked.better), (name, better)),
                (Err(why), Err(says)) => assert!(why.contains(says), "{why}"),
                (found, _) => panic!("{text}: {found:?}"),
            };
        };
        check("throughput_per_s", Ok(("throughput_per_s", Better::More)));
        check("pause_mean_ns", Ok(("pause_mean_ns", Better::Less)));
        check("lost:less", Ok(("lost", Better::Less)));
        check("lost", Err("write lost:more or lost:less"));
        check("lost:few", Err("no direction"));
        check("pause_p99_ns", Err("never averaged"));
        check("pause_p99_ns:less", Err("never averaged"));
        assert_eq!("throughput_per_s".parse(), Ok(Asked::throughput()));
    }
}
