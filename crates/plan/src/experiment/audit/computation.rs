//! What a reading computes, each kind with its own keys.

use super::super::FileError;
use super::super::curve::known_model;
use super::super::table::Section;
use super::check_names;
use crate::audit::{Columns, Computation, Formula, PrintedTable, Range, table_named};

/// Kinds of computations with the keys that are theirs.
pub(super) const COMPUTATIONS: &[(&str, &[&str])] = &[
    ("values", &["values"]),
    ("column", &["table", "y"]),
    ("ratios", &["table", "y", "base"]),
    ("steps", &["table", "y"]),
    ("slopes", &["table", "x", "y"]),
    ("rates", &["table", "x", "y"]),
    ("count", &["table", "y", "from", "to"]),
    ("curve", &["value", "at"]),
    ("maximum", &["value", "from", "to"]),
    ("minimum", &["value", "from", "to"]),
    ("fit", &["table", "x", "y", "model", "response", "figures", "noise"]),
    ("misfit", &["table", "x", "y", "models"]),
    ("leave-one-out", &["table", "x", "y", "models"]),
    ("command", &["command"]),
];

/// Longer lists are a typing error, and each figure is computed many times.
const FIGURES_MOST: usize = 200;

pub(super) fn read_computation(
    section: &Section<'_>,
    written: &str,
    tables: &[PrintedTable],
) -> Result<Computation, FileError> {
    let limit = |key: &str, default: f64| -> Result<f64, FileError> {
        Ok(section.number(key, f64::MIN..=f64::MAX, "be a number")?.unwrap_or(default))
    };
    let range = || -> Result<Range, FileError> {
        let value = section.required("value", section.parsed::<Formula>("value")?)?;
        check_names(section, "value", &value, tables, None, &["n"])?;
        let number = |key: &str| section.required(key, section.number(key, f64::MIN..=f64::MAX, "be a number")?);
        let (from, to) = (number("from")?, number("to")?);
        match from < to {
            true => Ok(Range { value, from, to }),
            false => Err(section.error_at("to", format!("{to} is not above from, {from}"))),
        }
    };
    let needs_x = COMPUTATIONS.iter().any(|(name, keys)| *name == written && keys.contains(&"x"));
    let columns = || read_columns(section, tables, needs_x);
    Ok(match written {
        "values" => Computation::Values { values: formulas(section, "values", tables, &[])? },
        "column" => Computation::Column(columns()?),
        "ratios" => {
            let (columns, base) = (columns()?, section.sentence("base")?);
            let table = table_named(tables, &columns.table);
            if table.is_none_or(|(_, table)| table.row(&base).is_none()) {
                return Err(section.error_at("base", format!("{table} has no row {base}", table = columns.table)));
            }
            Computation::Ratios { columns, base }
        }
        "steps" => Computation::Steps(columns()?),
        "slopes" => Computation::Slopes(columns()?),
        "rates" => Computation::Rates(columns()?),
        "count" => Computation::Count {
            columns: columns()?,
            from: limit("from", f64::NEG_INFINITY)?,
            to: limit("to", f64::INFINITY)?,
        },
        "curve" => {
            let value = section.required("value", section.parsed::<Formula>("value")?)?;
            check_names(section, "value", &value, tables, None, &["n"])?;
            let at = section.required("at", section.numbers("at")?)?;
            check_length(section, "at", at.len())?;
            Computation::Curve { value, at }
        }
        "maximum" => Computation::Maximum(range()?),
        "minimum" => Computation::Minimum(range()?),
        "fit" => read_fit(section, columns()?, tables)?,
        "misfit" => Computation::Misfit { columns: columns()?, models: models(section)? },
        "leave-one-out" => Computation::LeaveOneOut { columns: columns()?, models: models(section)? },
        _ => Computation::Command { command: section.sentence("command")? },
    })
}

fn read_columns(section: &Section<'_>, tables: &[PrintedTable], needs_x: bool) -> Result<Columns, FileError> {
    let name = section.sentence("table")?;
    let Some((_, table)) = table_named(tables, &name) else {
        let known: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
        let message = format!("there is no [table.{name}]; known: {known}", known = known.join(", "));
        return Err(section.error_at("table", message));
    };
    let y = section.required("y", section.parsed::<Formula>("y")?)?;
    check_names(section, "y", &y, tables, Some(table), &[])?;
    let x = match section.parsed::<Formula>("x")? {
        Some(x) => {
            check_names(section, "x", &x, tables, Some(table), &[])?;
            x
        }
        // A first column of words gives no x, and what needs none does not look at it.
        None => table.titles[0].parse().unwrap_or_else(|_| "0".parse().expect("0 is a formula")),
    };
    if section.get("x").is_none() && needs_x {
        check_names(section, "table", &x, tables, Some(table), &[])?;
    }
    Ok(Columns { table: name, x, y })
}

fn read_fit(section: &Section<'_>, columns: Columns, tables: &[PrintedTable]) -> Result<Computation, FileError> {
    let model = section.sentence("model")?;
    let parameters = known_model(section, "model", &model)?;
    let ln = match section.text("response")?.as_deref() {
        None | Some("ln") => true,
        Some("raw") => false,
        Some(other) => return Err(section.error_at("response", format!("\"{other}\" is none of ln, raw"))),
    };
    Ok(Computation::Fit {
        columns,
        model,
        ln,
        figures: formulas(section, "figures", tables, parameters)?,
        noise: section.number("noise", 1e-6..=1.0, "be a share from 1e-6 to 1")?,
    })
}

fn models(section: &Section<'_>) -> Result<Vec<String>, FileError> {
    let models = section.required("models", section.texts("models")?)?;
    check_length(section, "models", models.len())?;
    models.iter().try_for_each(|model| known_model(section, "models", model).map(|_| ()))?;
    Ok(models)
}

fn formulas(
    section: &Section<'_>,
    key: &str,
    tables: &[PrintedTable],
    given: &[&str],
) -> Result<Vec<Formula>, FileError> {
    let texts = section.required(key, section.texts(key)?)?;
    check_length(section, key, texts.len())?;
    let read = |text: &String| {
        let formula: Formula = text.parse().map_err(|error| section.error_at(key, error))?;
        check_names(section, key, &formula, tables, None, given)?;
        Ok(formula)
    };
    texts.iter().map(read).collect()
}

fn check_length(section: &Section<'_>, key: &str, length: usize) -> Result<(), FileError> {
    match length {
        1..=FIGURES_MOST => Ok(()),
        _ => Err(section.error_at(key, format!("a list of {length} cannot be; it must hold 1 to {FIGURES_MOST}"))),
    }
}

/// How many figures it gives.
pub(super) fn figure_count(compute: &Computation, tables: &[PrintedTable]) -> usize {
    let table = compute.columns().and_then(|columns| table_named(tables, &columns.table));
    let rows = table.map_or(0, |(_, table)| table.rows.len());
    match compute {
        Computation::Values { values } => values.len(),
        Computation::Column(_) | Computation::Ratios { .. } => rows,
        Computation::Steps(_) | Computation::Slopes(_) | Computation::Rates(_) => rows - 1,
        Computation::Curve { at, .. } => at.len(),
        Computation::Fit { figures, .. } => figures.len(),
        Computation::Misfit { models, .. } | Computation::LeaveOneOut { models, .. } => models.len(),
        Computation::Count { .. } | Computation::Maximum(_) | Computation::Minimum(_) | Computation::Command { .. } => {
            1
        }
    }
}
