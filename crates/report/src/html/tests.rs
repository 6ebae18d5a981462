//! The report is self-contained, escapes what it is given, and shows every section.

use super::*;
use crate::figures::figures;
use crate::fixture::{derived, golden};
use crate::tables::published::numa_binding;

fn report(change: impl FnOnce(&mut Results)) -> String {
    let mut results = golden();
    change(&mut results);
    let derived = derived(&results);
    let published = numa_binding();
    let figures = figures(&results, &derived, Some(&published));
    let files = ["samples.csv".to_string(), "<b>.csv".to_string()];
    html(Parts { results: &results, derived: &derived, figures: &figures, published: Some(&published), files: &files })
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let html = report(|_| {});
    let namespace = "http://www.w3.org/2000/svg";
    let rest = html.replace(namespace, "");
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", "<iframe"] {
        assert!(!rest.contains(outside), "the report holds {outside}");
    }
}

#[test]
fn names_from_files_cannot_become_markup() {
    let evil = "<script>alert('x')</script>&\"";
    let html = report(|results| {
        results.manifest.host = evil.into();
        results.manifest.experiment = evil.into();
        results.plan.question = evil.into();
        results.plan.notes.push(evil.into());
        results.plan.skipped[0].reason = evil.into();
        results.manifest.machine.insert(evil.into(), evil.into());
        results.plan.points.iter_mut().for_each(|point| point.memory_policy = evil.into());
    });
    assert!(!html.contains("<script"), "an unescaped name");
    assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;"));
}

#[test]
fn every_section_is_there() {
    let html = report(|results| results.notes.push("the run is unfinished".into()));
    let sections = [
        "This machine",
        "How far times can be believed",
        "made by hand",
        "Conditions",
        "Can a results folder be read",
        "What the model computed",
        "Figures",
        "Claims",
        "Fits",
        "knee_peak",
        "Skipped points",
        "12 workers asked",
        "Disturbances",
        "Sensitivity line",
        "Notes",
        "Files",
        "&lt;b&gt;.csv",
        "the run is unfinished",
        "unbounded",
        "not-testable",
        "Timing is modelled",
    ];
    for section in sections {
        assert!(html.contains(section), "no {section}");
    }
    assert_eq!(html, report(|results| results.notes.push("the run is unfinished".into())), "same folder, same bytes");
}

#[test]
fn tags_are_balanced() {
    // HTML's void elements are the only ones that XML would miss an end of.
    let html = report(|_| {});
    let body =
        html.split_once("<body>").map(|(_, rest)| format!("<body>{rest}").replace("</html>", "")).expect("a body");
    roxmltree::Document::parse(&body).expect("every element ends");
}

#[test]
fn an_audit_has_a_section_where_the_experiment_names_one() {
    let mut results = golden();
    let page = |results: &Results| {
        html(Parts { results, derived: &derived(results), figures: &[], published: None, files: &[] })
    };
    assert!(!page(&results).contains("The article by its own tables"));
    results.plan.audit = Some(crate::audit::article());
    let page = page(&results);
    for expect in
        ["The article by its own tables", "4 storm-exponential, section 1 and title: refuted", "23.1", "0.01495"]
    {
        assert!(page.contains(expect), "{expect}");
    }
}

#[test]
fn a_printed_table_has_a_section_where_the_experiment_has_one() {
    let mut results = golden();
    let page = |results: &Results| {
        let derived = derived(results);
        let derived = Derived { printed: crate::printed::printed(results, &derived), ..derived };
        html(Parts { results, derived: &derived, figures: &[], published: None, files: &[] })
    };
    assert!(!page(&results).contains("Printed beside measured"));
    let columns = [("rate<b>", "throughput_per_s", 1e3)];
    results.plan.printed = Some(crate::printed::tests::beside("procs,rate<b>\n8,12.25\n", &columns));
    let page = page(&results);
    for expect in [
        "Printed beside measured",
        ">computed</th>",
        "close: rate&lt;b&gt; beside throughput_per_s / 1000",
        "<td class=\"number\">12.25</td>",
        "another program&#39;s on another machine",
    ] {
        assert!(page.contains(expect), "no {expect} in\n{page}");
    }
}
