//! The raw files while a run writes them: rows of a sample first, then its row of samples.csv, which commits it.
//!
//! A file never keeps part of a row after an error: what was written of it is cut off again. Where even that fails, as
//! after a crash, the next resume cuts it. Nothing is buffered between two samples.

use crate::error::RunError;
use crate::rows::SampleRows;
use plan::point::Plan;
use plan::record::{FactRow, PauseRow, Row, SampleRow, TrafficRow, WindowRow, WorkerRow, titles};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that rows are appended to. A seam for tests that fail it.
pub(crate) trait Sink: Write {
    /// Makes what was written survive a power failure.
    ///
    /// # Errors
    /// The system's answer.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `length` bytes and goes on there.
    ///
    /// # Errors
    /// The system's answer.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Sink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(io::SeekFrom::Start(length)).map(|_| ())
    }
}

/// The files that grow while a run goes.
#[derive(Debug)]
pub(crate) struct Journal<S = File> {
    samples: Appended<S>,
    pauses: Appended<S>,
    windows: Appended<S>,
    workers: Appended<S>,
    traffic: Appended<S>,
    facts: Appended<S>,
}

/// One growing file.
#[derive(Debug)]
struct Appended<S> {
    path: PathBuf,
    sink: S,
    length: u64,
}

impl Journal<File> {
    /// Opens the files of a folder, which hold nothing but committed rows.
    ///
    /// # Errors
    /// `File` for one that cannot be opened.
    pub(crate) fn open(dir: &Path) -> Result<Self, RunError> {
        Journal::open_with(dir, |path| {
            let mut file = OpenOptions::new().write(true).open(path)?;
            let length = file.seek(io::SeekFrom::End(0))?;
            Ok((file, length))
        })
    }

    /// Whether every open file is the one that has its name, and as long as what was written.
    ///
    /// # Errors
    /// `Taken` for the first that is not.
    pub(crate) fn check_files(&self) -> Result<(), RunError> {
        let Journal { samples, pauses, windows, workers, traffic, facts } = self;
        for Appended { path, sink, length } in [samples, pauses, windows, workers, traffic, facts] {
            let same = std::fs::metadata(path).and_then(|named| {
                let open = sink.metadata()?;
                Ok((named.dev(), named.ino(), named.len()) == (open.dev(), open.ino(), *length))
            });
            // What cannot be asked is not there.
            if !same.unwrap_or(false) {
                return Err(RunError::Taken { path: path.clone() });
            }
        }
        Ok(())
    }
}

impl<S: Sink> Journal<S> {
    /// As [`Journal::open`], through `open`, which gives a sink and the length of the file.
    ///
    /// # Errors
    /// `File` for one that cannot be opened.
    pub(crate) fn open_with(dir: &Path, mut open: impl FnMut(&Path) -> io::Result<(S, u64)>) -> Result<Self, RunError> {
        let mut appended = |name: &str| {
            let path = dir.join(name);
            match open(&path) {
                Ok((sink, length)) => Ok(Appended { path, sink, length }),
                Err(source) => Err(RunError::File { path, doing: "open", source }),
            }
        };
        Ok(Journal {
            pauses: appended(PauseRow::FILE)?,
            windows: appended(WindowRow::FILE)?,
            workers: appended(WorkerRow::FILE)?,
            traffic: appended(TrafficRow::FILE)?,
            facts: appended(FactRow::FILE)?,
            samples: appended(SampleRow::FILE)?,
        })
    }

    /// Commits a sample: when this returns, it survives a crash of the machine.
    ///
    /// # Errors
    /// `File`; the sample is then not committed, and those before it are.
    pub(crate) fn commit(&mut self, rows: &SampleRows) -> Result<(), RunError> {
        self.pauses.append(&lines(&rows.pauses))?;
        self.windows.append(&lines(&rows.windows))?;
        self.workers.append(&lines(&rows.workers))?;
        self.traffic.append(&lines(&rows.traffic))?;
        let mut cells = rows.sample.cells();
        cells.extend_from_slice(&rows.extra);
        self.samples.append(&csv_lines([cells]))
    }

    /// Appends facts.
    ///
    /// # Errors
    /// `File`.
    pub(crate) fn note(&mut self, facts: &[FactRow]) -> Result<(), RunError> {
        self.facts.append(&lines(facts))
    }
}

impl<S: Sink> Appended<S> {
    /// One write, one sync; after an error the file is what it was.
    fn append(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let written = self.sink.write_all(bytes).and_then(|()| self.sink.flush()).map_err(|error| ("write", error));
        let synced = written.and_then(|()| self.sink.sync().map_err(|error| ("sync", error)));
        match synced {
            Ok(()) => {
                self.length += bytes.len() as u64;
                Ok(())
            }
            Err((doing, source)) => {
                // Its own failure adds nothing: a torn tail is cut off by the next resume.
                let _ = self.sink.cut(self.length);
                Err(RunError::File { path: self.path.clone(), doing, source })
            }
        }
    }
}

/// Rows as lines of CSV.
pub(crate) fn lines<R: Row>(rows: &[R]) -> Vec<u8> {
    csv_lines(rows.iter().map(Row::cells))
}

/// The title line of a row type with further columns after the fixed ones.
pub(crate) fn title_line<R: Row>(further: &[String]) -> Vec<u8> {
    let fixed = titles::<R>().into_iter().map(String::from);
    csv_lines([fixed.chain(further.iter().cloned()).collect()])
}

/// Columns of samples.csv after the fixed ones: further factors, then the workload's metrics.
pub(crate) fn further_columns(plan: &Plan) -> Vec<String> {
    plan.factors.iter().chain(&plan.metrics).cloned().collect()
}

pub(crate) fn csv_lines(rows: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for cells in rows {
        writer.write_record(&cells).expect("a vector takes everything, and all rows are equally long");
    }
    writer.into_inner().expect("a vector takes everything")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Executor;
    use crate::folder;
    use crate::manifest::Here;
    use crate::modelled::{Modelled, Noise};
    use crate::recover::recover;
    use crate::rows::{Context, Id, rows};
    use plan::record::Timing;
    use plan::schedule::{block_slots, sample_seed};
    use plan::topology::Topology;
    use std::cell::Cell;
    use std::rc::Rc;

    fn golden(name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/golden-2n8p");
        std::fs::read_to_string(folder.join(name)).unwrap()
    }

    /// A folder that a run has begun, its plan, and the rows of its first samples.
    fn begun() -> (tempfile::TempDir, Plan, Vec<SampleRows>) {
        let topology: Topology = serde_json::from_str(&golden("topology.json")).unwrap();
        let mut plan: Plan = toml::from_str(&golden("plan.toml")).unwrap();
        plan.measure.windows = 3;
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let program =
            plan::manifest::Program { version: "0".into(), commit: "c".into(), rustc: "r".into(), sha256: "s".into() };
        let here = Here::modelled(topology.clone(), String::new(), program, Vec::new());
        let mut model = Modelled::new(topology.clone(), model::Parameters::DEFAULT, Noise::DEFAULT);
        folder::write_start(dir.path(), &plan, &here, "run", &model).unwrap();
        let context = Context {
            run_id: "run",
            plan: &plan,
            topology: &topology,
            host: "model",
            source: "modelled",
            timing: Timing::Modelled,
        };
        let slots = block_slots(&plan, 0);
        let sample = |(slot, sample_id)| {
            let (slot, seed): (plan::point::Slot, _) = (slot, sample_seed(&plan, slot));
            let sample = model.sample(&plan.points[slot.point], &plan.measure, seed).unwrap();
            rows(&context, Id { sample_id, slot, seed }, &sample)
        };
        let all = slots.into_iter().zip(0..4).map(sample).collect();
        (dir, plan, all)
    }

    /// A file of which one call fails, alone or with all that follow; a failing write writes half.
    struct Faulty {
        file: File,
        calls_left: Rc<Cell<u32>>,
        alone: bool,
    }

    impl Faulty {
        fn call(&self) -> io::Result<()> {
            match self.calls_left.get() {
                0 => {
                    self.calls_left.set(if self.alone { u32::MAX } else { 0 });
                    Err(io::Error::from(io::ErrorKind::StorageFull))
                }
                left => {
                    self.calls_left.set(left - 1);
                    Ok(())
                }
            }
        }
    }

    impl Write for Faulty {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Err(error) = self.call() {
                self.file.write_all(&bytes[..bytes.len() / 2])?;
                return Err(error);
            }
            self.file.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.file.flush()
        }
    }

    impl Sink for Faulty {
        fn sync(&mut self) -> io::Result<()> {
            self.call()
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            self.call()?;
            self.file.cut(length)
        }
    }

    #[test]
    fn whichever_call_fails_what_was_committed_stays() {
        [false, true].into_iter().for_each(fail_each_call);
    }

    fn fail_each_call(alone: bool) {
        for calls in 0.. {
            let (dir, plan, all) = begun();
            let calls_left = Rc::new(Cell::new(calls));
            let open = |path: &Path| {
                let file = OpenOptions::new().append(true).open(path)?;
                let length = file.metadata()?.len();
                Ok((Faulty { file, calls_left: Rc::clone(&calls_left), alone }, length))
            };
            let mut journal = Journal::open_with(dir.path(), open).unwrap();
            let mut committed = 0;
            let error = all.iter().find_map(|rows| {
                let error = journal.commit(rows).err();
                committed += usize::from(error.is_none());
                error
            });
            let (found, _) = recover(dir.path(), &plan).unwrap();
            // A row that was written whole, and whose sync failed, may be there after all.
            assert!(
                (committed..=committed + 1).contains(&found.len()),
                "{calls} calls: {} of {committed}",
                found.len()
            );
            found.iter().zip(&all).for_each(|(found, wrote)| assert_eq!(found.row, wrote.sample));
            // The rest can be appended, and then all of it is there.
            let mut journal = Journal::open(dir.path()).unwrap();
            all[found.len()..].iter().for_each(|rows| journal.commit(rows).unwrap());
            assert_eq!(recover(dir.path(), &plan).unwrap().0.len(), all.len());
            let Some(error) = error else {
                // 4 samples of 5 files, each written and synced.
                assert_eq!(calls, 4 * 5 * 2);
                return;
            };
            let text = error.to_string();
            assert!(
                text.contains(".csv: cannot ") && text.ends_with("make room, then resume or start again"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_full_device_is_named() {
        let (dir, _, all) = begun();
        let open = |path: &Path| {
            let full = path.ends_with("workers.csv");
            let path = if full { Path::new("/dev/full") } else { path };
            Ok((OpenOptions::new().append(true).open(path)?, 0))
        };
        let error = Journal::open_with(dir.path(), open).unwrap().commit(&all[0]).unwrap_err();
        let expect =
            "workers.csv: cannot write: No space left on device (os error 28); make room, then resume or start again";
        assert!(error.to_string().ends_with(expect), "{error}");
        assert_eq!(error.exit_code(), 1);
    }
}
