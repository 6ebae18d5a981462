//! Tells the program what it was built from, commit and toolchain, for manifest.json; and the linker where it lies.

use std::process::Command;

fn main() {
    // Cargo's default, any change of this package, would miss a commit that changes another crate.
    // In a worktree git's files lie elsewhere, and a path that is not there would have everything built each time.
    let git = answer("git", &["rev-parse", "--git-path", "HEAD", "--git-path", "index"]).unwrap_or_default();
    for path in git.lines().chain(["../../crates"]) {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rustc-env=NUMALAB_COMMIT={commit}", commit = commit());
    // At a fixed address 15,000 others need not be put right whenever it starts, a process for each sample: a quarter of a
    // millisecond. A wholly static program is linked in another way.
    let cfg = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if cfg("ENV") == "gnu" && !cfg("FEATURE").contains("crt-static") {
        println!("cargo:rustc-link-arg-bin=numalab=-no-pie");
    }
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = answer(&rustc, &["--version"]).unwrap_or_else(|| "unknown".into());
    println!("cargo:rustc-env=NUMALAB_RUSTC={version}");
}

/// Twelve digits of the commit, `-dirty` where the code was changed since; `unknown` outside a repository.
fn commit() -> String {
    let Some(commit) = answer("git", &["rev-parse", "--short=12", "HEAD"]) else { return "unknown".into() };
    // With its lock it would write the index anew, after which the next build would not be up to date.
    let status =
        ["--no-optional-locks", "status", "--porcelain", "--", "../../crates", "../../Cargo.toml", "../../Cargo.lock"];
    let changed = answer("git", &status);
    if changed.is_some_and(|changed| !changed.is_empty()) { format!("{commit}-dirty") } else { commit }
}

fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}
