//! One file of a results folder, mutated: opened, verified or resumed, as the product does it.

use crate::mutate::{Draws, mutate};
use crate::texts::{EXPERIMENT, described};
use crate::{Outcome, Parser};
use plan::experiment::{Overrides, parse_experiment};
use plan::manifest::Program;
use plan::topology::Conditions;
use runner::modelled::{Modelled, Noise};
use runner::progress::Silent;
use runner::{Here, ResumeOptions};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A small folder whose run is complete, and the file of it that is mutated.
pub(crate) struct Folder {
    dir: PathBuf,
    file: &'static str,
    /// Every file as the run left it.
    files: BTreeMap<String, Vec<u8>>,
    here: Here,
    executor: Modelled,
}

impl Folder {
    pub(crate) fn new(folder: &Path, file: &'static str) -> Folder {
        let topology = described("pack:2 [numa] l3:1 core:2 pu:1");
        let experiment = parse_experiment("small", EXPERIMENT).expect("the experiment is sound");
        let overrides = Overrides { arms: vec!["close".into()], ..Overrides::default() };
        let plan = plan::plan(&experiment, &overrides, &topology, &Conditions::ideal());
        let mut plan = plan.expect("the machine holds it");
        // Few rows, so that a million folders can be read.
        plan.points.truncate(2);
        plan.measure.windows = 3;
        let program = Program { version: "0".into(), commit: "c".into(), rustc: "r".into(), sha256: "s".into() };
        let here = Here::modelled(topology.clone(), String::new(), program, Vec::new());
        let mut executor = Modelled::new(topology, model::Parameters::DEFAULT, Noise::DEFAULT);
        let root = folder.join("results");
        let going_on = AtomicBool::new(false);
        let done =
            runner::run(&root, &plan, &here, &mut executor, &mut Silent, &going_on).expect("nothing can go wrong");
        let entries = fs::read_dir(&done.dir).expect("the folder was just made").flatten();
        let bytes = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().expect("names are ASCII");
            (name, fs::read(entry.path()).expect("the file was just made"))
        };
        let files: BTreeMap<String, Vec<u8>> = entries.map(bytes).collect();
        let mut files = files;
        // Pauses of one sample a point only: no bootstrap, which would take most of the time.
        let pauses = String::from_utf8(files["pauses.csv"].clone()).expect("the run wrote text");
        let few = |line: &&str| line.split(',').nth(1).is_some_and(|sample| ["sample_id", "0", "1"].contains(&sample));
        let pauses: String = pauses.lines().filter(few).map(|line| format!("{line}\n")).collect();
        files.insert("pauses.csv".into(), pauses.into_bytes());
        assert!(files.contains_key(file), "{file}");
        report::open(&done.dir).expect("the folder is whole");
        Folder { dir: done.dir, file, files, here, executor }
    }

    /// Writes the folder with the mutated file: half of the time that of an unfinished run, without sums; else with a sum of
    /// samples.csv that fits, so that a reader goes on beyond the sums.
    fn replace(&self, text: &[u8], draws: &mut Draws) {
        let mut files: BTreeMap<&str, &[u8]> =
            self.files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
        files.insert(self.file, text);
        let sums = format!("{}  samples.csv\n", sum(files["samples.csv"]));
        if self.file != "SHA256SUMS" {
            match draws.below(2) {
                0 => files.remove("SHA256SUMS"),
                _ => files.insert("SHA256SUMS", sums.as_bytes()),
            };
        }
        // The manifest holds the plan's sum; without it no reader would look at a mutated plan.
        let manifest = String::from_utf8_lossy(&self.files["manifest.json"]);
        let manifest = manifest.replace(&sum(&self.files["plan.toml"]), &sum(files["plan.toml"]));
        if self.file == "plan.toml" {
            files.insert("manifest.json", manifest.as_bytes());
        }
        for name in self.files.keys() {
            let path = self.dir.join(name);
            match files.get(name.as_str()) {
                Some(bytes) => fs::write(path, bytes).expect("the disk holds a small folder"),
                // It may not be there.
                None => drop(fs::remove_file(path)),
            }
        }
    }
}

impl Folder {
    /// As `run --resume`; no sample is made, since the run is interrupted before its first.
    fn resume(&mut self) -> bool {
        let (options, stop) = (ResumeOptions::default(), AtomicBool::new(true));
        let stage = runner::modelled_machine(&self.dir);
        stage.is_ok() && runner::resume(&self.dir, options, &self.here, &mut self.executor, &mut Silent, &stop).is_ok()
    }
}

impl Parser for Folder {
    fn write(&self, draws: &mut Draws) -> Vec<u8> {
        mutate(&self.files[self.file], draws)
    }

    fn read(&mut self, text: &[u8], draws: &mut Draws) -> Outcome {
        self.replace(text, draws);
        // Each case is one reader's: a folder that all three read would take three times as long.
        Outcome::of(match draws.below(3) {
            0 => report::open(&self.dir).is_ok(),
            1 => report::verify(&self.dir).is_ok_and(|verified| verified.mismatches.is_empty()),
            _ => self.resume(),
        })
    }
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
