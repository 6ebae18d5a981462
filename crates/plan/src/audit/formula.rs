//! A formula over printed cells: `mean_time_ms * (1 - gc_stw_share_percent / 100)`, `throughput_req_per_s[64] / 8`,
//! `task_storm.mean_time_ms[100]`, `ln(v)`. Names are columns of the row at hand, `column[KEY]` the row whose first cell is
//! KEY, `table.column[KEY]` that of another table; a computation adds names of its own (`n`, `v`, parameters of a model).

use std::fmt;
use std::str::FromStr;

/// Deeper nesting is no formula of an article.
const DEPTH_MOST: u32 = 64;

/// A formula, read once; it is written as its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    text: String,
    root: Node,
}

/// A name in a formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// `table.` before it.
    pub table: Option<String>,
    /// Column, or a name that the computation gives.
    pub name: String,
    /// `[KEY]` behind it.
    pub key: Option<String>,
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table.as_ref().map_or(Ok(()), |table| write!(out, "{table}."))?;
        write!(out, "{name}", name = self.name)?;
        self.key.as_ref().map_or(Ok(()), |key| write!(out, "[{key}]"))
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    Name(Name),
    Negated(Box<Node>),
    Pair(char, Box<Node>, Box<Node>),
    Call(Function, Box<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Ln,
    Exp,
    Sqrt,
    Abs,
}

/// What is wrong with a formula.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\": {what} at letter {letter}")]
pub struct FormulaError {
    text: String,
    what: String,
    letter: usize,
}

impl Formula {
    /// Its value; `look` gives that of each name.
    ///
    /// # Errors
    /// The first error of `look`.
    pub fn value<E>(&self, look: &mut dyn FnMut(&Name) -> Result<f64, E>) -> Result<f64, E> {
        self.root.value(look)
    }

    /// Every name in it, in the order written.
    pub fn names(&self) -> Vec<&Name> {
        let mut names = Vec::new();
        self.root.collect(&mut names);
        names
    }
}

impl Node {
    fn value<E>(&self, look: &mut dyn FnMut(&Name) -> Result<f64, E>) -> Result<f64, E> {
        Ok(match self {
            Node::Number(number) => *number,
            Node::Name(name) => look(name)?,
            Node::Negated(node) => -node.value(look)?,
            Node::Pair(sign, left, right) => {
                let (left, right) = (left.value(look)?, right.value(look)?);
                match sign {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    '/' => left / right,
                    _ => left.powf(right),
                }
            }
            Node::Call(function, node) => {
                let value = node.value(look)?;
                match function {
                    Function::Ln => value.ln(),
                    Function::Exp => value.exp(),
                    Function::Sqrt => value.sqrt(),
                    Function::Abs => value.abs(),
                }
            }
        })
    }

    fn collect<'a>(&'a self, names: &mut Vec<&'a Name>) {
        match self {
            Node::Number(_) => {}
            Node::Name(name) => names.push(name),
            Node::Negated(node) | Node::Call(_, node) => node.collect(names),
            Node::Pair(_, left, right) => {
                left.collect(names);
                right.collect(names);
            }
        }
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.text)
    }
}

crate::text::serde_as_text!(Formula);

impl FromStr for Formula {
    type Err = FormulaError;

    fn from_str(text: &str) -> Result<Formula, FormulaError> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        let root = reader.sum()?;
        match reader.peek() {
            None => Ok(Formula { text: text.into(), root }),
            Some(letter) => Err(reader.error(format!("'{letter}' was not expected"))),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl Reader<'_> {
    /// The next letter that is no blank.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, letter: char) -> bool {
        let found = self.peek() == Some(letter);
        self.at += if found { letter.len_utf8() } else { 0 };
        found
    }

    fn error(&self, what: impl Into<String>) -> FormulaError {
        let letter = 1 + self.text[..self.at].chars().count();
        FormulaError { text: self.text.escape_debug().to_string(), what: what.into(), letter }
    }

    fn sum(&mut self) -> Result<Node, FormulaError> {
        self.depth += 1;
        if self.depth > DEPTH_MOST {
            return Err(self.error("nested too deeply"));
        }
        let mut left = self.product()?;
        while let Some(sign @ ('+' | '-')) = self.peek() {
            self.at += 1;
            left = Node::Pair(sign, Box::new(left), Box::new(self.product()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn product(&mut self) -> Result<Node, FormulaError> {
        let mut left = self.signed()?;
        while let Some(sign @ ('*' | '/')) = self.peek() {
            self.at += 1;
            left = Node::Pair(sign, Box::new(left), Box::new(self.signed()?));
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Node, FormulaError> {
        self.depth += 1;
        if self.depth > DEPTH_MOST {
            return Err(self.error("nested too deeply"));
        }
        let node = if self.take('-') {
            Node::Negated(Box::new(self.signed()?))
        } else {
            let base = self.atom()?;
            match self.take('^') {
                true => Node::Pair('^', Box::new(base), Box::new(self.signed()?)),
                false => base,
            }
        };
        self.depth -= 1;
        Ok(node)
    }

    fn atom(&mut self) -> Result<Node, FormulaError> {
        match self.peek() {
            Some('(') => self.bracketed(),
            Some('0'..='9' | '.') => self.number(),
            Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => self.name(),
            Some(letter) => Err(self.error(format!("'{letter}' was not expected"))),
            None => Err(self.error("it ends too early")),
        }
    }

    fn bracketed(&mut self) -> Result<Node, FormulaError> {
        self.take('(');
        let inner = self.sum()?;
        if self.take(')') { Ok(inner) } else { Err(self.error("a ) is missing")) }
    }

    fn number(&mut self) -> Result<Node, FormulaError> {
        let rest = &self.text[self.at..];
        let digits = |rest: &str| rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let mut length = digits(rest);
        if let Some(power) = rest[length..].strip_prefix(['e', 'E']) {
            let sign = usize::from(power.starts_with(['-', '+']));
            let power = power[sign..].bytes().take_while(u8::is_ascii_digit).count();
            length += if power > 0 { 1 + sign + power } else { 0 };
        }
        let number = rest[..length].parse::<f64>().ok().filter(|number| number.is_finite());
        let number = number.ok_or_else(|| self.error(format!("\"{}\" is no number", &rest[..length])))?;
        self.at += length;
        Ok(Node::Number(number))
    }

    fn word(&mut self) -> Result<String, FormulaError> {
        self.peek();
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if length == 0 {
            return Err(self.error("a name is missing"));
        }
        self.at += length;
        Ok(rest[..length].into())
    }

    fn name(&mut self) -> Result<Node, FormulaError> {
        let first = self.word()?;
        if self.peek() == Some('(') {
            let function = match first.as_str() {
                "ln" => Function::Ln,
                "exp" => Function::Exp,
                "sqrt" => Function::Sqrt,
                "abs" => Function::Abs,
                _ => return Err(self.error(format!("{first} is no function; known: ln, exp, sqrt, abs"))),
            };
            return Ok(Node::Call(function, Box::new(self.bracketed()?)));
        }
        let (table, name) = if self.take('.') { (Some(first), self.word()?) } else { (None, first) };
        let key = if self.take('[') {
            let rest = &self.text[self.at..];
            let Some(length) = rest.find(']') else { return Err(self.error("a ] is missing")) };
            self.at += length + 1;
            Some(rest[..length].trim().to_string())
        } else {
            None
        };
        Ok(Node::Name(Name { table, name, key }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: f64) {
        let formula: Formula = text.parse().expect(text);
        let mut look = |name: &Name| match name.to_string().as_str() {
            "n" => Ok(3.0),
            "time[10]" => Ok(0.5),
            "storm.time[1 000]" => Ok(8.0),
            unknown => Err(unknown.to_string()),
        };
        assert_eq!(formula.value(&mut look), Ok(expect), "{text}");
        let again: Formula = formula.to_string().parse().expect(text);
        assert_eq!(again, formula);
    }

    #[test]
    fn values() {
        check("1 + 2 * 3", 7.0);
        check("2 * n ^ 2 - -1", 19.0);
        check("-n^2", -9.0);
        check("2 ^ 3 ^ 2", 512.0);
        check("8 / 4 / 2", 1.0);
        check("(1+2)*3", 9.0);
        check("1e1 + 2.5e-1", 10.25);
        check("storm.time[1 000] / time[ 10 ]", 16.0);
        check("exp(0) + ln(exp(1)) + sqrt(4) + abs(-n)", 7.0);
    }

    #[test]
    fn errors_say_where() {
        let check = |text: &str, expect: &str| {
            let error = text.parse::<Formula>().expect_err(text).to_string();
            assert_eq!(error, format!("\"{text}\": {expect}"));
        };
        check("", "it ends too early at letter 1");
        check("1 +", "it ends too early at letter 4");
        check("(1", "a ) is missing at letter 3");
        check("a[1", "a ] is missing at letter 3");
        check("1 2", "'2' was not expected at letter 3");
        check("1..2", "\"1..2\" is no number at letter 1");
        check("sin(1)", "sin is no function; known: ln, exp, sqrt, abs at letter 4");
        check("a.", "a name is missing at letter 3");
        check("é", "'é' was not expected at letter 1");
        for deep in ["(".repeat(10_000), "-".repeat(10_000), "2^".repeat(10_000)] {
            assert!(deep.parse::<Formula>().expect_err("deep").to_string().contains("nested too deeply"));
        }
    }

    #[test]
    fn names_are_those_written() {
        let formula: Formula = "a * ln(t.b[x]) - a".parse().expect("a formula");
        let names: Vec<String> = formula.names().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["a", "t.b[x]", "a"]);
    }
}
