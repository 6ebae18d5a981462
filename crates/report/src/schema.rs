//! The columns of every CSV of one folder: those of `plan::record`, and those that the plan's factors and metrics add.

use plan::point::Plan;
use plan::record::{Column, FILES, Kind, PointRow, Row, SampleRow, SummaryRow};

/// One column of one file of one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) unit: String,
    pub(crate) optional: bool,
    pub(crate) doc: String,
}

/// Every CSV of a folder with its columns, in the order of `plan::record::FILES`.
pub(crate) fn files(plan: &Plan) -> Vec<(&'static str, Vec<Field>)> {
    FILES.iter().map(|(file, columns)| (*file, fields(file, columns, plan))).collect()
}

/// Title line of a file.
pub(crate) fn titles_of(fields: &[Field]) -> Vec<&str> {
    fields.iter().map(|field| field.name.as_str()).collect()
}

fn fields(file: &str, columns: &[Column], plan: &Plan) -> Vec<Field> {
    let mut fields: Vec<Field> = columns.iter().map(known).collect();
    if [SampleRow::FILE, PointRow::FILE, SummaryRow::FILE].contains(&file) {
        fields.extend(plan.factors.iter().map(|factor| factor_field(factor)));
    }
    if file == SampleRow::FILE {
        let own = plan.points.first().map_or(&[][..], |point| point.workload.metrics());
        let metric = |name: &String| own.iter().find(|column| column.name == name).map_or_else(|| unknown(name), known);
        fields.extend(plan.metrics.iter().map(metric));
    }
    fields
}

fn known(column: &Column) -> Field {
    Field {
        name: column.name.into(),
        kind: column.kind,
        unit: column.unit.into(),
        optional: column.optional,
        doc: column.doc.into(),
    }
}

fn factor_field(name: &str) -> Field {
    let doc = format!("Level of the factor {name}.");
    Field { name: name.into(), kind: Kind::Text, unit: String::new(), optional: true, doc }
}

/// A metric of a workload that this version does not know: a number, perhaps not measured.
fn unknown(name: &str) -> Field {
    Field { name: name.into(), kind: Kind::Number, unit: String::new(), optional: true, doc: String::new() }
}
