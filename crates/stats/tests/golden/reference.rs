//! Reads `tests/data`.

use std::path::PathBuf;

use serde_json::Value;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// One section of reference.json.
pub(crate) fn section(name: &str) -> Value {
    let text = std::fs::read_to_string(path("reference.json")).expect("reference.json is in tests/data");
    let mut value: Value = serde_json::from_str(&text).expect("reference.json parses");
    value[name].take()
}

/// One column of a CSV file, by its header.
pub(crate) fn column(file: &str, header: &str) -> Vec<f64> {
    let mut reader = csv::Reader::from_path(path(file)).expect("the file is in tests/data");
    let index = reader.headers().expect("a header line").iter().position(|name| name == header).expect("the column");
    reader.records().map(|row| row.expect("a row")[index].parse().expect("a number")).collect()
}

/// Relative agreement; absolute where 0 is expected.
pub(crate) fn assert_close(what: &str, found: f64, expect: f64, tolerance: f64) {
    let scale = if expect == 0.0 { 1.0 } else { expect.abs() };
    assert!((found - expect).abs() <= tolerance * scale, "{what}: {found:e} instead of {expect:e}");
}

/// A number of reference.json.
pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}
