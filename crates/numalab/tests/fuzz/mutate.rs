//! Mutations of a text: of its bytes, its words, its lines. Small, blind and fast.

use plan::random::{below, draw, split};

/// Longest text that is made: what grows is an input of the same kind, not a test of the disk.
const BYTES_MOST: usize = 1 << 16;

/// Words that readers stumble over.
const NASTY: &[&str] = &[
    "",
    "0",
    "1",
    "-1",
    "00",
    "010",
    "0x10",
    "255",
    "256",
    "4096",
    "32767",
    "32768",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "1e999",
    "-0.0",
    "0.5",
    "nan",
    "inf",
    "INF",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "\"\"",
    "\u{0}",
    "é",
    "\u{fffd}",
    "all",
    "!",
    "+",
    "0-32767",
    "1..=4096",
    "0..=18446744073709551615",
    "99999999999GiB",
    "2001-02-29",
    "=",
    ",",
    ",,",
    "\n",
    "\r\n",
    "'",
    "\"",
];

/// A stream of draws.
pub(crate) struct Draws {
    key: u64,
    counter: u64,
}

impl Draws {
    /// Those of one case.
    pub(crate) fn new(parser: &str, seed: u64, case: u64) -> Draws {
        let key = parser.bytes().fold(seed, |key, byte| split(key, u64::from(byte)));
        Draws { key: split(key, case), counter: 0 }
    }

    /// A number in 0..bound; 0 where that is empty.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.counter += 1;
        below(draw(self.key, self.counter), bound as u64) as usize
    }

    /// One of some.
    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, some: &[&'a T]) -> &'a T {
        some[self.below(some.len())]
    }

    /// A place in a text, and a short way from it.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let start = self.below(length + 1);
        let most = 1 << self.below(9);
        (start, (start + self.below(most + 1)).min(length))
    }
}

/// A text like this one, one edit away, or up to eight; one in 64 is left as it is.
pub(crate) fn mutate(seed: &[u8], draws: &mut Draws) -> Vec<u8> {
    let mut text = seed.to_vec();
    if draws.below(64) == 0 {
        return text;
    }
    let more = draws.below(2) * draws.below(8);
    for _ in 0..=more {
        edit(&mut text, draws);
        text.truncate(BYTES_MOST);
    }
    text
}

fn edit(text: &mut Vec<u8>, draws: &mut Draws) {
    match draws.below(16) {
        0 => {
            let at = draws.below(text.len());
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << draws.below(8);
            }
        }
        1 => {
            let at = draws.below(text.len() + 1);
            text.insert(at, draws.below(256) as u8);
        }
        2 => {
            let (start, end) = draws.range(text.len());
            text.drain(start..end);
        }
        3 => {
            let (start, end) = draws.range(text.len());
            let copy = text[start..end].repeat(1 + draws.below(8));
            let at = draws.below(text.len() + 1);
            text.splice(at..at, copy);
        }
        4 if draws.below(4) == 0 => {
            let length = draws.below(text.len() + 1);
            text.truncate(length);
        }
        4 => text.extend(std::iter::repeat_n(0, draws.below(16))),
        5 | 6 => edit_lines(text, draws),
        7 => {
            let (from, to) = (word_at(text, draws), word_at(text, draws));
            let copy = text[from.0..from.1].to_vec();
            text.splice(to.0..to.1, copy);
        }
        8 => {
            let (start, end) = word_at(text, draws);
            let number = format!("{}", draw_number(draws));
            text.splice(start..end, number.into_bytes());
        }
        _ => {
            let (start, end) = word_at(text, draws);
            text.splice(start..end, draws.one_of(NASTY).bytes());
        }
    }
}

/// Small numbers are likelier than large ones.
fn draw_number(draws: &mut Draws) -> u64 {
    let bits = draws.below(64) as u32;
    (draws.below(usize::MAX) as u64) >> (63 - bits)
}

/// The word around or after a random place: letters, digits, `.`, `_`, `-`.
fn word_at(text: &[u8], draws: &mut Draws) -> (usize, usize) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let at = draws.below(text.len() + 1);
    let start = at + text[at..].iter().position(is_word).unwrap_or(text.len() - at);
    let start = text[..start].iter().rposition(|byte| !is_word(byte)).map_or(0, |before| before + 1).min(start);
    let end = start + text[start..].iter().position(|byte| !is_word(byte)).unwrap_or(text.len() - start);
    (start, end)
}

fn edit_lines(text: &mut Vec<u8>, draws: &mut Draws) {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (from, to) = (draws.below(lines.len()), draws.below(lines.len()));
    match draws.below(4) {
        0 => lines.swap(from, to),
        1 => {
            lines.remove(from);
        }
        2 => lines.insert(to, lines[from].clone()),
        _ => {
            let copies = std::iter::repeat_n(lines[from].clone(), draws.below(64));
            lines.splice(to..to, copies);
        }
    }
    *text = lines.concat();
}
