//! That points.csv is the plan as a table.

use super::Found;
use super::rows::each_row_and_cells;
use crate::error::ReportError;
use plan::point::Plan;
use plan::record::{PointRow, Row};
use std::path::Path;

/// Compares it cell by cell: points that run in plan order, then the skipped ones.
pub(crate) fn check_points(dir: &Path, plan: &Plan, complete: bool, found: &mut Found) -> Result<(), ReportError> {
    let mut expected = plan.point_cells();
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
