//! That points.csv is the plan as a table.

use super::Found;
use super::rows::each_row_and_cells;
use crate::error::ReportError;
use plan::point::{Plan, Point, Skipped};
use plan::record::{PointRow, PointState, Row};
use std::collections::BTreeMap;
use std::path::Path;

/// Compares it cell by cell: points that run in plan order, then the skipped ones.
pub(crate) fn check_points(dir: &Path, plan: &Plan, complete: bool, found: &mut Found) -> Result<(), ReportError> {
    let levels = |of: &BTreeMap<String, String>| -> Vec<String> {
        plan.factors.iter().map(|factor| of.get(factor).cloned().unwrap_or_default()).collect()
    };
    let planned = plan.points.iter().map(|point| [planned(point).cells(), levels(&point.factors)].concat());
    let skipped = plan.skipped.iter().map(|point| [skipped(point).cells(), levels(&point.factors)].concat());
    let mut expected = planned.chain(skipped);
    let fixed = PointRow::COLUMNS.iter().map(|column| column.name);
    let titles: Vec<&str> = fixed.chain(plan.factors.iter().map(String::as_str)).collect();
    each_row_and_cells::<PointRow>(
        dir,
        plan,
        complete,
        |line, row, cells, found| {
            let Some(expected) = expected.next() else {
                return found.note(PointRow::FILE, Some(line), "row", "one more", "none: plan.toml has no such point");
            };
            let is =
                row.cells().into_iter().chain(cells[PointRow::COLUMNS.len()..].iter().map(|cell| cell.to_string()));
            for ((title, is), expected) in
                titles.iter().zip(is).zip(expected).filter(|((_, is), expected)| is != expected)
            {
                let quoted = |cell: String| format!("\"{cell}\"");
                let what = format!("{title}, as in plan.toml");
                found.note(PointRow::FILE, Some(line), &what, quoted(is), quoted(expected));
            }
        },
        found,
    )?;
    let missing = expected.count();
    if missing > 0 {
        found.note(PointRow::FILE, None, "points of plan.toml", format!("{missing} fewer"), "all");
    }
    Ok(())
}

fn planned(point: &Point) -> PointRow {
    PointRow {
        point_id: Some(point.id.clone()),
        state: PointState::Planned,
        arm: point.arm.clone(),
        subject: point.subject.clone(),
        procs: point.procs,
        regime: Some(point.regime),
        placement: Some(point.placement_name.clone()),
        memory_policy: Some(point.memory_policy.clone()),
        nodes_spanned: Some(point.nodes_spanned),
        hit_ratio_by_construction: point.hit_ratio_by_construction,
        bytes: Some(point.bytes),
        reason: None,
    }
}

fn skipped(point: &Skipped) -> PointRow {
    PointRow {
        point_id: None,
        state: PointState::Skipped,
        arm: point.arm.clone(),
        subject: point.subject.clone(),
        procs: point.procs,
        regime: None,
        placement: None,
        memory_policy: None,
        nodes_spanned: None,
        hit_ratio_by_construction: None,
        bytes: None,
        reason: Some(point.reason.clone()),
    }
}
