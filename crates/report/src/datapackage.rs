//! datapackage.json: what every column of the folder's CSVs is, for programs (Frictionless, tabular data package v1).

use crate::results::Results;
use crate::schema::{Field, files};
use serde_json::{Value, json};

/// The text of datapackage.json.
pub(crate) fn datapackage(results: &Results) -> String {
    let (manifest, plan) = (&results.manifest, &results.plan);
    let resources: Vec<Value> = files(plan).iter().map(|(file, fields)| resource(file, fields)).collect();
    let package = json!({
        "profile": "tabular-data-package",
        // Frictionless wants lower case.
        "name": format!("{experiment}-{run}", experiment = plan.experiment, run = manifest.run_id).to_lowercase(),
        "id": manifest.run_id,
        "title": plan.question,
        "description": "Empty cells were not measured; INF is unbounded; seeds are hex text.",
        "created": manifest.started_utc,
        "resources": resources,
    });
    serde_json::to_string_pretty(&package).expect("a tree of strings and numbers") + "\n"
}

fn resource(file: &str, fields: &[Field]) -> Value {
    json!({
        "profile": "tabular-data-resource",
        "name": file.trim_end_matches(".csv"),
        "path": file,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": { "fields": fields.iter().map(described).collect::<Vec<_>>(), "missingValues": [""] },
    })
}

fn described(field: &Field) -> Value {
    let mut value = json!({
        "name": field.name,
        "type": field.kind.word(),
        "description": field.doc,
    });
    if !field.unit.is_empty() {
        value["unit"] = json!(field.unit);
    }
    if !field.optional {
        // An empty text is a value of a text column, so only other kinds can be required.
        value["constraints"] = json!({ "required": field.kind != plan::record::Kind::Text });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::golden;

    #[test]
    fn every_column_of_every_file_is_described() {
        let mut results = golden();
        results.plan.factors = vec!["lines_per_request".into()];
        results.plan.metrics = vec!["frobs".into()];
        let package: Value = serde_json::from_str(&datapackage(&results)).unwrap();
        let names = |file: &str| -> Vec<String> {
            let resources = package["resources"].as_array().unwrap();
            let resource = resources.iter().find(|resource| resource["path"] == file).unwrap();
            let fields = resource["schema"]["fields"].as_array().unwrap();
            fields.iter().map(|field| field["name"].as_str().unwrap().to_string()).collect()
        };
        assert_eq!(package["resources"].as_array().unwrap().len(), plan::record::FILES.len());
        assert!(names("samples.csv").ends_with(&["error".into(), "lines_per_request".into(), "frobs".into()]));
        assert!(names("points.csv").ends_with(&["reason".into(), "lines_per_request".into()]));
        assert!(names("summary.csv").ends_with(&["by_construction".into(), "lines_per_request".into()]));
        assert_eq!(names("facts.csv"), ["run_id", "block", "at_utc", "fact", "value"]);
        let samples = &package["resources"][1]["schema"]["fields"];
        let field = |name: &str| samples.as_array().unwrap().iter().find(|field| field["name"] == name).unwrap();
        assert_eq!((&field("elapsed_ns")["type"], &field("elapsed_ns")["unit"]), (&json!("integer"), &json!("ns")));
        assert_eq!(field("elapsed_ns").get("constraints"), None);
        assert_eq!(field("procs")["constraints"]["required"], true);
    }
}
