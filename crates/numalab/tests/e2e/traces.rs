//! Real traces against the rules of the Trace Event Format, as its document and Perfetto's importer have them: what breaks one of
//! them is shown wrongly there, or not at all. Perfetto's own trace processor is no part of the package that PyPI has.

use crate::program::{answer, numalab};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("traces: each of a storm, of requests and of a stopped world obeys the format", real),
        test("traces: the rules find what breaks them", broken),
    ]
}

const STORM: &str = "[workload]\nkind = \"storm\"\nyields = 5\ntasks = 200\n[sweep]\nprocs = [1, 4]\n";
const REQUESTS: &str =
    "[workload]\nkind = \"requests\"\nwork_ns = 5000\nloop = \"open\"\nload = 0.5\n[sweep]\nprocs = [1, 4]\n";
const SERVE: &str = "[workload]\nkind = \"serve\"\nprivate_bytes = \"64KiB\"\nshared_bytes = \"64KiB\"\n[pauses]\nevery = \"5ms\"\n\
                     [sweep]\nprocs = [1, 4]\n";

fn real() -> Result<(), Failed> {
    for (kind, text) in [("storm", STORM), ("requests", REQUESTS), ("serve", SERVE)] {
        let folder = tempfile::tempdir()?;
        let rest = "oversubscribe = \"all\"\nsubject = \"gmp\"\n[[arm]]\nname = \"unbound\"\n[measure]\nseconds = 0.05\nrepetitions = 1\n";
        let file = folder.path().join("x.toml");
        fs::write(&file, format!("name = \"x\"\nquestion = \"What was done?\"\n{text}{rest}"))?;
        let traces = folder.path().join("traces");
        let run =
            numalab().arg("run").arg(&file).arg("--results").arg(folder.path()).arg("--trace").arg(&traces).output()?;
        answer(run).expect_code(0)?;
        for (name, processors) in [("p00.json", 1), ("p01.json", 4)] {
            let trace = read(&traces.join(name))?;
            let found = obeys(&trace).map_err(|why| format!("{kind}, {name}: {why}"))?;
            let events = trace["otherData"]["events"].as_u64().ok_or("no number of events")?;
            let (slices, pauses) = ((found.slices + found.instants) as u64, found.pauses as u64);
            ensure(slices == events + pauses, || {
                format!("{kind}, {name}: {slices} slices and instants, {events} events, {pauses} pauses")
            })?;
            // Two of each look. Only a storm's queues are looked at, every 5 ms, so that it has had one within its 50.
            let looks = trace["otherData"]["looks"].as_u64().ok_or("no number of looks")?;
            ensure(found.counters as u64 == 2 * looks && trace["otherData"]["looks_lost"] == 0, || {
                format!("{kind}, {name}: {} counters of {looks} looks", found.counters)
            })?;
            let tracks: &[(&str, usize)] =
                if kind == "storm" { &[("global queue", 1), ("local queues", processors)] } else { &[] };
            ensure(
                found.series.iter().map(|(name, series)| (name.as_str(), series.len())).eq(tracks.iter().copied()),
                || format!("{kind}, {name}: {:?}", found.series),
            )?;
            ensure((pauses > 0) == (kind == "serve"), || format!("{kind}, {name}: {pauses} pauses"))?;
            // A line for each processor that did something.
            ensure(found.lines >= 1 && events > 100, || {
                format!("{kind}, {name}: {events} events on {} lines", found.lines)
            })?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Value, Failed> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

/// What is in a trace.
struct Found {
    slices: usize,
    instants: usize,
    pauses: usize,
    lines: usize,
    counters: usize,
    /// Names of the series of each counter.
    series: BTreeMap<String, Vec<String>>,
}

/// A slice: begin and end in ns.
type Slice = (u64, u64);

/// A counter up to some event: viewers stack its series, and draw each value up to the next.
struct Counter {
    at: f64,
    events: usize,
    series: Vec<String>,
}

fn obeys(trace: &Value) -> Result<Found, String> {
    let events = trace["traceEvents"].as_array().ok_or("traceEvents is no list")?;
    ensure_word(trace["displayTimeUnit"] == "ns", "displayTimeUnit", trace)?;
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    let mut process = None;
    // As each of the two ways to read a time has it.
    let mut lines: [BTreeMap<u64, Vec<Slice>>; 2] = Default::default();
    let (mut slices, mut instants, mut pauses) = (0, 0, 0);
    let mut counters: BTreeMap<String, Counter> = BTreeMap::new();
    for event in events {
        let whole = |key: &str| event[key].as_u64().filter(|&id| id <= u64::from(u32::MAX));
        let (Some(1), Some(line)) = (whole("pid"), whole("tid")) else { return Err(format!("pid or tid: {event}")) };
        let name = event["name"].as_str().filter(|name| !name.is_empty()).ok_or_else(|| format!("no name: {event}"))?;
        match event["ph"].as_str() {
            Some("M") => {
                let given =
                    event["args"]["name"].as_str().ok_or_else(|| format!("metadata without a name: {event}"))?;
                let twice = match name {
                    "process_name" => process.replace(given.to_string()).is_some(),
                    "thread_name" => names.insert(line, given.to_string()).is_some(),
                    _ => return Err(format!("metadata of no kind that is known: {event}")),
                };
                ensure_word(!twice, "named twice", event)?;
            }
            Some("X") => {
                let time = |key: &str| event[key].as_f64().filter(|us| us.is_finite() && *us >= 0.0);
                let (Some(ts), Some(dur)) = (time("ts"), time("dur")) else {
                    return Err(format!("ts or dur: {event}"));
                };
                let (cut, rounded) = (|us: f64| (us * 1e3) as u64, |us: f64| (us * 1e3).round() as u64);
                lines[0].entry(line).or_default().push((cut(ts), cut(ts) + cut(dur)));
                lines[1].entry(line).or_default().push((rounded(ts), rounded(ts) + rounded(dur)));
                ensure_word(event["args"].is_object(), "args", event)?;
                slices += 1;
                pauses += usize::from(name == "stop the world");
            }
            // An instant: a moment of its line.
            Some("i") => {
                let ts = event["ts"].as_f64().filter(|us| us.is_finite() && *us >= 0.0);
                ensure_word(ts.is_some() && event["s"] == "t", "ts or scope", event)?;
                instants += 1;
            }
            Some("C") => {
                let ts = event["ts"].as_f64().filter(|us| us.is_finite() && *us >= 0.0);
                let ts = ts.ok_or_else(|| format!("ts of a counter: {event}"))?;
                let values = event["args"].as_object().filter(|values| !values.is_empty());
                let values = values.ok_or_else(|| format!("a counter without a series: {event}"))?;
                ensure_word(values.values().all(Value::is_number), "a series that is no number", event)?;
                let series: Vec<String> = values.keys().cloned().collect();
                let counter = counters.entry(name.to_string()).or_insert_with(|| Counter { at: ts, events: 0, series });
                ensure_word(values.keys().eq(&counter.series), "another series than before", event)?;
                ensure_word(counter.at <= ts, "a counter that goes back in time", event)?;
                (counter.at, counter.events) = (ts, counter.events + 1);
            }
            // The format has more; what we write does not, and a test of it would come with it.
            _ => return Err(format!("a phase that is not written: {event}")),
        }
    }
    ensure_word(process.is_some(), "no process is named", trace)?;
    let unnamed = lines[0].keys().find(|line| !names.contains_key(line));
    ensure_word(unnamed.is_none(), &format!("line {unnamed:?} has no name"), &Value::Null)?;
    let empty = names.keys().find(|line| !lines[0].contains_key(line));
    ensure_word(empty.is_none(), &format!("line {empty:?} has a name and no event"), &Value::Null)?;
    for slices in lines.into_iter().flat_map(BTreeMap::into_iter) {
        nest(slices.0, slices.1)?;
    }
    let found = counters.values().map(|counter| counter.events).sum();
    let series = counters.into_iter().map(|(name, counter)| (name, counter.series)).collect();
    Ok(Found { slices, instants, pauses, lines: names.len(), counters: found, series })
}

fn ensure_word(holds: bool, what: &str, event: &Value) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{what}: {event}")) }
}

/// Slices of one line lie in each other or apart: one that begins before another has ended does not end after it.
fn nest(line: u64, mut slices: Vec<Slice>) -> Result<(), String> {
    slices.sort_by_key(|&(from, to)| (from, std::cmp::Reverse(to)));
    let mut open: Vec<Slice> = Vec::new();
    for slice in slices {
        while open.last().is_some_and(|outer| outer.1 <= slice.0) {
            open.pop();
        }
        match open.last() {
            Some(outer) if slice.1 > outer.1 => return Err(format!("line {line}: {slice:?} overlaps {outer:?}")),
            _ => open.push(slice),
        }
    }
    Ok(())
}

fn broken() -> Result<(), Failed> {
    let events = r#"{"displayTimeUnit":"ns","traceEvents":[
        {"ph":"M","name":"process_name","pid":1,"tid":0,"args":{"name":"gmp"}},
        {"ph":"M","name":"thread_name","pid":1,"tid":0,"args":{"name":"processor 0"}},
        {"ph":"X","name":"task 1","pid":1,"tid":0,"ts":1.0,"dur":2.0,"args":{}},
        {"ph":"X","name":"inside","pid":1,"tid":0,"ts":1.0,"dur":1.0,"args":{}},
        {"ph":"X","name":"task 2","pid":1,"tid":0,"ts":3.0,"dur":0.0,"args":{}},
        {"ph":"C","name":"queues","pid":1,"tid":0,"ts":3.5,"args":{"a":1,"b":0}},
        {"ph":"C","name":"queues","pid":1,"tid":0,"ts":4.5,"args":{"a":0,"b":2}}]}"#;
    let obeyed = |found: Found| (found.slices, found.counters) == (3, 2);
    ensure(obeys(&serde_json::from_str(events)?).is_ok_and(obeyed), || "it obeys".into())?;
    for (from, to, why) in [
        ("\"displayTimeUnit\":\"ns\"", "\"displayTimeUnit\":\"s\"", "displayTimeUnit"),
        ("\"ph\":\"X\",\"name\":\"task 2\"", "\"ph\":\"i\",\"name\":\"task 2\"", "ts or scope"),
        ("\"ph\":\"X\",\"name\":\"task 2\"", "\"ph\":\"B\",\"name\":\"task 2\"", "a phase that is not written"),
        ("\"pid\":1,\"tid\":0,\"ts\":3.0", "\"tid\":0,\"ts\":3.0", "pid or tid"),
        ("\"tid\":0,\"ts\":3.0", "\"tid\":-1,\"ts\":3.0", "pid or tid"),
        ("\"tid\":0,\"ts\":3.0", "\"tid\":7,\"ts\":3.0", "line Some(7) has no name"),
        ("\"ts\":3.0", "\"ts\":-3.0", "ts or dur"),
        (",\"dur\":0.0", "", "ts or dur"),
        ("\"ts\":4.5", "\"ts\":2.5", "goes back in time"),
        (",\"ts\":4.5", "", "ts of a counter"),
        ("{\"a\":0,\"b\":2}", "{}", "a counter without a series"),
        ("{\"a\":0,\"b\":2}", "{\"a\":0,\"b\":\"2\"}", "no number"),
        ("{\"a\":0,\"b\":2}", "{\"a\":0}", "another series than before"),
        ("\"name\":\"task 2\"", "\"name\":\"\"", "no name"),
        ("thread_name", "process_name", "named twice"),
        ("thread_name", "thread_title", "metadata of no kind"),
        (",\"args\":{\"name\":\"processor 0\"}", "", "metadata without a name"),
        ("\"ts\":3.0,\"dur\":0.0", "\"ts\":2.999,\"dur\":1.0", "line 0: (2999, 3999) overlaps (1000, 3000)"),
    ] {
        let changed = events.replacen(from, to, 1);
        ensure(changed != events, || format!("{from} is not there"))?;
        let found = obeys(&serde_json::from_str(&changed)?);
        ensure(found.as_ref().is_err_and(|found| found.contains(why)), || format!("not {why}: {:?}", found.err()))?;
    }
    Ok(())
}
