//! An audit: what an article prints, as tables, and what it says about them, as claims that can be computed again from those
//! tables alone. No machine is asked.
//!
//! A claim may have several readings, and is refuted only if each of them fails. A reading computes figures, and a test
//! decides what they say; `report::audit` does both. The file is read by [`crate::experiment::read_audit`].

mod formula;
mod printed;

pub use formula::{Formula, FormulaError, Name};
pub use printed::{Printed, PrintedTable};

use crate::record::Verdict;
use serde::{Deserialize, Serialize};

/// One article under audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// Its name.
    pub name: String,
    /// Which article it is.
    pub article: String,
    /// What it prints.
    pub tables: Vec<PrintedTable>,
    /// What it says, in the order of the file; numbers and ids unique.
    pub claims: Vec<AuditClaim>,
}

/// One statement of the article.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditClaim {
    /// Its number, for people.
    pub number: u32,
    /// Unique in the file.
    pub id: String,
    /// Where the article makes it.
    pub place: String,
    /// The statement in the auditor's words.
    pub text: String,
    /// Every admissible way to read it; at least one.
    pub readings: Vec<Reading>,
}

/// One way to read a statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The reading, in words.
    pub text: String,
    /// The figures that decide; `None` where words alone do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub figures: Option<Figures>,
    /// What they are held against.
    pub test: Test,
    /// The verdict where the test holds.
    pub holds: Verdict,
    /// The verdict where it fails.
    pub fails: Verdict,
    /// Figures that are printed and decide nothing.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub beside: Vec<Figures>,
}

/// Figures to compute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How.
    pub compute: Computation,
    /// What is made of each: a formula in `v`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<Formula>,
    /// What they are called, one for each; empty: they name themselves.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub labels: Vec<String>,
}

/// x and y of the rows of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    /// The table.
    pub table: String,
    /// A formula over its columns; the first column where a file names none.
    pub x: Formula,
    /// The same.
    pub y: Formula,
}

/// How figures are computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Computation {
    /// Formulas, one figure each.
    Values {
        /// Over cells `column[KEY]` and `table.column[KEY]`.
        values: Vec<Formula>,
    },
    /// y of each row.
    Column(Columns),
    /// y of each row over y of one row.
    Ratios {
        /// x and y.
        columns: Columns,
        /// First cell of the row below the line.
        base: String,
    },
    /// y of each row over y of the row before.
    Steps(Columns),
    /// ln y against ln x between neighbouring rows.
    Slopes(Columns),
    /// ln y against x between neighbouring rows: constant for an exponential.
    Rates(Columns),
    /// Rows whose y lies within limits.
    Count {
        /// x and y.
        columns: Columns,
        /// Least y that counts.
        from: f64,
        /// Greatest y that counts.
        to: f64,
    },
    /// A formula in `n` at some n.
    Curve {
        /// The formula.
        value: Formula,
        /// Where.
        at: Vec<f64>,
    },
    /// The n of the greatest value of a formula.
    Maximum(Range),
    /// The n of the least value of a formula.
    Minimum(Range),
    /// Parameters of a model fitted to the rows, and what follows from them.
    Fit {
        /// x and y.
        columns: Columns,
        /// Name of the model.
        model: String,
        /// Whether residuals are taken of ln y, as for errors in percent, or of y.
        ln: bool,
        /// Formulas in the model's parameters.
        figures: Vec<Formula>,
        /// Relative error of each y: the interval is then the middle 95 % of refits to y with such errors.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        noise: Option<f64>,
    },
    /// Root mean square of ln y - ln f of each model, fitted so.
    Misfit {
        /// x and y.
        columns: Columns,
        /// Names of the models.
        models: Vec<String>,
    },
    /// The factor by which each model misses a row that it was fitted without: exp of the root mean square of ln y - ln f.
    LeaveOneOut {
        /// x and y.
        columns: Columns,
        /// Names of the models.
        models: Vec<String>,
    },
    /// 1 where the program that a wrapper such as numactl would execute can be one, 0 where it is `NAME=value`.
    Command {
        /// The line as printed.
        command: String,
    },
}

/// A formula in `n`, from one n to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The formula.
    pub value: Formula,
    /// Least n.
    pub from: f64,
    /// Greatest n.
    pub to: f64,
}

/// What figures are held against. C is what the figure may be, given what was rounded in print.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Test {
    /// Every C meets what its printed figure may have been rounded from; fails where one does not.
    Printed {
        /// As printed, one for each figure; an empty one is not held against anything.
        printed: Vec<String>,
    },
    /// Every C lies within limits; fails where one lies outside.
    Within {
        /// Lower limit.
        low: f64,
        /// Upper limit.
        high: f64,
    },
    /// One value lies in every C.
    Common,
    /// Every figure lies above the one before.
    Rising,
    /// Every figure lies below the one before.
    Falling,
    /// The first figure is the least.
    Least,
    /// The article does not print what would decide: uncheckable.
    Missing {
        /// What is missing.
        what: String,
    },
    /// The article says something else elsewhere: contradicted.
    ContradictedBy {
        /// What it says there.
        what: String,
    },
}

impl Computation {
    /// The word that files write.
    pub fn word(&self) -> &'static str {
        match self {
            Computation::Values { .. } => "values",
            Computation::Column(_) => "column",
            Computation::Ratios { .. } => "ratios",
            Computation::Steps(_) => "steps",
            Computation::Slopes(_) => "slopes",
            Computation::Rates(_) => "rates",
            Computation::Count { .. } => "count",
            Computation::Curve { .. } => "curve",
            Computation::Maximum(_) => "maximum",
            Computation::Minimum(_) => "minimum",
            Computation::Fit { .. } => "fit",
            Computation::Misfit { .. } => "misfit",
            Computation::LeaveOneOut { .. } => "leave-one-out",
            Computation::Command { .. } => "command",
        }
    }

    /// x and y, where it goes over the rows of a table.
    pub fn columns(&self) -> Option<&Columns> {
        match self {
            Computation::Column(columns)
            | Computation::Steps(columns)
            | Computation::Slopes(columns)
            | Computation::Rates(columns)
            | Computation::Ratios { columns, .. }
            | Computation::Count { columns, .. }
            | Computation::Fit { columns, .. }
            | Computation::Misfit { columns, .. }
            | Computation::LeaveOneOut { columns, .. } => Some(columns),
            _ => None,
        }
    }
}

impl Audit {
    /// A table by its name, with its index.
    pub fn table(&self, name: &str) -> Option<(usize, &PrintedTable)> {
        table_named(&self.tables, name)
    }
}

/// The table of a name, with its index.
pub(crate) fn table_named<'a>(tables: &'a [PrintedTable], name: &str) -> Option<(usize, &'a PrintedTable)> {
    tables.iter().enumerate().find(|(_, table)| table.name == name)
}
