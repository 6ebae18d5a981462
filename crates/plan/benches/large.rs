//! Time of `plan()` for the largest machine that is promised: 2,048 PUs x 64 procs x 5 arms within 50 ms.
//!
//! `cargo bench -p plan`. Exits with 3 where the fastest of ten runs takes longer.

#[path = "../tests/machines/mod.rs"]
mod machines;

use machines::machine;
use plan::experiment::{Overrides, parse_experiment};
use plan::topology::Conditions;
use std::time::Instant;

const TARGET_MS: f64 = 50.0;

const ARMS: &str = r#"
[[arm]]
name = "unbound"
[[arm]]
name = "strict"
process = { cpus = "node:0", memory = "bind:0" }
[[arm]]
name = "close"
cpus = "close"
private = "local"
shared = "interleave:workers"
smt = "last-in-node"
[[arm]]
name = "spread"
cpus = "spread"
private = "local"
shared = "interleave:workers"
smt = "last"
[[arm]]
name = "interleave"
cpus = "close"
private = "interleave:all"
shared = "interleave:all"
smt = "pack"
"#;

fn main() {
    let topology = machine(16, 64, 2);
    let fastest = ["1..=64", "32..=2048 step 32"].map(|procs| {
        let text = format!(
            "name = \"x\"\nquestion = \"?\"\n[workload]\nkind = \"serve\"\n[sweep]\nprocs = \"{procs}\"\noversubscribe = \"all\"\n{ARMS}"
        );
        let file = parse_experiment("x.toml", &text).expect("the file is sound");
        let times = (0..10).map(|_| {
            let start = Instant::now();
            let plan = plan::plan(&file, &Overrides::default(), &topology, &Conditions::ideal()).expect("it plans");
            let elapsed_ms = start.elapsed().as_secs_f64() * 1e3;
            assert_eq!(plan.points.len() + plan.skipped.len(), 5 * 64);
            elapsed_ms
        });
        let fastest_ms = times.fold(f64::INFINITY, f64::min);
        println!("plan: 2048 PUs, procs {procs}, 5 arms: {fastest_ms:.2} ms (target {TARGET_MS} ms)");
        fastest_ms
    });
    if fastest.iter().any(|&fastest_ms| fastest_ms > TARGET_MS) {
        std::process::exit(3);
    }
}
