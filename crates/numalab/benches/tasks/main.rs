//! What a task costs on our scheduler, in pairs with its peers: `make bench-tasks`, or `scripts/bench-tasks ITEM…`.
//! See ../README.md.

#[expect(dead_code, reason = "the other bench uses the rest")]
#[path = "../cost/pairs.rs"]
mod pairs;

use pairs::{Failed, Line, Pairs, Unit, print_titles};
use std::process::{Command, ExitCode};

const CHECK_SAID_NO: u8 = 3;
const ITEMS: [&str; 8] = ["storm", "storm-global", "spawnjoin", "spawn", "pingpong", "wake", "stop", "memory"];
/// An odd number: the median is one that was measured.
const PAIRS: usize = 9;
const PEERS: [&str; 6] = ["go", "tokio", "smol", "rayon", "may", "polls"];

/// Programs of subjects/, as `scripts/bench-tasks` built them; no Go program where there is no Go.
struct Programs {
    rust: String,
    go: Option<String>,
}

/// One operation at one size.
#[derive(Clone, Copy)]
struct Case {
    item: &'static str,
    processors: usize,
    tasks: usize,
    /// Of what the program prints: 0, but 1 for the p99 of `stop`.
    figure: usize,
}

fn main() -> ExitCode {
    // Cargo hands on its own `--bench`.
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let Some(unknown) = asked.iter().find(|item| !ITEMS.contains(&item.as_str())) {
        eprintln!("bench-tasks: no item \"{unknown}\"; known: {known}", known = ITEMS.join(", "));
        return ExitCode::from(2);
    }
    let (Ok(rust), go) = (std::env::var("NUMALAB_SUBJECTS"), std::env::var("NUMALAB_GO_TASKS").ok()) else {
        eprintln!("bench-tasks: scripts/bench-tasks builds the programs and says where they are; run that");
        return ExitCode::from(2);
    };
    match all(&asked, &Programs { rust, go }) {
        Ok(lines) if lines.iter().any(Line::fails) => ExitCode::from(CHECK_SAID_NO),
        Ok(_) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("bench-tasks: {cause}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what is asked, all where nothing is.
fn all(asked: &[String], programs: &Programs) -> Result<Vec<Line>, Failed> {
    print_load();
    print_titles();
    let mut lines = Vec::new();
    for case in cases().filter(|case| asked.is_empty() || asked.iter().any(|item| item == case.item)) {
        for peer in PEERS.into_iter().filter(|peer| case.item != "storm-global" || *peer == "go") {
            let Some(pairs) = against(programs, case, peer)? else { continue };
            let unit = if case.item == "memory" { Unit::Bytes } else { Unit::Ns };
            let line = pairs.line(&case.name(peer), unit, target(case, peer))?;
            line.print();
            lines.push(line);
        }
    }
    if asked.is_empty() || asked.iter().any(|item| item == "storm") {
        let line = flatness(programs)?;
        line.print();
        lines.push(line);
    }
    if programs.go.is_none() {
        println!("Go: not testable here, no toolchain was found; see scripts/bench-tasks");
    }
    print_load();
    Ok(lines)
}

fn cases() -> impl Iterator<Item = Case> {
    let of = |item, processors, tasks| Case { item, processors, tasks, figure: 0 };
    let sizes = || [1, 2].into_iter().flat_map(|p| [100, 1000, 5000, 20_000].map(|n| (p, n)));
    let storms = ["storm", "storm-global"].into_iter().flat_map(move |item| sizes().map(move |(p, n)| of(item, p, n)));
    let others =
        ["spawnjoin", "spawn", "pingpong", "wake"].into_iter().flat_map(move |item| [1, 2].map(|p| of(item, p, 1)));
    // As many busy tasks as processors.
    let stops = [0, 1].map(|figure| Case { item: "stop", processors: 2, tasks: 2, figure });
    storms.chain(others).chain(stops).chain([of("memory", 2, 100_000)])
}

impl Case {
    /// Ours, with yields to the global queue where the item says so, and the operation that programs know.
    fn ours(self) -> (&'static str, Case) {
        match self.item {
            "storm-global" => ("gmp-global", Case { item: "storm", ..self }),
            _ => ("gmp", self),
        }
    }

    fn name(self, peer: &str) -> String {
        let Case { item, processors, tasks, figure } = self;
        let what = match item {
            "storm" => format!("yield in a storm of {tasks}"),
            "storm-global" => format!("yield to the global queue in a storm of {tasks}"),
            "spawnjoin" => "spawn and join, one by one".into(),
            "spawn" => "spawn many, wait for all".into(),
            "pingpong" => "ping-pong over channels, a round trip".into(),
            "wake" => "wake 20000 waiting tasks, each".into(),
            "stop" => format!("stopping the world, both busy: {p}", p = ["p50", "p99"][figure]),
            _ => "memory of a waiting task".into(),
        };
        format!("{what}; P = {processors}; gmp / {peer}")
    }
}

/// Targets of the suite; `None` is for comparison only.
fn target(case: Case, peer: &str) -> Option<f64> {
    let target = match (case.item, peer) {
        ("storm" | "storm-global", "go") => 0.2,
        ("storm", "tokio") if case.processors == 1 || case.tasks >= 1000 => 0.5,
        ("spawnjoin", "go") => 0.5,
        ("spawnjoin", "tokio") => 1.0,
        ("spawn", "go" | "tokio") => 0.5,
        ("pingpong" | "wake", "go") => 0.5,
        ("pingpong" | "wake", "tokio") => 0.8,
        ("stop", "go") => [0.2, 0.5][case.figure],
        ("memory", "go") => 0.25,
        _ => return None,
    };
    Some(target)
}

/// Pairs of processes; `None` where the peer lacks the operation, or its toolchain.
fn against(programs: &Programs, case: Case, peer: &str) -> Result<Option<Pairs>, Failed> {
    let (ours, case) = case.ours();
    let theirs = || match peer {
        "go" => programs.go.as_ref().map_or(Ok(None), |go| run(go, None, case)),
        _ => run(&programs.rust, Some(peer), case),
    };
    if theirs()?.is_none() {
        return Ok(None);
    }
    let measured = |figure: Option<f64>| figure.ok_or_else(|| Failed::from("a program that measured measures no more"));
    let ours = || run(&programs.rust, Some(ours), case).and_then(measured);
    Ok(Some(pairs::measure(PAIRS, ours, || theirs().and_then(measured))?))
}

/// The largest storm against the smallest, ours alone.
fn flatness(programs: &Programs) -> Result<Line, Failed> {
    let storm = |tasks| {
        let case = Case { item: "storm", processors: 1, tasks, figure: 0 };
        run(&programs.rust, Some("gmp"), case)?.ok_or_else(|| Failed::from("gmp has a storm"))
    };
    let pairs = pairs::measure(PAIRS, || storm(20_000), || storm(100))?;
    pairs.line("yield in a storm of 20000 / of 100; P = 1; gmp", Unit::Ns, Some(1.3))
}

/// One process: the median of its repetitions, or one of the two figures of `stop`.
fn run(program: &str, subject: Option<&str>, case: Case) -> Result<Option<f64>, Failed> {
    let output = Command::new(program)
        .args(subject)
        .args([case.item, &case.processors.to_string(), &case.tasks.to_string()])
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} {item}: {status}: {said}", item = case.item, status = output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    if text.trim() == "none" {
        return Ok(None);
    }
    let figures = text.lines().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let figure = match case.item {
        "stop" => *figures.get(case.figure).ok_or("stop prints two figures")?,
        _ => stats::quantile::quantile(&figures, 0.5)?,
    };
    Ok(Some(figure))
}

/// A bench on a busy machine measures its neighbours.
fn print_load() {
    if let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
        println!("load average {load}", load = load.trim());
    }
}
