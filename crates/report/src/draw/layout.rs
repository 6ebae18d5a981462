//! Where text goes, so that nothing overlaps: widths, wrapped lines, the legend's rows, the flags of vertical marks.
//!
//! Widths are estimated from the letters, a little too wide on purpose: no font is at hand, and each reader has another.

/// Height of ordinary text in pixels.
pub(super) const TEXT: f64 = 13.0;
/// Distance from one line of text to the next.
pub(super) const LINE: f64 = 18.0;

/// Width of a text in pixels in a sans-serif font of this height.
pub(super) fn width(text: &str, height: f64) -> f64 {
    let letter = |letter: char| match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.32,
        ' ' | 'f' | 't' | 'r' | 'I' | '(' | ')' | '[' | ']' | '-' | '/' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.92,
        'A'..='Z' => 0.72,
        letter if (letter as u32) < 0x2000 => 0.6,
        // CJK and symbols.
        _ => 1.0,
    };
    text.chars().map(letter).sum::<f64>() * height
}

/// Lines of at most `most` pixels, broken at blanks; a word wider than that is cut.
pub(super) fn wrap(text: &str, height: f64, most: f64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let joined = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
        if width(&joined, height) <= most {
            line = joined;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word.chars() {
            if width(&line, height) + height > most {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Left edges and rows of items of these widths, laid like words; an item wider than `most` gets a row of its own.
pub(super) fn flow(widths: &[f64], most: f64) -> Vec<(f64, usize)> {
    let (mut left, mut row) = (0.0, 0);
    let place = |&width: &f64| {
        if left > 0.0 && left + width > most {
            (left, row) = (0.0, row + 1);
        }
        let at = (left, row);
        left += width;
        at
    };
    widths.iter().map(place).collect()
}

/// A label beside the upper end of a vertical line; row 0 is nearest to the plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Flag {
    /// Left edge of the label.
    pub(super) left: f64,
    /// Right edge of it.
    pub(super) right: f64,
    /// Its row; the line reaches up to it.
    pub(super) row: usize,
    /// Where its line is.
    pub(super) line: f64,
}

/// Flags for lines at `(pixel, width of label)` between `left` and `right`, in the order given. No label meets another
/// label or the line of another, unless a dozen marks crowd one place: then labels are stacked.
pub(super) fn flags(marks: &[(f64, f64)], left: f64, right: f64) -> Vec<Flag> {
    let mut order: Vec<usize> = (0..marks.len()).collect();
    // From the right first: a label then reaches over lines that are already placed, not over those still to come.
    order.sort_by(|&one, &other| marks[other].0.total_cmp(&marks[one].0));
    let mut placed: Vec<(usize, Flag)> = Vec::new();
    let mut tries = 2000;
    if !place_flags(marks, (left, right), &order, &mut placed, &mut tries) {
        placed = order.iter().zip(0..).map(|(&at, row)| (at, stacked(marks[at], (left, right), row))).collect();
    }
    placed.sort_by_key(|&(at, _)| at);
    placed.into_iter().map(|(_, flag)| flag).collect()
}

// Places the marks of `order`, one after another; where one finds no room, another goes first.
fn place_flags(
    marks: &[(f64, f64)],
    edges: (f64, f64),
    order: &[usize],
    placed: &mut Vec<(usize, Flag)>,
    tries: &mut u32,
) -> bool {
    if order.is_empty() {
        return true;
    }
    for (nth, &at) in order.iter().enumerate() {
        *tries = tries.saturating_sub(1);
        if *tries == 0 {
            return false;
        }
        let Some(flag) = free_flag(marks[at], edges, placed) else { continue };
        placed.push((at, flag));
        let rest: Vec<usize> = order.iter().enumerate().filter(|&(other, _)| other != nth).map(|(_, &at)| at).collect();
        if place_flags(marks, edges, &rest, placed, tries) {
            return true;
        }
        placed.pop();
    }
    false
}

// The lowest row, to the right of the line if there is room, where nothing that is placed is met.
fn free_flag((line, width): (f64, f64), (left, right): (f64, f64), placed: &[(usize, Flag)]) -> Option<Flag> {
    let free = |flag: &Flag| placed.iter().all(|(_, other)| !collide(flag, other));
    (0..=placed.len())
        .flat_map(|row| [line + 3.0, line - 3.0 - width].map(|left| Flag { left, right: left + width, row, line }))
        .find(|flag| flag.left >= left && flag.right <= right && free(flag))
}

fn stacked((line, width): (f64, f64), (left, right): (f64, f64), row: usize) -> Flag {
    let start = (line + 3.0).min(right - width).max(left);
    Flag { left: start, right: start + width, row, line }
}

fn collide(one: &Flag, other: &Flag) -> bool {
    const GAP: f64 = 4.0;
    let labels = one.row == other.row && one.left < other.right + GAP && other.left < one.right + GAP;
    let crosses = |line: &Flag, label: &Flag| {
        line.row >= label.row && line.line > label.left - 2.0 && line.line < label.right + 2.0
    };
    labels || crosses(one, other) || crosses(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_long_words_are_cut() {
        let check = |text: &str, most: f64, expect: &[&str]| assert_eq!(wrap(text, 10.0, most), expect, "{text:?}");
        check("", 100.0, &[]);
        check("one two", 1000.0, &["one two"]);
        check("one two three", 45.0, &["one two", "three"]);
        assert!(wrap(&"x".repeat(100), 10.0, 100.0).iter().all(|line| width(line, 10.0) <= 100.0));
    }

    #[test]
    fn flags_never_collide() {
        let check = |marks: &[(f64, f64)]| {
            let flags = flags(marks, 0.0, 700.0);
            for (at, one) in flags.iter().enumerate() {
                assert_eq!(one.line, marks[at].0);
                assert!(one.left >= 0.0 && one.right <= 700.0, "{marks:?}: {one:?}");
                for other in &flags[at + 1..] {
                    assert!(!collide(one, other), "{marks:?}: {one:?} meets {other:?}");
                }
            }
        };
        check(&[]);
        check(&[(10.0, 100.0), (20.0, 100.0), (30.0, 100.0)]);
        check(&[(690.0, 100.0), (680.0, 150.0), (600.0, 60.0)]);
        check(&[(100.0, 300.0), (350.0, 200.0), (699.0, 200.0), (50.0, 80.0), (52.0, 80.0)]);
    }

    #[test]
    fn legend_items_go_to_the_next_row_when_the_row_is_full() {
        assert_eq!(flow(&[60.0, 60.0, 200.0, 10.0], 130.0), [(0.0, 0), (60.0, 0), (0.0, 1), (0.0, 2)]);
    }
}
