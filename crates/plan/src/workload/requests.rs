//! `requests`: many live tasks serve short requests, in a closed loop or as they arrive (article, section 4.1). It has no heaps.
//! Keys and columns; `runner/src/workload/requests/` runs it.

use super::heapless::{check_ranges, metric, no_heaps, too_many_threads};
use super::{Scope, Spec};
use crate::PlanError;
use crate::experiment::{RAYON, THREADS};
use crate::record::Column;
use crate::text::words;
use serde::{Deserialize, Serialize};

/// As of a storm.
const TASKS_MOST: i64 = 10_000_000;
/// A second.
const WORK_NS_MOST: i64 = 1_000_000_000;
/// More than any dispatcher hands out.
const RATE_MOST: f64 = 1e7;
/// Of an open loop, where a file has neither a rate nor a load.
const RATE_PER_S: f64 = 10_000.0;
/// Beyond it a queue only grows, and what its requests wait says how long the sample was; such a load shows what is served then.
const LOAD_MOST: f64 = 10.0;
/// A task's start and end, as of a storm.
const TASK_NS: f64 = 600.0;

words! {
    /// When a request is there to be served.
    Loop {
        /// Each task begins its next one when it has served the one before and yielded.
        Closed = "closed",
        /// They arrive as a Poisson stream, whatever is served, and the tasks take them from a queue.
        Open = "open",
    }
}

/// `[workload]` of kind `requests` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestsFile {
    /// Live tasks.
    pub tasks: i64,
    /// Length of the empty loop that serves a request.
    pub work_ns: i64,
    /// When a request is there.
    #[serde(rename = "loop")]
    pub looped: Loop,
    /// Arrivals a second, of an open loop.
    pub rate_per_s: Perhaps,
    /// The same, as a share of what the processors could serve if all their time were work.
    pub load: Perhaps,
}

/// A number, or `"none"`: another key says it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Perhaps(pub Option<f64>);

impl Serialize for Perhaps {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(number) => serializer.serialize_f64(number),
            None => serializer.serialize_str("none"),
        }
    }
}

impl<'de> Deserialize<'de> for Perhaps {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::Float(number) => Ok(Perhaps(Some(number))),
            toml::Value::Integer(number) => Ok(Perhaps(Some(number as f64))),
            toml::Value::String(text) if text == "none" => Ok(Perhaps(None)),
            other => Err(serde::de::Error::custom(format!("{other} is neither a number nor \"none\""))),
        }
    }
}

impl Default for RequestsFile {
    fn default() -> Self {
        RequestsFile {
            tasks: 100,
            work_ns: 10_000,
            looped: Loop::Closed,
            rate_per_s: Perhaps(None),
            load: Perhaps(None),
        }
    }
}

/// `requests` with every key resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// Live tasks.
    pub tasks: u64,
    /// Length of the empty loop that serves a request.
    pub work_ns: u64,
    /// Arrivals a second; `None`: a closed loop.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rate_per_s: Option<f64>,
    /// The load that the rate at a point follows from; `None`: a rate of its own, or a closed loop.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub load: Option<f64>,
}

impl Requests {
    /// With the rate that its load comes to where workers have so many PUs at a time.
    pub(crate) fn at(&self, busy_pus: u32) -> Requests {
        let rate = |load: f64| load * f64::from(busy_pus) * 1e9 / self.work_ns as f64;
        Requests { rate_per_s: self.load.map(rate).or(self.rate_per_s), ..self.clone() }
    }
}

impl RequestsFile {
    /// What requests are measured by, in the order in which `runner` fills it in.
    pub const METRICS: &'static [Column] = &[
        metric(
            "latency_p50_ns",
            "ns",
            "Time until a request is served, the median: closed, from the end of the task's request before; open, from its intended arrival.",
        ),
        metric("latency_p99_ns", "ns", "The same, one in a hundred takes longer; from 368 requests on."),
        metric("latency_p999_ns", "ns", "The same, one in a thousand takes longer; from 3688 requests on."),
        metric("latency_max_ns", "ns", "The same, the longest."),
        metric(
            "pause_ratio",
            "ratio",
            "Share of the time in which the runtime's collector had stopped the world; of Go, 0 where no cycle ended meanwhile.",
        ),
        metric(
            "gc_ratio",
            "ratio",
            "Share of the processors' time in the collector, by the runtime's own estimate; of Go, empty where no cycle ended, 0 where the collector is off.",
        ),
        metric("served_ratio", "ratio", "Requests served / requests that were due by the end; of an open loop."),
        metric(
            "unserved_ratio",
            "ratio",
            "Tasks that served no request in the whole sample / tasks; of a closed loop. Above 0 there were fewer live tasks than it says.",
        ),
    ];

    /// # Errors
    /// As [`RequestsFile::check`].
    pub fn resolve(&self, _: Scope<'_>) -> Result<Requests, PlanError> {
        self.check()?;
        let [tasks, work_ns] = [self.tasks, self.work_ns].map(i64::unsigned_abs);
        let is_open = self.looped == Loop::Open;
        let load = self.load.0.filter(|_| is_open);
        let rate_per_s = (is_open && load.is_none()).then(|| self.rate_per_s.0.unwrap_or(RATE_PER_S));
        Ok(Requests { tasks, work_ns, rate_per_s, load })
    }

    /// Refuses values that can work on no machine.
    ///
    /// # Errors
    /// `Impossible` with the key and its range.
    pub fn check(&self) -> Result<(), PlanError> {
        check_ranges(&[("tasks", self.tasks, 1..=TASKS_MOST), ("work_ns", self.work_ns, 0..=WORK_NS_MOST)])?;
        let refuse = |key: &str, found: f64, must: String| {
            Err(PlanError::Impossible { section: "workload", key: key.into(), found: found.to_string(), must })
        };
        for (key, found, most) in [("rate_per_s", self.rate_per_s, RATE_MOST), ("load", self.load, LOAD_MOST)] {
            match found.0 {
                Some(found) if !(found > 0.0 && found <= most) => {
                    return refuse(key, found, format!("be a number above 0 and at most {most}"));
                }
                _ => {}
            }
        }
        match (self.load.0, self.rate_per_s.0) {
            (Some(load), Some(_)) => refuse("load", load, "stand alone: load and rate_per_s say the same".into()),
            (Some(load), None) if self.work_ns == 0 => refuse("load", load, "be of work_ns above 0".into()),
            _ => Ok(()),
        }
    }
}

impl Spec for Requests {
    no_heaps!(RequestsFile::METRICS);

    fn makes_garbage(&self) -> bool {
        true
    }

    fn whole_seconds(&self, procs: u32) -> f64 {
        // One request of each task.
        let tasks = self.tasks as f64;
        let served = tasks * (TASK_NS + self.work_ns as f64) / f64::from(procs.max(1)) / 1e9;
        self.rate_per_s.map_or(served, |rate| served.max(tasks / rate))
    }

    fn refuses_procs(&self, procs: u32) -> Option<String> {
        // At a point its rate is known; before, nobody asks.
        let (load, rate) = (self.load?, self.rate_per_s?);
        (rate > RATE_MOST).then(|| {
            format!("a load of {load} with {procs} procs is {rate:.0} arrivals a second here; at most {RATE_MOST}, set a longer work_ns")
        })
    }

    fn refuses(&self, subject: &str) -> Option<String> {
        if subject == RAYON && (self.rate_per_s.is_some() || self.load.is_some()) {
            return Some("rayon has no timers: who waits for the next arrival would keep a thread".into());
        }
        too_many_threads(subject == THREADS, self.tasks)
    }
}
