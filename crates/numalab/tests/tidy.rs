//! Invariants of the tree itself: arrows between crates, lengths of files, where `unsafe` lives, tables that documents hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom: the table of crates/README.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("libnuma-sys", &[]),
    ("plan", &[]),
    ("stats", &[]),
    ("host", &["plan", "libnuma-sys"]),
    ("gmp", &["plan"]),
    ("model", &["plan", "stats"]),
    ("report", &["plan", "stats"]),
    ("runner", &["plan", "stats", "host", "model", "gmp"]),
    ("numalab", &["plan", "stats", "host", "model", "gmp", "report", "runner"]),
];

/// A longer file is a crowded room.
const LINES_MOST: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}", path = path.display()))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of ours can be listed").flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    rust_files(&root().join("crates"), &mut found);
    assert!(found.len() > 20, "the walk found only {} files", found.len());
    found
}

#[test]
fn arrows_go_down() {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for entry in fs::read_dir(root().join("crates")).expect("crates/ can be listed").flatten() {
        if !entry.path().join("Cargo.toml").exists() {
            continue;
        }
        let name = entry.file_name().into_string().expect("crate names are ASCII");
        let may = allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in crates/README.md's table"));
        let manifest: toml::Table = read(&entry.path().join("Cargo.toml")).parse().expect("cargo read it already");
        let used = manifest.get("dependencies").and_then(|table| table.as_table()).cloned().unwrap_or_default();
        for dependency in used.keys().filter(|used| allowed.contains_key(used.as_str())) {
            assert!(may.contains(&dependency.as_str()), "{name} may not use {dependency}");
        }
    }
}

#[test]
fn files_are_short_enough_to_read() {
    for path in all_rust_files() {
        let lines = read(&path).lines().count();
        assert!(lines <= LINES_MOST, "{path}: {lines} lines, at most {LINES_MOST}", path = path.display());
    }
}

#[test]
fn unsafe_lives_in_its_rooms() {
    for path in all_rust_files() {
        let at = path.strip_prefix(root().join("crates")).expect("found below it").to_path_buf();
        // In gmp: what holds a task's future, and those who promise what it asks for.
        let of_gmp = ["body", "close", "core", "thread"].map(|name| format!("gmp/src/scheduler/{name}.rs"));
        let in_its_room =
            at.starts_with("host") || at.starts_with("libnuma-sys") || of_gmp.iter().any(|room| at.ends_with(room));
        let word = concat!("un", "safe ");
        let found = read(&path).lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains(&format!("{word}{{"))
                || code.contains(&format!("{word}fn"))
                || code.contains(&format!("{word}impl"))
        });
        assert!(
            in_its_room || !found,
            "{path}: unsafe outside host, libnuma-sys and what holds gmp's futures",
            path = path.display()
        );
    }
}

#[test]
fn every_column_is_in_the_results_readme() {
    let readme = read(&root().join("results/README.md"));
    for (file, columns) in plan::record::FILES.iter().chain(plan::record::PRINTED) {
        assert!(readme.contains(file), "results/README.md does not name {file}");
        for column in *columns {
            assert!(
                readme.contains(&format!("`{name}`", name = column.name)),
                "results/README.md: {file}: {}",
                column.name
            );
        }
    }
    for kind in plan::workload::KINDS {
        for column in plan::workload::WorkloadFile::of_kind(kind).expect("it is known").metrics() {
            assert!(
                readme.contains(&format!("`{name}`", name = column.name)),
                "results/README.md: {kind}: {}",
                column.name
            );
        }
    }
}

/// Commands that this program gives to its own children.
const HIDDEN: &[&str] = &["Build", "Sample", "Topology"];

#[test]
fn every_command_is_in_the_readme() {
    let readme = read(&root().join("README.md"));
    let args = read(&root().join("crates/numalab/src/args.rs"));
    let start = args.find("pub(crate) enum Command {").expect("args.rs declares the commands");
    let commands = args[start..].lines().skip(1).take_while(|line| !line.starts_with('}'));
    let names = commands.filter_map(|line| {
        let line = line.strip_prefix("    ")?;
        let name: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
        (!name.is_empty() && !HIDDEN.contains(&name.as_str())).then(|| name.to_lowercase())
    });
    let names: Vec<String> = names.collect();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        assert!(readme.contains(&format!("numalab {name}")), "README.md does not name `numalab {name}`");
    }
}

#[test]
fn every_column_of_a_calibration_and_every_parameter_is_in_the_models_readme() {
    let readme = read(&root().join("crates/model/README.md"));
    let calibration = model::calibration::COLUMNS.iter().copied().chain([model::calibration::LOADED_COLUMN]);
    for column in calibration {
        assert!(readme.contains(&format!("`{column}`")), "crates/model/README.md does not name {column}");
    }
    for (name, source) in model::Parameters::SOURCES {
        let row = format!("| `{name}` | ");
        let line = readme.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no row of {name}"));
        assert!(line.contains(source), "crates/model/README.md tells another source of {name} than {source}");
    }
}
