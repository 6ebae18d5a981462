//! `numalab fit` on files of every kind.

use crate::program::{Answer, answer, numalab, run};
use crate::trial::{ensure, test};
use assert_cmd::assert::OutputAssertExt;
use libtest_mimic::{Failed, Trial};
use std::fs;

const CISCO: &str = "crates/stats/tests/data/usl_cisco.csv";
const RAYTRACER: &str = "crates/stats/tests/data/usl_raytracer.csv";

/// Files that are refused: `(name, bytes, further arguments, what stderr must say after the file's name)`.
const FILES: &[(&str, &[u8], &[&str], &str)] = &[
    ("no title line", b"1,2\n3,4\n", &[], ":1: no title line: \"1,2\" holds numbers"),
    ("an empty cell", b"n,x\n1,2\n2,\n", &[], ":3: x is empty; a number needed"),
    ("text", b"n,x\n1,2\n2,fast\n", &[], ":3: x is \"fast\"; a number needed"),
    ("NaN", b"n,x\n1,2\n2,NaN\n", &[], ":3: x is NaN; a finite number needed"),
    ("infinite", b"n,x\n1,2\ninf,3\n", &[], ":3: n is inf; a finite number needed"),
    ("one row", b"n,x\n1,2\n", &[], ": one row (n = 1); a curve needs several"),
    ("equal x", b"n,x\n4,2\n4,3\n4,4\n", &[], ": all 3 rows have n = 4"),
    (
        "too few x",
        b"n,x\n1,2\n2,3\n",
        &[],
        ": cannot fit usl: 2 distinct n, 3 needed for estimates and 6 for intervals",
    ),
    ("no such column", b"n,y\n1,2\n2,3\n", &[], ":1: no column \"x\"; there are n, y"),
    ("a column twice", b"n,x,x\n1,2,3\n2,3,4\n", &[], ":1: column \"x\" appears 2 times"),
    ("not UTF-8", b"n,x\n1,2\n2,\xff\n", &[], ":3: not UTF-8 text"),
    ("nothing", b"", &[], ": empty; a title line and rows are needed"),
    ("no rows", b"n,x\n", &[], ": no rows below the title line"),
    ("a cell too many", b"n,x\n1,2\n2,3,4\n", &[], ":3: 3 cells, the title line has 2"),
    ("x of 0 for a throughput", b"n,x\n0,2\n2,3\n3,4\n", &[], ": line 2: n is 0; this model needs values above 0"),
    (
        "ln of less than 0",
        b"n,x\n1,-2\n2,3\n3,4\n",
        &["--model", "linear", "--response", "ln"],
        ": line 2: x is -2; ln needs",
    ),
    ("weights of 0", b"n,x,w\n1,2,1\n2,3,0\n", &["--weights", "w"], ":3: w is 0; weights above 0 needed"),
    (
        "no replicates for q",
        b"n,x\n1,2\n2,3\n3,4\n",
        &["--weights", "1/mean^q"],
        ": 1/mean^q takes q from the replicates",
    ),
    ("one row of a group", b"n,x,arm\n1,2,a\n2,3,a\n1,2,b\n", &["--by", "arm"], ", arm = b: one row"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for &(name, bytes, more, says) in FILES {
        trials.push(test(format!("fit refuses: {name}"), move || refused(bytes, more, says)));
    }
    trials.push(test("fit refuses a directory and a file that is not there", || {
        let folder = tempfile::tempdir()?;
        let directory = fit(&[&folder.path().to_string_lossy()]);
        one_line(directory.expect_code(2)?, "is a directory; a CSV file is needed")?;
        let missing = fit(&["no-such.csv"]);
        one_line(missing.expect_code(2)?, "no-such.csv: ")
    }));
    trials.push(test("fit names the models it knows", || {
        let answer = fit(&[CISCO, "--model", "spline"]);
        answer.expect_code(2)?;
        ensure(answer.err.contains("there are auto, usl, amdahl,"), || answer.err.clone())?;
        let help = run(&["fit", "--help"]);
        for says in
            ["usl                    lambda, sigma, kappa", "bi-exponential", "share one sign", "knee-kappa", "psi"]
        {
            ensure(help.out.contains(says), || format!("--help does not say {says:?}: {}", help.out))?;
        }
        let widest = help.out.lines().map(str::len).max();
        ensure(widest <= Some(101), || format!("--help is {widest:?} wide"))
    }));
    trials.push(test("fit gives the published figures of the Cisco benchmark back", || {
        // R's usl 3.0.3 and scipy: crates/stats/tests/data/README.md.
        let output = numalab().args(["fit", CISCO, "--x", "n", "--y", "x", "--format", "csv"]).output()?;
        let output = output.assert().success().get_output().clone();
        let rows = csv_rows(&answer(output).out)?;
        for (parameter, estimate, std_error) in [
            ("lambda", 995.648785929, 28.6984),
            ("sigma", 0.0267159450357, 0.00449383),
            ("kappa", 7.69093920610e-4, 8.64545e-5),
        ] {
            let row = rows.iter().find(|row| row[7] == parameter).ok_or("no row")?;
            let found: f64 = row[8].parse()?;
            ensure((found / estimate - 1.0).abs() < 1e-10, || format!("{parameter} {found} instead of {estimate}"))?;
            let found: f64 = row[9].parse()?;
            ensure((found / std_error - 1.0).abs() < 1e-5, || format!("{parameter} {found} instead of {std_error}"))?;
            let basis = ["0.95", "profile", "32", "29"];
            ensure(row[12..16] == basis, || format!("{row:?}"))?;
        }
        let peak = rows.iter().find(|row| row[7] == "knee_peak").ok_or("no peak")?;
        ensure(peak[8].starts_with("35.573788200952"), || format!("{peak:?}"))?;
        ensure(rows.last().is_some_and(|row| row[7] == "argmax" && row[8] == "27"), || format!("{rows:?}"))
    }));
    trials.push(test("a model-free peak at the last x is unbounded above, in every format", || {
        let rows = rows_of(&[1, 2, 4, 8, 16, 32, 48, 64].repeat(3), |n| 20.0 + 3.0 * n);
        let text = fitted(&rows, &["--model", "linear"])?;
        ensure(text.out.contains("highest at n = 64 [64, unbounded]"), || text.out.clone())?;
        let rows_found = csv_rows(&fitted(&rows, &["--model", "linear", "--format", "csv"])?.out)?;
        let last = rows_found.last().ok_or("no rows")?;
        let expect = ["argmax", "64", "", "64", "INF", "0.95", "bootstrap"];
        ensure(last[7..14] == expect && last.last().is_some_and(|cell| cell == "unbounded"), || format!("{last:?}"))?;
        let json = fitted(&rows, &["--model", "linear", "--format", "json"])?;
        let document: serde_json::Value = serde_json::from_str(&json.out)?;
        let ends = &document["fits"][0]["argmax"]["interval"];
        ensure(*ends == serde_json::json!([64.0, "INF"]), || ends.to_string())
    }));
    trials.push(test("fit says no peak at the bound, and how it was weighted", || {
        let bound = fit(&[RAYTRACER]);
        for says in ["kappa                            0", "at its bound", "no peak", "9 df of 11 rows"] {
            ensure(bound.expect_code(0)?.out.contains(says), || format!("not {says:?}: {}", bound.out))?;
        }
        let weighted = fit(&[CISCO, "--weights", "1/mean^2"]);
        // Statistics by scipy, weights 1/x².
        ensure(weighted.expect_code(0)?.out.contains("33.245"), || weighted.out.clone())?;
        ensure(weighted.out.contains("weighted by 1/mean^2"), || weighted.out.clone())?;
        let ln = fit(&[CISCO, "--response", "ln"]);
        ensure(ln.expect_code(0)?.out.contains("33.15761"), || ln.out.clone())
    }));
    trials.push(test("fit --model auto says what the data decide", || {
        let none = fit(&[CISCO, "--model", "auto"]);
        ensure(none.expect_code(0)?.out.contains("not decidable: no model is adequate"), || none.out.clone())?;
        let few = fitted(&rows_of(&[1, 2, 4, 8, 16, 32, 64], |n| 20.0 + 3.0 * n), &["--model", "auto"])?;
        ensure(few.out.contains("not decidable: 7 rows without replicates"), || few.out.clone())?;
        let line = fitted(&rows_of(&[1, 2, 4, 8, 16, 32, 48, 64].repeat(3), |n| 20.0 + 3.0 * n), &["--model", "auto"])?;
        ensure(line.out.contains("chosen: linear"), || line.out.clone())?;
        // A peak whose end lies below its start.
        let usl = |n: f64| 1000.0 * n / (1.0 + 0.05 * (n - 1.0) + 0.03 * n * (n - 1.0));
        let hump = fitted(&rows_of(&[1, 2, 4, 8, 16, 32, 48, 64].repeat(3), usl), &["--model", "auto"])?;
        ensure(hump.out.contains("chosen: usl"), || hump.out.clone())
    }));
    trials.push(test("fit of a broken line tests the straight one, and no threshold", || {
        let text = fit(&[RAYTRACER, "--model", "broken-line"]);
        // R's segmented 2.2-0; the profile is scipy's.
        for says in ["Davies' test p = 1.7e-4", "[8.42", ", 17.1", "no test of a threshold"] {
            ensure(text.expect_code(0)?.out.contains(says), || format!("not {says:?}: {}", text.out))?;
        }
        let rows = csv_rows(&fit(&[RAYTRACER, "--model", "broken-line", "--format", "csv"]).out)?;
        let davies = rows.iter().find(|row| row.iter().any(|cell| cell == "davies_p")).ok_or("no davies_p")?;
        ensure(davies.iter().any(|cell| cell.starts_with("0.000170171990")), || format!("{davies:?}"))
    }));
    trials.push(test("fit --by fits each group, and draws all of them", || {
        let folder = tempfile::tempdir()?;
        let (table, plot) = (folder.path().join("t.csv"), folder.path().join("t.svg"));
        let mut text = "n,x,arm\n".to_string();
        for (arm, top) in [("close", 900.0), ("spread", 400.0)] {
            for n in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0_f64] {
                text += &format!("{n},{x},{arm}\n", x = top * (1.0 - (-n / 9.0).exp()));
            }
        }
        fs::write(&table, text)?;
        let (table, plot) = (table.to_string_lossy().to_string(), plot.to_string_lossy().to_string());
        let more = ["--by", "arm", "--model", "exponential-saturation", "--plot", &plot, "--format", "json"];
        let answer = fit(&[&[table.as_str()], &more[..]].concat());
        let document: serde_json::Value = serde_json::from_str(&answer.expect_code(0)?.out)?;
        for (at, (arm, top)) in [("close", 900.0), ("spread", 400.0)].into_iter().enumerate() {
            let group = &document["fits"][at];
            ensure(group["by"] == arm, || format!("{group}"))?;
            let m = group["fit"]["parameters"][0]["estimate"].as_f64().ok_or("no m")?;
            ensure((m / top - 1.0).abs() < 1e-9, || format!("{m} instead of {top}"))?;
        }
        let svg = fs::read_to_string(&plot)?;
        ensure(svg.starts_with("<svg") && svg.contains("spread: exponential-saturation"), || svg.clone())
    }));
    trials.push(test("fit's bootstraps repeat for the same seed", || {
        let draw = |seed: &str| fit(&[CISCO, "--interval", "bca", "--resamples", "500", "--seed", seed]).out;
        ensure(draw("7") == draw("7") && draw("7") != draw("8"), || "the seed does not rule".into())?;
        let runs = fit(&[CISCO, "--interval", "stratified"]);
        one_line(runs.expect_code(2)?, "--interval residual needs none")
    }));
    trials.push(test("fit of few points gives estimates alone", || {
        // The article's section 2.4: three points determine a USL exactly and nothing else.
        let three = fitted("n,x\n8,42100\n32,68900\n64,51300\n", &[])?;
        for says in ["6230.1595", "0.01466376", "0.0014505709", "estimates alone"] {
            ensure(three.out.contains(says), || format!("not {says:?}: {}", three.out))?;
        }
        ensure(!three.out.contains("knee_peak"), || three.out.clone())
    }));
    trials
}

/// `numalab fit … --x n --y x`.
fn fit(args: &[&str]) -> Answer {
    run(&[&["fit"], args, &["--x", "n", "--y", "x"]].concat())
}

fn fitted(text: &str, more: &[&str]) -> Result<Answer, Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("t.csv");
    fs::write(&path, text)?;
    let answer = fit(&[&[path.to_string_lossy().as_ref()], more].concat());
    answer.expect_code(0)?;
    Ok(answer)
}

fn refused(bytes: &[u8], more: &[&str], says: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("t.csv");
    fs::write(&path, bytes)?;
    let answer = fit(&[&[path.to_string_lossy().as_ref()], more].concat());
    one_line(answer.expect_code(2)?, &format!("t.csv{says}"))
}

fn one_line(answer: &Answer, says: &str) -> Result<(), Failed> {
    ensure(answer.err.contains(says), || format!("stderr does not say {says:?}: {}", answer.err))?;
    ensure(answer.err.lines().count() == 1, || format!("not one line: {}", answer.err))?;
    ensure(answer.out.is_empty(), || format!("something on stdout: {}", answer.out))
}

/// A table n,x; the first eight rows are exact, the next eight above by .5, the rest below by as much.
fn rows_of(n: &[u32], of: impl Fn(f64) -> f64) -> String {
    let row = |(at, n): (usize, &u32)| {
        let off = [0.0, 0.5, -0.5][at / 8];
        format!("{n},{x}\n", x = of(f64::from(*n)) + off)
    };
    format!("n,x\n{}", n.iter().enumerate().map(row).collect::<String>())
}

fn csv_rows(text: &str) -> Result<Vec<Vec<String>>, Failed> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| row.map(|row| row.iter().map(String::from).collect()));
    Ok(rows.collect::<Result<_, _>>()?)
}
