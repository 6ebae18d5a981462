//! A CSV of the results folder, read in blocks of whole lines, the blocks in parallel.
//!
//! A row is one line (`plan::record` writes no line break into a cell), so a block may end at any line end, and what
//! follows the last one is a torn row. Columns are found by the title line, once.

use crate::error::ReportError;
use crate::sums::hex;
use plan::record::{Cell, Row};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Bytes of one block: large enough that a block's overhead is nothing, small beside the memory allowed.
const BLOCK_BYTES: usize = 2 << 20;

/// A CSV whose title line has been checked.
pub(crate) struct Table {
    path: PathBuf,
    /// Taken by [`Table::read`].
    file: Option<BufReader<File>>,
    bytes: u64,
    titles: Vec<String>,
    /// Where each wanted column stands in a row of the file.
    positions: Vec<usize>,
    /// Sum of the bytes read so far, where it is asked for.
    digest: Option<Sha256>,
}

/// How the reading of a table ended.
pub(crate) struct Ended {
    /// Line of a torn last row, which was not parsed.
    pub(crate) torn: Option<u64>,
    /// SHA-256 of the file, hex, where [`Table::summed`] asked for it.
    pub(crate) sum: Option<String>,
}

/// Whole lines of a file.
pub(crate) struct Block<'a> {
    table: &'a Table,
    first_line: u64,
    bytes: &'a [u8],
}

/// One row of a [`Block`].
pub(crate) struct RowView<'a> {
    block: &'a Block<'a>,
    line: u64,
    cells: &'a Cells,
}

impl Table {
    /// Opens a file and finds its columns; afterwards column `i` means `titles[i]`, wherever it stands.
    pub(crate) fn open(path: &Path, titles: &[&str]) -> Result<Table, ReportError> {
        let read_error = |source| ReportError::Read { path: path.into(), source };
        let file = File::open(path).map_err(read_error)?;
        let bytes = file.metadata().map_err(read_error)?.len();
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut line = Vec::new();
        file.read_until(b'\n', &mut line).map_err(read_error)?;
        let positions = find_columns(path, &line, titles)?;
        let titles = titles.iter().map(|title| title.to_string()).collect();
        let digest = Some(Sha256::new_with_prefix(&line));
        Ok(Table { path: path.into(), bytes, titles, positions, file: Some(file), digest })
    }

    /// Whether the file's sum is made while it is read, beside the parsing: that is cheaper than to read it twice.
    pub(crate) fn summed(mut self, wanted: bool) -> Table {
        self.digest = self.digest.filter(|_| wanted);
        self
    }

    /// Parses every block and hands the parts over in file order, each with the number of rows the file seems to have.
    pub(crate) fn read<T: Send>(
        mut self,
        parse: impl Fn(Block<'_>) -> Result<T, ReportError> + Sync,
        mut take: impl FnMut(T, usize),
    ) -> Result<Ended, ReportError> {
        let mut digest = self.digest.take();
        let mut file = self.file.take().expect("a table is read once: read takes it by value");
        let mut line = 2;
        let mut rest = Vec::new();
        let mut rows_expected = None;
        loop {
            let (blocks, ended) = self.next_blocks(&mut file, &mut rest)?;
            let lines: Vec<u64> = blocks.iter().map(|block| lines_in(block)).collect();
            let mut located = Vec::with_capacity(blocks.len());
            for (bytes, lines) in blocks.iter().zip(&lines) {
                located.push(Block { table: &self, first_line: line, bytes });
                line += lines;
            }
            let sum = || {
                if let Some(digest) = &mut digest {
                    blocks.iter().for_each(|block| digest.update(block));
                }
            };
            let parse = || located.into_par_iter().map(&parse).collect::<Vec<Result<T, ReportError>>>();
            let (parts, ()) = rayon::join(parse, sum);
            for (part, (block, lines)) in parts.into_iter().zip(blocks.iter().zip(&lines)) {
                let rows = *rows_expected.get_or_insert_with(|| expect_rows(self.bytes, block.len(), *lines));
                take(part?, rows);
            }
            if ended {
                let sum = digest.map(|digest| hex(&digest.chain_update(&rest).finalize()));
                return Ok(Ended { torn: (!rest.is_empty()).then_some(line), sum });
            }
        }
    }

    /// The next blocks of whole lines, one for each thread; `rest` carries the torn end from one call to the next.
    fn next_blocks(&self, file: &mut BufReader<File>, rest: &mut Vec<u8>) -> Result<(Vec<Vec<u8>>, bool), ReportError> {
        let mut blocks = Vec::new();
        for _ in 0..rayon::current_num_threads() {
            let mut block = std::mem::take(rest);
            block.reserve_exact(BLOCK_BYTES);
            let read = file
                .by_ref()
                .take(BLOCK_BYTES as u64)
                .read_to_end(&mut block)
                .map_err(|source| ReportError::Read { path: self.path.clone(), source })?;
            let whole = block.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            rest.extend_from_slice(&block[whole..]);
            block.truncate(whole);
            if !block.is_empty() {
                blocks.push(block);
            }
            if read == 0 {
                return Ok((blocks, true));
            }
        }
        Ok((blocks, false))
    }
}

impl Block<'_> {
    /// Calls `row` for each row, in order.
    pub(crate) fn each_row(
        &self,
        mut row: impl FnMut(&RowView<'_>) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        let mut cells = Cells::default();
        for (line, bytes) in (self.first_line..).zip(self.bytes.split_inclusive(|&byte| byte == b'\n')) {
            let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            cells.split(bytes.strip_suffix(b"\r").unwrap_or(bytes));
            let view = RowView { block: self, line, cells: &cells };
            view.check_length()?;
            row(&view)?;
        }
        Ok(())
    }
}

/// The cells of one line, as the csv crate would split it; made for speed, since a million rows pass through here.
#[derive(Default)]
pub(crate) struct Cells {
    /// The line, and behind it the text of cells that does not stand in it as one piece.
    bytes: Vec<u8>,
    /// Where each cell lies in `bytes`.
    spans: Vec<(usize, usize)>,
}

impl Cells {
    /// Splits a line, given without its line end.
    pub(crate) fn split(&mut self, line: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(line);
        self.spans.clear();
        let mut start = 0;
        loop {
            let end = if line.get(start) == Some(&b'"') {
                self.take_quoted(line, start + 1)
            } else {
                let end = find(b',', line, start);
                self.spans.push((start, end));
                end
            };
            if end == line.len() {
                return;
            }
            start = end + 1;
        }
    }

    /// Takes the cell whose text begins at `start`, `""` standing for a quote, and returns where it ends in the line.
    fn take_quoted(&mut self, line: &[u8], start: usize) -> usize {
        let mut close = find(b'"', line, start);
        let after = (close + 1).min(line.len());
        if after == line.len() || line[after] == b',' {
            self.spans.push((start, close));
            return after;
        }
        let (text, mut from) = (self.bytes.len(), start);
        while line.get(close + 1) == Some(&b'"') {
            self.bytes.extend_from_slice(&line[from..=close]);
            from = close + 2;
            close = find(b'"', line, from);
        }
        self.bytes.extend_from_slice(&line[from..close]);
        // What stands between the quote and the comma belongs to the cell, as the csv crate has it.
        let rest = (close + 1).min(line.len());
        let end = find(b',', line, rest);
        self.bytes.extend_from_slice(&line[rest..end]);
        self.spans.push((text, self.bytes.len()));
        end
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// One of them.
    pub(crate) fn get(&self, at: usize) -> &[u8] {
        let (start, end) = self.spans[at];
        &self.bytes[start..end]
    }
}

/// Where `byte` stands in a line from `start` on; the line's length where it does not.
fn find(byte: u8, line: &[u8], start: usize) -> usize {
    line[start..].iter().position(|&found| found == byte).map_or(line.len(), |at| start + at)
}

impl RowView<'_> {
    /// Line in the file, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.block.table.path
    }

    /// Text of a column, by its index in the wanted titles.
    pub(crate) fn text(&self, column: usize) -> Result<&str, ReportError> {
        std::str::from_utf8(self.bytes(column)).map_err(|_| self.bad(column, "text in UTF-8"))
    }

    /// Value of a column.
    pub(crate) fn cell<T: Cell>(&self, column: usize) -> Result<T, ReportError> {
        T::read(self.text(column)?).ok_or_else(|| self.bad(column, T::KIND.expected()))
    }

    fn bytes(&self, column: usize) -> &[u8] {
        self.cells.get(self.block.table.positions[column])
    }

    fn bad(&self, column: usize, expected: &'static str) -> ReportError {
        let found = String::from_utf8_lossy(self.bytes(column)).into_owned();
        let column = self.block.table.titles[column].clone();
        ReportError::Cell { path: self.path().into(), line: self.line, column, found, expected }
    }

    fn check_length(&self) -> Result<(), ReportError> {
        let (found, expected) = (self.cells.len(), self.block.table.positions.len());
        if found == expected {
            return Ok(());
        }
        Err(ReportError::RowLength { path: self.path().into(), line: self.line, found, expected })
    }
}

/// Index of a column of a row type among its titles.
pub(crate) fn column<R: Row>(name: &str) -> usize {
    R::COLUMNS.iter().position(|column| column.name == name).expect("a column of this row type")
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// Rows of the file if all were like the first block's, and a little more.
fn expect_rows(file_bytes: u64, block_bytes: usize, block_lines: u64) -> usize {
    let rows = file_bytes as f64 / block_bytes as f64 * block_lines as f64;
    (rows * 1.02) as usize + 64
}

/// Where each wanted title stands in the title line, which must hold these and no others.
fn find_columns(path: &Path, line: &[u8], titles: &[&str]) -> Result<Vec<usize>, ReportError> {
    let mut record = csv::ByteRecord::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line);
    reader
        .read_byte_record(&mut record)
        .map_err(|error| ReportError::Read { path: path.into(), source: std::io::Error::other(error) })?;
    let mut positions = vec![None; titles.len()];
    for (at, found) in record.iter().enumerate() {
        let wanted = titles.iter().position(|title| title.as_bytes() == found);
        match wanted.map(|wanted| &mut positions[wanted]) {
            Some(position @ None) => *position = Some(at),
            _ => {
                let column = String::from_utf8_lossy(found).into_owned();
                return Err(ReportError::UnknownColumn { path: path.into(), column });
            }
        }
    }
    let missing = |title: &str| ReportError::MissingColumn { path: path.into(), column: title.into() };
    positions.into_iter().zip(titles).map(|(position, title)| position.ok_or_else(|| missing(title))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &[u8]) -> Vec<Vec<u8>> {
        let mut cells = Cells::default();
        cells.split(line);
        (0..cells.len()).map(|at| cells.get(at).to_vec()).collect()
    }

    fn check(line: &str, expect: &[&str]) {
        let expect: Vec<Vec<u8>> = expect.iter().map(|cell| cell.as_bytes().to_vec()).collect();
        assert_eq!(split(line.as_bytes()), expect, "{line}");
    }

    #[test]
    fn a_line_is_split_at_commas_outside_quotes() {
        check("", &[""]);
        check("a", &["a"]);
        check("a,,b,", &["a", "", "b", ""]);
        check("\"a,b\",c", &["a,b", "c"]);
        check("\"say \"\"x\"\"\",\"\"", &["say \"x\"", ""]);
        check("\"a\"b,c", &["ab", "c"]);
        check("\"open", &["open"]);
    }

    proptest! {
        /// What the csv crate writes comes back.
        #[test]
        fn written_cells_come_back(cells in prop::collection::vec("[a-z,\" ]{0,6}", 2..6)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&cells).unwrap();
            let line = writer.into_inner().unwrap();
            let expect: Vec<Vec<u8>> = cells.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(split(line.strip_suffix(b"\n").unwrap()), expect);
        }
    }
}
