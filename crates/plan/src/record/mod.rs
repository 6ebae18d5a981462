//! Every row of every CSV of a results folder, each with its column table.
//!
//! `runner` writes with these types, `report` reads with them, datapackage.json and results/README.md come from their
//! tables, so a column cannot exist in one place only. A column is an API: it changes only with a reason.
//! What files hold: empty means not measured, never 0; unbounded is `INF`; booleans are `true|false`; seeds are hex text.

mod cell;
mod contrast;
mod derived;
mod raw;
mod samples;

pub use cell::{Cell, Kind, Seed};
pub use contrast::{ContrastRow, Judgement, Replicate};
pub use derived::{AuditRow, ClaimRow, FitRow, KneeRow, PilotRow, PredictionRow, PrintedRow, SummaryRow, Verdict};
pub use raw::{
    FactRow, HitSource, PauseRow, PointRow, PointState, StopReason, Timing, TrafficRow, WindowRow, WorkerRow,
};
pub use samples::SampleRow;

/// One column of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in the title line.
    pub name: &'static str,
    /// What its cells hold.
    pub kind: Kind,
    /// Unit, empty for names and counts without one.
    pub unit: &'static str,
    /// Whether a cell may be empty (not measured).
    pub optional: bool,
    /// One sentence.
    pub doc: &'static str,
}

/// A row type: its file, its columns, and how a row becomes cells and back.
pub trait Row: Sized {
    /// Name of the file in the results folder.
    const FILE: &'static str;
    /// Its columns, in order.
    const COLUMNS: &'static [Column];

    /// Cells in column order.
    fn cells(&self) -> Vec<String>;

    /// Reads a row from its cells in column order; `cells(i)` is the text of column `i`.
    ///
    /// # Errors
    /// `BadCell` names the column, what was found and what it should hold.
    fn read<'a>(cells: &dyn Fn(usize) -> &'a str) -> Result<Self, BadCell>;
}

/// A cell that does not hold what its column says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: \"{found}\" is not {expected}")]
pub struct BadCell {
    /// Name of the column.
    pub column: &'static str,
    /// The cell.
    pub found: String,
    /// What it should hold.
    pub expected: &'static str,
}

/// The title line of a file with this row type.
pub fn titles<R: Row>() -> Vec<&'static str> {
    R::COLUMNS.iter().map(|column| column.name).collect()
}

/// Column tables of all files of a results folder, `(file, columns)`, in the order of results/README.md.
///
/// samples.csv and points.csv hold one more column for each further factor, samples.csv also one for each metric of the
/// workload, summary.csv one for each further factor.
pub const FILES: &[(&str, &[Column])] = &[
    (PointRow::FILE, PointRow::COLUMNS),
    (SampleRow::FILE, SampleRow::COLUMNS),
    (PauseRow::FILE, PauseRow::COLUMNS),
    (WindowRow::FILE, WindowRow::COLUMNS),
    (WorkerRow::FILE, WorkerRow::COLUMNS),
    (TrafficRow::FILE, TrafficRow::COLUMNS),
    (FactRow::FILE, FactRow::COLUMNS),
    (SummaryRow::FILE, SummaryRow::COLUMNS),
    (FitRow::FILE, FitRow::COLUMNS),
    (ClaimRow::FILE, ClaimRow::COLUMNS),
];

/// Column tables of what commands print as CSV, and few results folders hold or none.
pub const PRINTED: &[(&str, &[Column])] = &[
    (AuditRow::FILE, AuditRow::COLUMNS),
    (KneeRow::FILE, KneeRow::COLUMNS),
    (PrintedRow::FILE, PrintedRow::COLUMNS),
    (ContrastRow::FILE, ContrastRow::COLUMNS),
    (PredictionRow::FILE, PredictionRow::COLUMNS),
    (PilotRow::FILE, PilotRow::COLUMNS),
];

/// A field's name without the mark of a raw identifier: `r#type` is the column `type`.
const fn column_name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// Declares a row type and its column table in one place: `name: Type ["unit"]`, documented by its doc comment.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident in $file:literal {
        $($(#[doc = $column_doc:literal])+ $field:ident: $type:ty [$unit:literal],)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $column_doc])+ pub $field: $type,)+
        }

        impl $crate::record::Row for $name {
            const FILE: &'static str = $file;
            const COLUMNS: &'static [$crate::record::Column] = &[$($crate::record::Column {
                name: $crate::record::column_name(stringify!($field)),
                kind: <$type as $crate::record::Cell>::KIND,
                unit: $unit,
                optional: <$type as $crate::record::Cell>::OPTIONAL,
                doc: concat!($($column_doc),+).trim_ascii(),
            },)+];

            fn cells(&self) -> Vec<String> {
                vec![$($crate::record::Cell::write(&self.$field)),+]
            }

            fn read<'a>(cells: &dyn Fn(usize) -> &'a str) -> Result<Self, $crate::record::BadCell> {
                let mut columns = Self::COLUMNS.iter().zip(0..);
                Ok(Self {
                    $($field: {
                        let (column, at) = columns.next().expect("one column for each field");
                        let text = cells(at);
                        $crate::record::Cell::read(text).ok_or_else(|| $crate::record::BadCell {
                            column: column.name,
                            found: text.into(),
                            expected: column.kind.expected(),
                        })?
                    },)+
                })
            }
        }
    };
}
pub(crate) use row;
