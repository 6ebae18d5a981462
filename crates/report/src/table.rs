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
const BLOCK_BYTES: usize = 1 << 18;

/// Blocks of one round for each thread, so that no thread waits long for the others.
const BLOCKS_A_THREAD: usize = 4;

/// A CSV whose title line has been checked.
pub(crate) struct Table {
    columns: Columns,
    source: Source,
}

/// Which column stands where.
struct Columns {
    path: PathBuf,
    titles: Vec<String>,
    /// Where each wanted column stands in a row of the file.
    positions: Vec<usize>,
}

/// The file as it is read.
struct Source {
    path: PathBuf,
    file: BufReader<File>,
    /// Size of the file.
    bytes: u64,
    /// Line that the next block begins with, from 1.
    line: u64,
    /// The torn end of what was read so far.
    rest: Vec<u8>,
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

/// Whole lines of the file.
struct Lines {
    first_line: u64,
    count: u64,
    bytes: Vec<u8>,
}

/// Whole lines of a table.
pub(crate) struct Block<'a> {
    columns: &'a Columns,
    lines: &'a Lines,
}

/// One row of a [`Block`].
pub(crate) struct RowView<'a> {
    columns: &'a Columns,
    line: u64,
    text: &'a str,
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
        Ok(Table {
            columns: Columns { path: path.into(), titles, positions },
            source: Source { path: path.into(), file, bytes, line: 2, rest: Vec::new(), digest },
        })
    }

    /// Whether the file's sum is made while it is read, beside the parsing: that is cheaper than to read it twice.
    pub(crate) fn summed(mut self, wanted: bool) -> Table {
        self.source.digest = self.source.digest.filter(|_| wanted);
        self
    }

    /// Parses every block and hands the parts over in file order, each with the number of rows the file seems to have.
    pub(crate) fn read<T: Send>(
        self,
        parse: impl Fn(Block<'_>) -> Result<T, ReportError> + Sync,
        mut take: impl FnMut(T, usize) + Send,
    ) -> Result<Ended, ReportError> {
        let Table { columns, mut source } = self;
        let mut blocks = source.next_blocks()?;
        let rows_expected = blocks.first().map_or(0, |block| source.expect_rows(block));
        let mut parsed = Vec::new();
        while !blocks.is_empty() {
            // While these blocks are parsed, those before are taken and those behind are read.
            let parse_all = || {
                let parts = blocks.par_iter().map(|lines| parse(Block { columns: &columns, lines }));
                parts.collect::<Vec<Result<T, ReportError>>>()
            };
            let meanwhile = || {
                parsed.drain(..).for_each(|part| take(part, rows_expected));
                source.next_blocks()
            };
            let (parts, next) = rayon::join(parse_all, meanwhile);
            parsed = parts.into_iter().collect::<Result<_, _>>()?;
            blocks = next?;
        }
        parsed.into_iter().for_each(|part| take(part, rows_expected));
        Ok(source.ended())
    }
}

impl Source {
    /// The next blocks, some for each thread; none at the end of the file.
    fn next_blocks(&mut self) -> Result<Vec<Lines>, ReportError> {
        let mut blocks = Vec::new();
        while blocks.len() < BLOCKS_A_THREAD * rayon::current_num_threads() {
            let mut bytes = std::mem::take(&mut self.rest);
            let before = bytes.len();
            bytes.reserve_exact(BLOCK_BYTES);
            let read = (&mut self.file)
                .take(BLOCK_BYTES as u64)
                .read_to_end(&mut bytes)
                .map_err(|source| ReportError::Read { path: self.path.clone(), source })?;
            if let Some(digest) = &mut self.digest {
                digest.update(&bytes[before..]);
            }
            let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
            self.rest.extend_from_slice(&bytes[whole..]);
            bytes.truncate(whole);
            if !bytes.is_empty() {
                let count = memchr::memchr_iter(b'\n', &bytes).count() as u64;
                blocks.push(Lines { first_line: self.line, count, bytes });
                self.line += count;
            }
            if read == 0 {
                break;
            }
        }
        Ok(blocks)
    }

    /// Rows of the file if all were like this block's, and a little more.
    fn expect_rows(&self, block: &Lines) -> usize {
        let rows = self.bytes as f64 / block.bytes.len() as f64 * block.count as f64;
        (rows * 1.02) as usize + 64
    }

    fn ended(self) -> Ended {
        let sum = self.digest.map(|digest| hex(&digest.finalize()));
        Ended { torn: (!self.rest.is_empty()).then_some(self.line), sum }
    }
}

impl Block<'_> {
    /// How many there are.
    pub(crate) fn rows(&self) -> usize {
        self.lines.count as usize
    }

    /// Calls `row` for each row, in order.
    pub(crate) fn each_row(
        &self,
        mut row: impl FnMut(&RowView<'_>) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        let bytes = &self.lines.bytes;
        // At once for the whole block: cell by cell it would cost as much as the parsing of numbers.
        let (text, bad) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) => {
                let line_start = memchr::memrchr(b'\n', &bytes[..error.valid_up_to()]).map_or(0, |at| at + 1);
                let text =
                    std::str::from_utf8(&bytes[..line_start]).expect("it ends before the bytes that are no text");
                (text, &bytes[line_start..])
            }
        };
        let mut cells = Cells::default();
        let (mut line, mut start) = (self.lines.first_line, 0);
        for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
            let text = &text[start..end];
            let text = text.strip_suffix('\r').unwrap_or(text);
            cells.split(text);
            let view = RowView { columns: self.columns, line, text, cells: &cells };
            view.check_length()?;
            row(&view)?;
            (line, start) = (line + 1, end + 1);
        }
        if bad.is_empty() { Ok(()) } else { Err(self.columns.not_text(line, bad)) }
    }
}

impl Columns {
    /// The error of the line that `bytes` begins with, which is not UTF-8.
    fn not_text(&self, line: u64, bytes: &[u8]) -> ReportError {
        let text = String::from_utf8_lossy(bytes);
        let text = text.lines().next().unwrap_or_default();
        let mut cells = Cells::default();
        cells.split(text);
        let at = (0..cells.len()).find(|at| cells.get(text, *at).contains(char::REPLACEMENT_CHARACTER)).unwrap_or(0);
        let title = self.positions.iter().position(|position| *position == at).map(|title| &self.titles[title]);
        ReportError::Cell {
            path: self.path.clone(),
            line,
            column: title.cloned().unwrap_or_else(|| (at + 1).to_string()),
            found: cells.get(text, at).into(),
            expected: "text in UTF-8",
        }
    }
}

/// Where the cells of one line are, as the csv crate would split it; made for speed, since a million rows pass through
/// here.
#[derive(Default)]
pub(crate) struct Cells {
    /// Where each cell lies in the line, or behind its end in `unquoted`.
    spans: Vec<(usize, usize)>,
    /// Text of cells that does not stand in the line as one piece.
    unquoted: String,
}

impl Cells {
    /// Splits a line, given without its line end.
    pub(crate) fn split(&mut self, line: &str) {
        self.spans.clear();
        self.unquoted.clear();
        let bytes = line.as_bytes();
        let mut start = 0;
        while start <= bytes.len() {
            let end = match bytes.get(start) {
                Some(b'"') => self.take_quoted(line, start + 1),
                _ => {
                    let end = next_comma(bytes, start);
                    self.spans.push((start, end));
                    end
                }
            };
            start = end + 1;
        }
    }

    /// Takes the cell whose text begins at `start`, `""` standing for a quote, and returns where it ends in the line.
    fn take_quoted(&mut self, line: &str, start: usize) -> usize {
        let mut close = find(b'"', line, start);
        let after = (close + 1).min(line.len());
        if after == line.len() || line.as_bytes()[after] == b',' {
            self.spans.push((start, close));
            return after;
        }
        let (text, mut from) = (line.len() + self.unquoted.len(), start);
        while line.as_bytes().get(close + 1) == Some(&b'"') {
            self.unquoted.push_str(&line[from..=close]);
            from = close + 2;
            close = find(b'"', line, from);
        }
        self.unquoted.push_str(&line[from..close]);
        // What stands between the quote and the comma belongs to the cell, as the csv crate has it.
        let rest = (close + 1).min(line.len());
        let end = find(b',', line, rest);
        self.unquoted.push_str(&line[rest..end]);
        self.spans.push((text, line.len() + self.unquoted.len()));
        end
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// One of them, of the line that was split.
    pub(crate) fn get<'a>(&'a self, line: &'a str, at: usize) -> &'a str {
        let (start, end) = self.spans[at];
        line.get(start..end).unwrap_or_else(|| &self.unquoted[start - line.len()..end - line.len()])
    }
}

/// Where the next comma stands, eight bytes at a step: cells are too short for a search by memchr to pay.
fn next_comma(line: &[u8], start: usize) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut at = start;
    while let Some(eight) = line.get(at..at + 8) {
        let differs = u64::from_le_bytes(eight.try_into().expect("eight bytes")) ^ (EACH * b',' as u64);
        // The high bit of each byte that is 0 here.
        let commas = !(((differs & (EACH * 0x7f)) + EACH * 0x7f) | differs) & (EACH * 0x80);
        if commas != 0 {
            return at + commas.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    line[at..].iter().position(|&byte| byte == b',').map_or(line.len(), |after| at + after)
}

/// Where `byte` stands in a line from `start` on; the line's length where it does not.
fn find(byte: u8, line: &str, start: usize) -> usize {
    memchr::memchr(byte, &line.as_bytes()[start..]).map_or(line.len(), |at| start + at)
}

impl RowView<'_> {
    /// Line in the file, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.columns.path
    }

    /// Text of a column, by its index in the wanted titles.
    pub(crate) fn text(&self, column: usize) -> &str {
        self.cells.get(self.text, self.columns.positions[column])
    }

    /// Value of a column.
    pub(crate) fn cell<T: Cell>(&self, column: usize) -> Result<T, ReportError> {
        T::read(self.text(column)).ok_or_else(|| ReportError::Cell {
            path: self.path().into(),
            line: self.line,
            column: self.columns.titles[column].clone(),
            found: self.text(column).into(),
            expected: T::KIND.expected(),
        })
    }

    fn check_length(&self) -> Result<(), ReportError> {
        let (found, expected) = (self.cells.len(), self.columns.positions.len());
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

    fn split(line: &str) -> Vec<String> {
        let mut cells = Cells::default();
        cells.split(line);
        (0..cells.len()).map(|at| cells.get(line, at).to_string()).collect()
    }

    fn check(line: &str, expect: &[&str]) {
        assert_eq!(split(line), expect, "{line}");
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
        check("\"a\"\"\",\"b\"\"\",", &["a\"", "b\"", ""]);
        check("a\"b\"c,d", &["a\"b\"c", "d"]);
    }

    #[test]
    fn a_comma_is_found_at_each_place_of_a_step() {
        for length in 0..20 {
            // Its second byte is a comma's with the high bit.
            let (first, second) = ("a".repeat(length), "¬".repeat(length));
            check(&format!("{first},{second},"), &[&first, &second, ""]);
            check(&format!("{second},\"{first}, \",x"), &[&second, &format!("{first}, "), "x"]);
        }
    }

    /// Reads columns b and a of a file; the rows it gave, in order, and how it ended.
    fn read_table(bytes: &[u8]) -> Result<(Vec<[u64; 3]>, Ended), ReportError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        let mut rows = Vec::new();
        let parse = |block: Block<'_>| {
            let mut part = Vec::new();
            block.each_row(|row| {
                part.push([row.line(), row.cell(0)?, row.cell(1)?]);
                Ok(())
            })?;
            Ok(part)
        };
        let ended = Table::open(&path, &["b", "a"])?.summed(true).read(parse, |part, _| rows.extend(part))?;
        Ok((rows, ended))
    }

    #[test]
    fn many_blocks_give_every_row_once_in_order() {
        let mut text = String::from("a,b\n");
        let rows = (2 * BLOCKS_A_THREAD * rayon::current_num_threads() + 1) * BLOCK_BYTES / 12;
        let expect: Vec<_> = (0..rows as u64).map(|row| [row + 2, row % 7, row]).collect();
        expect.iter().for_each(|[_, b, a]| text += &format!("{a:09},{b}\r\n"));
        text += "1,2";
        let (found, ended) = read_table(text.as_bytes()).unwrap();
        assert!(found == expect, "{} rows of {rows}", found.len());
        assert_eq!(ended.torn, Some(rows as u64 + 2));
        assert_eq!(ended.sum, Some(crate::sums::sum_of(text.as_bytes())));
    }

    #[test]
    fn bytes_that_are_no_text_are_told_by_line_and_column() {
        let told = |bytes: &[u8]| read_table(bytes).map(|_| ()).unwrap_err().to_string();
        let found = told(b"a,b\n1,2\n3,\xff4\n5,6\n");
        assert!(found.contains("t.csv:3: column b: found") && found.contains("text in UTF-8"), "{found}");
        // What comes first is told first.
        let found = told(b"a,b\nx,2\n3,\xff4\n");
        assert!(found.contains("t.csv:2: column a: found \"x\""), "{found}");
    }

    proptest! {
        /// What the csv crate writes comes back.
        #[test]
        fn written_cells_come_back(cells in prop::collection::vec("[a-z,\" ]{0,6}", 2..6)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&cells).unwrap();
            let line = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(split(line.strip_suffix('\n').unwrap()), cells);
        }
    }
}
