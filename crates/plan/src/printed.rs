//! Any printed table beside what is measured: which metric stands beside which of its columns, at which levels.

use crate::audit::{Printed, PrintedTable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A printed table, and what is measured of its columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// What tells its rows apart, the title of its first column: `procs` or a factor of the sweep.
    pub by: String,
    /// Levels of other factors, and of `procs`, at which alone it is compared; empty for all.
    pub levels: BTreeMap<String, String>,
    /// Printed columns with a metric each; a column may have several.
    pub columns: Vec<BesideColumn>,
    /// The table, called by the name of its file without the ending.
    pub table: PrintedTable,
}

/// A printed column and the metric that is shown beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BesideColumn {
    /// Title of the printed column.
    pub title: String,
    /// Column of samples.csv.
    pub metric: String,
    /// The metric over this is in the printed unit.
    pub per: f64,
}

impl Beside {
    /// The printed figure of a row, in the printed unit; `None` where its cell is empty.
    pub fn printed(&self, row: usize, column: &BesideColumn) -> Option<f64> {
        let cell = &self.table.rows[row][self.table.column(&column.title)?];
        Printed::parse(cell).map(|printed| printed.value)
    }
}
