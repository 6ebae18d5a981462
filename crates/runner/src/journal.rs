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
