//! Tables of an experiment file with the line of every key and value, so that an error names the line it is about.
//!
//! The sentence of every error about a value is the one of [`crate::PlanError::Impossible`]:
//! `seconds in [measure]: -1 cannot be; it must be a number above 0`.

use super::FileError;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The file's text and the path it is named by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// Line of a byte, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    pub(super) fn error(&self, offset: usize, message: impl Display) -> FileError {
        FileError { path: self.path.into(), line: Some(self.line(offset)), message: message.to_string() }
    }
}

/// A value with its place in the file.
pub(super) type Item<'a> = &'a Spanned<DeValue<'a>>;

/// One table of the file, with the title that messages call it by.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    pub(super) source: Source<'a>,
    pub(super) title: String,
    offset: usize,
    table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    pub(super) fn new(source: Source<'a>, title: impl Into<String>, offset: usize, table: &'a DeTable<'a>) -> Self {
        Section { source, title: title.into(), offset, table }
    }

    /// The same under another title.
    pub(super) fn titled(&self, title: String) -> Self {
        Section { title, ..self.clone() }
    }

    /// Line of the table itself.
    pub(super) fn line(&self) -> usize {
        self.source.line(self.offset)
    }

    /// Line of a key's value, or of the table where the key is absent.
    pub(super) fn line_of(&self, key: &str) -> usize {
        self.source.line(self.offset_of(key))
    }

    fn offset_of(&self, key: &str) -> usize {
        self.get(key).map_or(self.offset, |item| item.span().start)
    }

    /// Keys with their values, in file order.
    pub(super) fn items(&self) -> Vec<(&'a str, Item<'a>)> {
        let mut items: Vec<_> = self.table.iter().collect();
        items.sort_by_key(|(key, _)| key.span().start);
        items.into_iter().map(|(key, value)| (key.get_ref().as_ref(), value)).collect()
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<Item<'a>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Refuses the first key that is not known, at its line.
    pub(super) fn allow(&self, known: &[&str]) -> Result<(), FileError> {
        let mut keys: Vec<_> = self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())).collect();
        keys.sort_by_key(|key| key.span().start);
        let Some(key) = keys.first() else { return Ok(()) };
        let message = format!(
            "unknown key \"{key}\" in {title}; known keys: {known}",
            key = key.get_ref(),
            title = self.title,
            known = known.join(", ")
        );
        Err(self.source.error(key.span().start, message))
    }

    /// An error at the line of the table.
    pub(super) fn error(&self, message: impl Display) -> FileError {
        self.source.error(self.offset, message)
    }

    /// An error at the line of a key's value, or of the table where the key is absent.
    pub(super) fn error_at(&self, key: &str, message: impl Display) -> FileError {
        self.source.error(self.offset_of(key), format!("{key} in {title}: {message}", title = self.title))
    }

    /// What was found cannot be.
    pub(super) fn refuse(&self, key: &str, item: Item<'a>, must: impl Display) -> FileError {
        let message = format!(
            "{key} in {title}: {found} cannot be; it must {must}",
            title = self.title,
            found = describe(item.get_ref())
        );
        self.source.error(item.span().start, message)
    }

    /// The value, or an error that the key is missing.
    pub(super) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, FileError> {
        value.ok_or_else(|| self.error(format!("missing key \"{key}\" in {title}", title = self.title)))
    }

    /// A text; line breaks and runs of spaces become one space, since it goes into cells of CSV files.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, FileError> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let text = item.get_ref().as_str().ok_or_else(|| self.refuse(key, item, "be a text in quotes"))?;
        Ok(Some(text.split_whitespace().collect::<Vec<_>>().join(" ")))
    }

    /// A text that is not empty.
    pub(super) fn sentence(&self, key: &str) -> Result<String, FileError> {
        let text = self.required(key, self.text(key)?)?;
        match text.is_empty() {
            true => Err(self.error_at(key, "\"\" cannot be; it must say something")),
            false => Ok(text),
        }
    }

    /// A name that files and folders can be called by.
    pub(super) fn name(&self, key: &str) -> Result<String, FileError> {
        let name = self.required(key, self.text(key)?)?;
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) || name.starts_with('-') {
            let must = "be 1 to 64 letters, digits, - and _, not starting with -";
            return Err(self.error_at(key, format!("\"{name}\" cannot be; it must {must}")));
        }
        Ok(name)
    }

    /// A text that is read by its type.
    pub(super) fn parsed<T>(&self, key: &str) -> Result<Option<T>, FileError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.text(key)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| self.error_at(key, error))
    }

    /// `true` or `false`.
    pub(super) fn truth(&self, key: &str) -> Result<Option<bool>, FileError> {
        let Some(item) = self.get(key) else { return Ok(None) };
        item.get_ref().as_bool().map(Some).ok_or_else(|| self.refuse(key, item, "be true or false"))
    }

    /// A finite number in a range.
    pub(super) fn number(&self, key: &str, range: RangeInclusive<f64>, must: &str) -> Result<Option<f64>, FileError> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let value = number(item.get_ref()).filter(|value| value.is_finite() && range.contains(value));
        value.map(Some).ok_or_else(|| self.refuse(key, item, must))
    }

    /// A whole number in a range.
    /// A value as plain TOML; an error at its line.
    pub(super) fn value_of(&self, key: &str, item: Item<'a>) -> Result<toml::Value, FileError> {
        toml::Value::deserialize(item.clone().into_deserializer()).map_err(|error| {
            let message = format!("{key} in {title}: {error}", title = self.title, error = error.message());
            self.source.error(item.span().start, message)
        })
    }

    pub(super) fn whole(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, FileError> {
        let Some(item) = self.get(key) else { return Ok(None) };
        self.whole_of(key, item, range).map(Some)
    }

    /// The same for a value that is not a key's own, such as a member of a list.
    pub(super) fn whole_of(&self, key: &str, item: Item<'a>, range: RangeInclusive<u64>) -> Result<u64, FileError> {
        let (low, high) = (range.start(), range.end());
        let must = || self.refuse(key, item, format!("be a whole number from {low} to {high}"));
        whole(item.get_ref()).filter(|value| range.contains(value)).ok_or_else(must)
    }

    /// A list of texts, or one text.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, FileError> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let refuse = |item| self.refuse(key, item, "be a text in quotes or a list of texts");
        let one = |item: Item<'a>| item.get_ref().as_str().map(String::from).ok_or_else(|| refuse(item));
        match item.get_ref() {
            DeValue::Array(list) => list.iter().map(one).collect::<Result<_, _>>().map(Some),
            _ => one(item).map(|text| Some(vec![text])),
        }
    }

    /// A list of finite numbers.
    pub(super) fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>, FileError> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let refuse = |item| self.refuse(key, item, "be a list of numbers");
        let list = item.get_ref().as_array().ok_or_else(|| refuse(item))?;
        let one = |item: Item<'a>| number(item.get_ref()).filter(|found| found.is_finite()).ok_or_else(|| refuse(item));
        list.iter().map(one).collect::<Result<_, _>>().map(Some)
    }

    /// A table under a key.
    pub(super) fn section(&self, key: &str, title: &str) -> Result<Option<Section<'a>>, FileError> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let table = item.get_ref().as_table().ok_or_else(|| self.refuse(key, item, format!("be a table, {title}")))?;
        Ok(Some(Section::new(self.source, title, item.span().start, table)))
    }

    /// The tables `[[key]]`.
    pub(super) fn sections(&self, key: &str) -> Result<Vec<Section<'a>>, FileError> {
        let Some(item) = self.get(key) else { return Ok(Vec::new()) };
        let refuse = |item| self.refuse(key, item, format!("be written as tables [[{key}]]"));
        let list = item.get_ref().as_array().ok_or_else(|| refuse(item))?;
        let table = |item: Item<'a>| {
            let table = item.get_ref().as_table().ok_or_else(|| refuse(item))?;
            Ok(Section::new(self.source, format!("[[{key}]]"), item.span().start, table))
        };
        list.iter().map(table).collect()
    }
}

/// A whole number, if the value is one that is not negative and fits 64 bits.
pub(super) fn whole(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// A number, whole or not, if the value is one.
pub(super) fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|whole| whole as f64)
        }
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => None,
    }
}

/// What was found, for messages.
pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("\"{text}\"", text = text.escape_debug()),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(datetime) => datetime.to_string(),
        DeValue::Array(list) => format!("a list of {count}", count = list.len()),
        DeValue::Table(_) => "a table".into(),
    }
}
