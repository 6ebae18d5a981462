//! What a scheduler did, as the JSON that Perfetto and chrome://tracing open: a line for each processor, on it the tasks that
//! it ran, what it made ready, its searches and rests, which thread had it; pauses of the world on a line of their own; how many of
//! what; and how long the queues were, where somebody looked at them (workload `storm`): a counter of the global queue and one of the
//! processors' own, a series for each.
//!
//! Format: "Trace Event Format" of the Chromium project, complete events (`X`), instants (`i`), counters (`C`) and metadata (`M`);
//! times in us. A counter's values hold until its next event.
//! Events of one line may nest and must not overlap: Perfetto drops what does, or moves it elsewhere.

use gmp::scheduler::{Count, Counts, Did, Event, PollEnd, Queues, Trace};
use gmp::world::Pause;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The line of the world's pauses, above all processors.
const WORLD: u32 = u32::MAX;

/// Looks that are kept of one sample: of a machine of 64 processors some 20 MB of JSON, as the events.
const LOOKS_MOST: usize = 16_384;

/// What others saw of a scheduler while it was traced.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// The pauses of its world.
    pub(crate) pauses: Vec<Pause>,
    /// How long its queues were.
    pub(crate) looks: Looks,
}

/// Queue lengths, each with the moment of the look in ns after the scheduler's epoch.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    kept: Vec<(u64, Queues)>,
    lost: u64,
}

impl Looks {
    pub(crate) fn add(&mut self, at_ns: u64, queues: Queues) {
        if self.kept.len() < LOOKS_MOST {
            self.kept.push((at_ns, queues));
        } else {
            self.lost += 1;
        }
    }

    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.kept.len()
    }
}

/// Writes one trace; the epoch of its events, pauses and looks is one and the same.
///
/// # Errors
/// What `out` answers.
pub(crate) fn write_chrome(out: &mut impl Write, trace: &Trace, beside: &Beside, counts: &Counts) -> io::Result<()> {
    let Beside { pauses, looks } = beside;
    let counted: BTreeMap<&str, u64> =
        counts.iter().map(|(count, value): (Count, u64)| (count.name(), value)).collect();
    let other = json!({
        "events": trace.events.len(), "events_lost": trace.lost, "looks": looks.kept.len(), "looks_lost": looks.lost, "counts": counted,
    });
    writeln!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{other},\"traceEvents\":[")?;
    write!(out, "{}", json!({ "ph": "M", "name": "process_name", "pid": 1, "tid": 0, "args": { "name": "gmp" } }))?;
    let mut processors: Vec<u32> = trace.events.iter().map(|event| event.processor).collect();
    processors.sort_unstable();
    processors.dedup();
    for processor in processors {
        write!(out, ",\n{}", named(processor, &format!("processor {processor}")))?;
    }
    for event in &trace.events {
        write!(out, ",\n{}", stretch(event))?;
    }
    if !pauses.is_empty() {
        write!(out, ",\n{}", named(WORLD, "world"))?;
    }
    for pause in pauses {
        let (from, to) = (pause.request_ns, pause.request_ns + pause.total_ns);
        write!(out, ",\n{}", complete("stop the world", WORLD, (from, to), json!({})))?;
    }
    for (at_ns, Queues { local, global }) in &looks.kept {
        let own = local.iter().enumerate().map(|(number, &tasks)| (format!("processor {number}"), tasks.into()));
        write!(out, ",\n{}", counter("global queue", *at_ns, json!({ "tasks": global })))?;
        write!(out, ",\n{}", counter("local queues", *at_ns, Value::Object(own.collect::<Map<_, _>>())))?;
    }
    out.write_all(b"\n]}\n")
}

fn named(line: u32, name: &str) -> Value {
    json!({ "ph": "M", "name": "thread_name", "pid": 1, "tid": line, "args": { "name": name } })
}

fn stretch(event: &Event) -> Value {
    let times = (event.from_ns, event.to_ns);
    match event.did {
        Did::Ran { task, end } => {
            let end = match end {
                PollEnd::Yielded => "yielded",
                PollEnd::Waits => "waits",
                PollEnd::Finished => "finished",
                PollEnd::Panicked => "panicked",
            };
            let args = json!({ "thread": event.thread, "end": end });
            complete(&format!("task {task}"), event.processor, times, args)
        }
        Did::Called { task } => complete(
            &format!("task {task}"),
            event.processor,
            times,
            json!({ "thread": event.thread, "end": "blocks" }),
        ),
        Did::Readied { task } => json!({
            "ph": "i", "s": "t", "name": format!("task {task} is ready"), "pid": 1, "tid": event.processor,
            "ts": us(event.from_ns), "args": { "thread": event.thread },
        }),
        Did::Searched => complete("searches", event.processor, times, json!({ "thread": event.thread })),
        Did::Rested => complete("rests", event.processor, times, json!({ "taken_by_thread": event.thread })),
    }
}

fn complete(name: &str, line: u32, (from_ns, to_ns): (u64, u64), args: Value) -> Value {
    let (ts, dur) = (us(from_ns), us(to_ns.saturating_sub(from_ns)));
    json!({ "ph": "X", "name": name, "pid": 1, "tid": line, "ts": ts, "dur": dur, "args": args })
}

/// The process has counters, no line: the tid is there since every event has one.
fn counter(name: &str, at_ns: u64, series: Value) -> Value {
    json!({ "ph": "C", "name": name, "pid": 1, "tid": 0, "ts": us(at_ns), "args": series })
}

/// Some readers multiply by 1000 and cut off, as Perfetto did before it rounded: of 1001 ns, 1.001 us, they would make 1000, and
/// have the event begin before the one that it follows has ended.
fn us(ns: u64) -> f64 {
    let us = ns as f64 / 1e3;
    if ((us * 1e3) as u64) < ns { us.next_up() } else { us }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_whole_whether_they_are_cut_off_or_rounded() {
        let check = |ns: u64| {
            let read = us(ns) * 1e3;
            assert_eq!((read as u64, read.round() as u64), (ns, ns));
        };
        (0..200_000).for_each(check);
        (0..50).for_each(|bit| (0..100).for_each(|more| check((1 << bit) + more * 1_001)));
    }

    use gmp::scheduler::{Scheduler, Switches, yield_now};
    use std::num::NonZeroUsize;

    #[test]
    fn a_trace_is_json_of_complete_events() {
        let switches = Switches { trace: Some(1000), ..Switches::new(NonZeroUsize::MIN) };
        let scheduler = Scheduler::new(switches).expect("switches that can be");
        let handle = scheduler.handle().clone();
        scheduler.block_on(async { yield_now().await }).expect("it ends");
        handle.pause();
        drop(scheduler);
        let (trace, counts) = (handle.take_trace(), handle.counts());
        let mut beside = Beside { pauses: handle.take_pauses(), looks: Looks::default() };
        beside.looks.add(5_000_001, Queues { local: vec![3, 0], global: 7 });
        let mut out = Vec::new();
        write_chrome(&mut out, &trace, &beside, &counts).expect("a vector takes everything");
        let read: Value = serde_json::from_slice(&out).expect("JSON");
        let events = read["traceEvents"].as_array().expect("a list");
        let named = |name: &str| events.iter().filter(|event| event["name"] == name).count();
        assert_eq!((named("stop the world"), named("process_name"), named("thread_name")), (1, 1, 2));
        let complete = || events.iter().filter(|event| event["ph"] == "X");
        assert_eq!(complete().filter(|event| event["args"]["end"] == "yielded").count(), 1);
        assert_eq!(complete().filter(|event| event["args"]["end"] == "finished").count(), 1);
        assert!(complete().all(|event| event["ts"].is_f64() && event["dur"].is_f64() && event["pid"] == 1));
        assert_eq!(read["otherData"]["counts"]["polls"], 2);
        let counters: Vec<&Value> = events.iter().filter(|event| event["ph"] == "C").collect();
        let expect =
            [("global queue", json!({ "tasks": 7 })), ("local queues", json!({ "processor 0": 3, "processor 1": 0 }))];
        assert_eq!(counters.len(), expect.len());
        for (found, (name, series)) in counters.into_iter().zip(expect) {
            assert_eq!((&found["name"], &found["args"], &found["ts"]), (&json!(name), &series, &json!(us(5_000_001))));
        }
        assert_eq!((&read["otherData"]["looks"], &read["otherData"]["looks_lost"]), (&json!(1), &json!(0)));
    }

    #[test]
    fn looks_have_their_limit() {
        let mut looks = Looks::default();
        (0..LOOKS_MOST as u64 + 3).for_each(|at| looks.add(at, Queues { local: vec![1], global: 0 }));
        assert_eq!((looks.kept.len(), looks.lost, looks.kept[9].0), (LOOKS_MOST, 3, 9));
    }
}
