//! Which results folder is the newest.

use crate::results::read_manifest;
use std::fs;
use std::path::{Path, PathBuf};

/// The newest results folder of an experiment, of any host: `<root>/<experiment>/<host>/<utc>-<id>/`.
///
/// Newest by the UTC time in the folder's name, so that copied folders keep their place; only folders that hold a
/// manifest.json count, and of these only measured ones: what a model computed must be asked for by name. `None` where
/// there is none, or where nothing can be read.
pub fn newest(results_root: &Path, experiment: &str) -> Option<PathBuf> {
    let hosts = folders(&results_root.join(experiment));
    let runs = hosts.iter().flat_map(|host| folders(host)).filter(|run| run.join("manifest.json").is_file());
    let mut runs: Vec<_> = runs.filter_map(|run| Some((started(&run)?, run))).collect();
    runs.sort();
    runs.into_iter().rev().map(|(_, run)| run).find(|run| !is_modelled(run))
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    // A run that is only being made has a name with a dot.
    let seen = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    seen.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn is_modelled(run: &Path) -> bool {
    read_manifest(&run.join("manifest.json")).is_ok_and(|manifest| manifest.source == "modelled")
}

// The part of the name before the id: `20260102T030405Z`.
fn started(run: &Path) -> Option<String> {
    let (utc, _) = run.file_name()?.to_str()?.split_once('-')?;
    let digits = utc.bytes().filter(u8::is_ascii_digit).count();
    (digits >= 14).then(|| utc.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_by_name_with_a_manifest_is_found() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let check = |add: &[(&str, bool)], expect: Option<&str>| {
            for (run, manifest) in add {
                let dir = root.path().join("numa-binding").join(run);
                fs::create_dir_all(&dir).expect("a folder");
                if *manifest {
                    fs::write(dir.join("manifest.json"), "{}").expect("a file");
                }
            }
            let expect = expect.map(|run| root.path().join("numa-binding").join(run));
            assert_eq!(newest(root.path(), "numa-binding"), expect);
        };
        check(&[], None);
        check(&[("host-b/20260102T030405Z-zz", true)], Some("host-b/20260102T030405Z-zz"));
        check(&[("host-a/20260102T030406Z-aa", true)], Some("host-a/20260102T030406Z-aa"));
        check(&[("host-c/20270102T030406Z-aa", false), ("host-c/notes", true)], Some("host-a/20260102T030406Z-aa"));
        // A model's figures are later, and wait to be asked for.
        check(&[("model/20270102T030406Z-aa", true)], Some("model/20270102T030406Z-aa"));
        let golden = crate::fixture::golden().dir.join("manifest.json");
        fs::copy(golden, root.path().join("numa-binding/model/20270102T030406Z-aa/manifest.json")).expect("a copy");
        check(&[], Some("host-a/20260102T030406Z-aa"));
    }
}
