//! Audits that are wrong, each with its line and what is known; and that a sound one is saved as it was read.

use plan::audit::{Audit, Computation, Test};
use plan::experiment::{FileError, parse_audit, read_audit};
use plan::record::Verdict;
use std::path::Path;

const TABLE: &str = "x,y,word\n1,2.0,a\n2,8.0,b\n";

/// A sound file; tests replace a part of it.
const SOUND: &str = r#"name = "made"
article = "none"
[table.t]
file = "t.csv"
exact = ["x"]
[[claim]]
number = 1
id = "c"
place = "page 1"
text = "It is so."
[[claim.reading]]
text = "as it says"
compute = "slopes"
table = "t"
y = "y"
within = [1.9, 2.1]
"#;

fn parse(text: &str) -> Result<Audit, FileError> {
    parse_audit("made.toml", text, &|file| match file {
        "t.csv" => Ok(("p/t.csv".into(), TABLE.into())),
        _ => Err(FileError { path: file.into(), line: None, message: "cannot be read".into() }),
    })
}

fn check(found: &str, instead: &str, expect: &str) {
    assert!(SOUND.contains(found), "{found}");
    let error = parse(&SOUND.replace(found, instead)).expect_err(instead).to_string();
    assert!(!error.contains('\n') && error.starts_with(&format!("made.toml:{expect}")), "{instead}: {error}");
}

#[test]
fn errors_name_line_and_what_is_known() {
    check(
        "name = \"made\"",
        "name = \"made\"\nfrob = 1",
        "2: unknown key \"frob\" in the file; known keys: name, article",
    );
    check("\"t.csv\"", "\"u.csv\"", "4: file in [table.t]: u.csv: cannot be read");
    check("[\"x\"]", "[\"z\"]", "5: exact in [table.t]: \"z\" is no column of t.csv; it has x, y, word");
    check("number = 1", "number = 0", "7: number in [[claim]] \"c\": 0 cannot be; it must be a whole number from 1");
    check(
        "\"slopes\"",
        "\"slope\"",
        "13: compute in reading 1 of \"c\": \"slope\" is not known; known: values, column",
    );
    check("table = \"t\"", "table = \"u\"", "14: table in reading 1 of \"c\": there is no [table.u]; known: t");
    check("y = \"y\"", "y = \"z\"", "15: y in reading 1 of \"c\": z: t has no such column; it has x, y, word");
    check("y = \"y\"", "y = \"word\"", "15: y in reading 1 of \"c\": word: row 1 holds \"a\", which is no figure");
    check("y = \"y\"", "y = \"y +\"", "15: y in reading 1 of \"c\": \"y +\": it ends too early at letter 4");
    check("y = \"y\"", "y = \"t.y[3]\"", "15: y in reading 1 of \"c\": t.y[3]: t has no row 3");
    check("y = \"y\"", "y = \"t.y\"", "15: y in reading 1 of \"c\": t.y: which row? write table.column[KEY]");
    check("y = \"y\"", "y = \"u.y[1]\"", "15: y in reading 1 of \"c\": u.y[1]: there is no [table.u]");
    check("y = \"y\"", "y = \"y\"\nbase = \"1\"", "16: unknown key \"base\" in reading 1 of \"c\"; known keys: text");
    check("y = \"y\"", "y = \"y\"\nlabels = [\"a\", \"b\"]", "16: labels in reading 1 of \"c\": 2 names for 1 figures");
    check(
        "y = \"y\"",
        "y = \"y\"\nresult = \"n\"",
        "16: result in reading 1 of \"c\": n: is none of v, and names no cell",
    );
    check(
        "y = \"y\"",
        "y = \"y\"\nfails = \"wrong\"",
        "16: fails in reading 1 of \"c\": \"wrong\" is none of supported",
    );
    check("[1.9, 2.1]", "[2.1, 1.9]", "16: within in reading 1 of \"c\": must be two numbers, the lower one first");
    check(
        "[1.9, 2.1]",
        "[1.9, \"b\"]",
        "16: within in reading 1 of \"c\": \"b\" cannot be; it must be a list of numbers",
    );
    check("within = [1.9, 2.1]", "", "11: reading 1 of \"c\" needs one of printed, within");
    check("[1.9, 2.1]", "[1.9, 2.1]\nabove = 1", "11: reading 1 of \"c\" needs one of printed, within, above");
    check("within = [1.9, 2.1]", "common = false", "16: common in reading 1 of \"c\": must be true, or be left out");
    check(
        "within = [1.9, 2.1]",
        "trend = \"up\"",
        "16: trend in reading 1 of \"c\": must be \"rising\" or \"falling\"",
    );
    check(
        "within = [1.9, 2.1]",
        "printed = [\"1\", \"2\"]",
        "16: printed in reading 1 of \"c\": 2 printed for 1 figures",
    );
    check(
        "within = [1.9, 2.1]",
        "printed = \"word\"",
        "16: printed in reading 1 of \"c\": \"b\" starts with no number",
    );
    check(
        "\"slopes\"",
        "\"fit\"\nmodel = \"frob\"\nfigures = [\"b\"]",
        "14: model in reading 1 of \"c\": \"frob\" is no model; known: usl",
    );
    check(
        "\"slopes\"",
        "\"fit\"\nmodel = \"power\"\nfigures = [\"c\"]",
        "15: figures in reading 1 of \"c\": c: is none of a, b, and names",
    );
    check("\"slopes\"", "\"ratios\"\nbase = \"9\"", "14: base in reading 1 of \"c\": t has no row 9");
    check("[[claim.reading]]", "[[claim.read]]", "11: unknown key \"read\" in [[claim]] \"c\"");
    let twice = format!("{SOUND}{claim}", claim = &SOUND[SOUND.find("[[claim]]").expect("there")..]);
    assert!(
        parse(&twice).expect_err("twice").to_string().starts_with("made.toml:19: id in [[claim]]: \"c\" is the id of")
    );
    assert!(parse("").expect_err("empty").to_string().contains("the file is empty"));
    assert!(parse("name = \"n\"\narticle = \"a\"\n").expect_err("none").to_string().contains("no [[claim]]"));
}

#[test]
fn a_sound_audit_is_saved_as_it_was_read() {
    let read = parse(SOUND).expect("it is sound");
    let reading = &read.claims[0].readings[0];
    assert_eq!((reading.holds, reading.fails), (Verdict::Supported, Verdict::Refuted));
    assert_eq!(reading.test, Test::Within { low: 1.9, high: 2.1 });
    assert!(
        matches!(&reading.figures.as_ref().expect("one").compute, Computation::Slopes(columns) if columns.x.to_string() == "x")
    );
    let article = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/published/audit.toml");
    for audit in [read, read_audit(&article).expect("the article's audit is sound")] {
        let saved = toml::to_string(&audit).expect("it can be saved");
        assert_eq!(toml::from_str::<Audit>(&saved).expect("and read"), audit);
    }
}

#[test]
fn an_experiment_carries_the_audit_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let own = plan::experiment::read_experiment(&root.join("experiments/numa-binding.toml")).expect("it is sound");
    assert_eq!(own.audit.expect("it names one").claims.len(), 23);
    let folder = tempfile::tempdir().expect("a folder");
    let text = "name = \"x\"\nquestion = \"?\"\naudit = \"no.toml\"\n[workload]\nkind = \"serve\"\n[sweep]\nprocs = 1\n[[arm]]\nname = \"a\"\n";
    std::fs::write(folder.path().join("x.toml"), text).expect("it can be written");
    let error = || plan::experiment::read_experiment(&folder.path().join("x.toml")).expect_err("refused").to_string();
    let at = folder.path().display();
    assert!(error().starts_with(&format!("{at}/x.toml:3: audit in the file: {at}/no.toml: cannot read the audit: ")));
    std::fs::write(folder.path().join("no.toml"), "name = 1\n").expect("it can be written");
    assert!(error().starts_with(&format!("{at}/no.toml:")), "{}", error());
}
