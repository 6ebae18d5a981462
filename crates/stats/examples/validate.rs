//! `make validate`: our digits beside certified values, one table in Markdown.

#[path = "../tests/nist/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod nist;

use nist::sets;

fn main() {
    println!("| set | start 1 | start 2 | std. errors | RSS | RSS, ours | RSS, certified |");
    println!("|---|---|---|---|---|---|---|");
    for set in sets() {
        let shown: Vec<_> = [1, 2].iter().map(|start| set.solve(*start).map(|minimum| (set.digits(&minimum), minimum.rss))).collect();
        let p = |at: usize| shown[at].map_or("-".into(), |(digits, _)| format!("{:.1}", digits.parameters));
        let second = shown[1].expect("start 2");
        println!("| {} | {} | {} | {:.1} | {:.1} | {:.10e} | {:.10e} |", set.name, p(0), p(1), second.0.std_errors, second.0.rss, second.1, set.rss);
    }
}
