//! The model against what Intel MLC printed on eight hosts: matrices, curves of loaded latency, Little's law.
//!
//! Golden values of the curves: our reference fit in Python (scipy, relative residuals below 0.96 of the highest bandwidth).

use model::calibration::{Calibration, parse};
use model::loaded::{self, Load, LoadedLatency};
use model::{LINE_BYTES, consistency};
use plan::topology::Topology;
use std::path::Path;

const MATRICES: &str = include_str!("mlc/matrices.csv");
const LOADED: &str = include_str!("mlc/loaded_latency.csv");

fn calibration(host: &str) -> Calibration {
    parse("matrices.csv", MATRICES, Some(host)).expect("the file is sound")
}

fn loads(host: &str) -> Vec<Load> {
    let of_host = LOADED.lines().filter_map(|line| line.strip_prefix(host)?.strip_prefix(','));
    let load = |line: &str| {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().expect("a number")).collect();
        Load { latency_ns: cells[1], bandwidth_gb_per_s: cells[2] / 1e3 }
    };
    of_host.map(load).collect()
}

/// L0, k, Bs, Bmax, relative rms, loads used, lines at the wall.
const CURVES: &[(&str, [f64; 5], usize, f64)] = &[
    (
        "breniac_broadwell_2s_cod4",
        [75.10206066182256, 85.19884627015337, 435.9429, 145.3143, 0.013482948799027528],
        14,
        450.20186568749995,
    ),
    (
        "breniac_skylake_2s",
        [81.17972809881915, 60.40205958052318, 473.5963175178851, 221.641, 0.01038969216033611],
        14,
        509.378874265625,
    ),
    (
        "genius_cascadelake_2s",
        [83.93537479231941, 96.47265335935643, 679.8816, 226.6272, 0.01457598757928435],
        14,
        550.8880178281249,
    ),
    (
        "genius_skylake_2s",
        [92.91872168577967, 39.67093507652846, 320.4425065262548, 210.6431, 0.019894664516074204],
        15,
        544.0444067890626,
    ),
    (
        "thinking_haswell_2s",
        [90.0117286292637, 66.42125907779415, 336.71606888504624, 122.6797, 0.004869540579591681],
        14,
        367.94325648437496,
    ),
    (
        "thinking_ivybridge_2s",
        [64.76425676028427, 60.12973270247189, 211.456328861081, 110.6555, 0.017741741649769764],
        15,
        322.150721765625,
    ),
    (
        "xeon6980p_2s_snc_off",
        [138.6715727130356, 42.867808013145485, 1473.1842775649013, 1108.3923, 0.004697779479198107],
        12,
        6186.891780125,
    ),
];

#[test]
fn loaded_latency_is_a_curve_with_a_wall() {
    for &(host, [idle, k, pole, most, rms], n, lines) in CURVES {
        let found = loaded::fit(&loads(host)).expect("19 loads");
        let near = |what: &str, found: f64, expect: f64, tolerance: f64| {
            assert!((found / expect - 1.0).abs() < tolerance, "{host}: {what} {found} for {expect}");
        };
        // k and Bs trade for each other: the reference stopped where its steps fell below 1e-8 of the sum of squares.
        near("L0", found.idle_ns, idle, 1e-6);
        near("k", found.waiting_ns, k, 3e-5);
        near("Bs", found.pole_gb_per_s, pole, 3e-5);
        near("Bmax", found.highest_gb_per_s, most, 1e-12);
        near("rms", found.rms_ratio, rms, 1e-6);
        near("lines at the wall", found.lines_at_wall, lines, 1e-12);
        assert_eq!(found.n, n, "{host}");
        // No worse a fit than the reference's.
        assert!(found.rms_ratio <= rms * (1.0 + 1e-12) && found.rms_ratio <= 0.02, "{host}: {found:?}");
    }
}

#[test]
fn bandwidth_follows_from_lines_in_flight() {
    let curve = loaded::fit(&loads("breniac_skylake_2s")).expect("19 loads");
    // Little's law below the wall, and the wall.
    for lines in [1.0, 10.0, 100.0, 280.0] {
        let found = curve.gb_per_s(lines);
        assert!((found * curve.latency_ns(found) / (lines * LINE_BYTES) - 1.0).abs() < 1e-9);
    }
    assert_eq!(curve.gb_per_s(10_000.0), curve.highest_gb_per_s);
    let flat = LoadedLatency { waiting_ns: 0.0, ..curve };
    assert!((flat.gb_per_s(10.0) - 640.0 / flat.idle_ns).abs() < 1e-9);
    let few = loads("breniac_skylake_2s")[..8].to_vec();
    let error = loaded::fit(&few).expect_err("too few below the wall").to_string();
    assert!(error.ends_with("loads below 0.96 of the highest bandwidth, 6 needed to fit a curve"), "{error}");
}

fn machine(name: &str) -> Topology {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results").join(name).join("topology.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the golden folder is complete")).expect("a topology")
}

#[test]
fn the_example_is_consistent_with_itself_and_not_with_a_machine_of_8_cores() {
    let text = include_str!("../../../experiments/machines/breniac.csv");
    let example = parse("breniac.csv", text, None).expect("the example is sound");
    let same = calibration("breniac_skylake_2s");
    assert_eq!((&example.latency_ns, &example.bandwidth_gb_per_s), (&same.latency_ns, &same.bandwidth_gb_per_s));
    assert_eq!(example.loaded, loads("breniac_skylake_2s"));
    let golden = machine("golden-2n8p");
    let checks = consistency::check(&example, &golden);
    let texts: Vec<&str> = checks.iter().map(|check| check.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "loaded latency: 81.2 ns + 60.4 ns rho / (1 - rho), rho = B / 474 GB/s, up to 221.6 GB/s; rms 1.0 % of 14 loads",
            "Little's law: 509 lines in flight at 221.6 GB/s, 63.7 for each of 8 cores; a core holds up to 48",
            "latency without load: 81.2 ns of the loaded curve, 78.6 ns of the matrix (+3.3 %)",
            "bandwidth: 221.6 GB/s of all loads, 222.1 GB/s of the nodes' own together (-0.2 %)",
        ]
    );
    assert_eq!(checks.iter().map(|check| check.holds).collect::<Vec<_>>(), [true, false, true, true]);
    assert_eq!(consistency::check(&same, &golden), []);
    assert_eq!(example.check(&golden), Ok(()));
    let four = calibration("breniac_broadwell_2s_cod4").check(&golden).expect_err("four nodes").to_string();
    assert_eq!(
        four,
        "matrices.csv, host breniac_broadwell_2s_cod4: measured on another machine: it has node 2, this machine has nodes \
         0-1; --input names the machine"
    );
}

const TITLES: &str = "host,kind,from_node,to_node,value,bandwidth_MBps";

fn refused(text: &str, host: Option<&str>, says: &str) {
    let error = parse("x.csv", text, host).expect_err("it is not sound").to_string();
    assert_eq!(error, format!("x.csv{says}"));
}

#[test]
fn bad_files_are_refused_in_one_line() {
    let rows = |rows: &str| format!("{TITLES}\n{}", rows.replace(' ', "\n"));
    refused("", None, ": empty; a title line and rows are needed");
    refused("# nothing\n\n", None, ": empty; a title line and rows are needed");
    refused(TITLES, None, ": no row below the title line; README.md of crates/model has the format");
    refused("a,b\n1,2", None, ":1: no column host; found: a, b; needed: host, kind, from_node, to_node, value");
    refused("host,host,kind,from_node,to_node,value", None, ":1: column host appears 2 times");
    refused(&rows("a,idle_latency_ns,0,0"), None, ":2: 4 cells, the title line has 6");
    refused(&rows(",idle_latency_ns,0,0,80,"), None, ":2: host is empty; name the machine that was measured");
    refused(
        &rows("a,latency,0,0,80,"),
        None,
        ":2: kind \"latency\" is unknown; known: idle_latency_ns, read_bandwidth_MBps, loaded_latency_ns",
    );
    for bad in ["", "NaN", "inf", "-80", "0.00000008", "8e7", "80ns"] {
        let says = format!(":2: value: \"{bad}\" is no number of ns from 1 to 100000");
        refused(&rows(&format!("a,idle_latency_ns,0,0,{bad},")), None, &says);
    }
    refused(&rows("a,read_bandwidth_MBps,0,0,111,"), None, ": a: no idle_latency_ns; each pair of nodes needs one");
    refused(
        &rows("a,read_bandwidth_MBps,0,0,11,"),
        None,
        ":2: value: \"11\" is no number of MB/s from 100 to 100000000",
    );
    for bad in ["", "-1", "1.5", "1024", "node0"] {
        let says = format!(":3: from_node: \"{bad}\" is no node from 0 to 1023");
        refused(&rows(&format!("a,idle_latency_ns,0,0,80, a,idle_latency_ns,{bad},0,80,")), None, &says);
    }
    refused(
        &rows("a,idle_latency_ns,0,0,80, a,idle_latency_ns,0,0,81,"),
        None,
        ":3: idle_latency_ns from node 0 to node 0 a second time",
    );
    let pairs = "a,idle_latency_ns,0,0,80, a,idle_latency_ns,0,1,130, a,idle_latency_ns,1,1,80,";
    refused(&rows(pairs), None, ": a: no idle_latency_ns from node 1 to node 0; each pair needs one");
    refused(
        &rows("a,idle_latency_ns,0,0,80, a,read_bandwidth_MBps,0,1,11000,"),
        None,
        ": a: no read_bandwidth_MBps from node 0 to node 0; each pair needs one",
    );
    refused(
        &rows("a,idle_latency_ns,0,0,80, a,read_bandwidth_MBps,0,0,11000, a,read_bandwidth_MBps,0,1,11000,"),
        None,
        ": a: read_bandwidth_MBps from node 0 to node 1, which has no idle_latency_ns",
    );
    refused(
        &rows("a,loaded_latency_ns,0,0,80,11000"),
        None,
        ":2: loaded_latency_ns is of all nodes reading their own memory; leave from_node and to_node empty",
    );
    refused(
        &rows("a,loaded_latency_ns,,,80,"),
        None,
        ":2: bandwidth_MBps: \"\" is no number of MB/s from 100 to 100000000",
    );
    refused(
        &rows("a,idle_latency_ns,0,0,80, b,idle_latency_ns,0,0,80,"),
        None,
        ": holds 2 hosts (a, b); name one with --calibrate-host",
    );
    refused(&rows("a,idle_latency_ns,0,0,80,"), Some("c"), ": no host \"c\"; it has a");
}

#[test]
fn a_byte_order_mark_comments_blank_lines_and_any_order_of_columns_are_read() {
    let text = "\u{feff}# by hand\nvalue,to_node,from_node,kind,host\n\n 80 , 0, 0, idle_latency_ns, a\n";
    let found = parse("x.csv", text, None).expect("sound");
    assert_eq!((found.nodes, found.latency_ns, found.bandwidth_gb_per_s), (vec![0], vec![vec![Some(80.0)]], None));
}
