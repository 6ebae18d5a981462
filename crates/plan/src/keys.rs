//! Structs of plain values as tables of keys, so that a file's keys are read, listed and swept one at a time.

use serde::Serialize;
use serde::de::DeserializeOwned;

fn table(values: &impl Serialize) -> toml::Table {
    toml::Table::try_from(values).expect("plain values are a table")
}

/// Its keys.
pub(crate) fn keys_of(values: &impl Serialize) -> Vec<String> {
    table(values).into_iter().map(|(key, _)| key).collect()
}

/// The same with one key set. One at a time, so that an error is about that key whatever serde makes of it.
///
/// # Errors
/// What the key takes, one line.
pub(crate) fn with<T: Serialize + DeserializeOwned>(values: &T, key: &str, value: &toml::Value) -> Result<T, String> {
    let mut table = table(values);
    table.insert(key.into(), value.clone());
    table.try_into().map_err(|error: toml::de::Error| error.message().split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A level of a factor as files and tables write it: a text without its quotes.
pub(crate) fn level_text(level: &toml::Value) -> String {
    level.as_str().map_or_else(|| level.to_string(), String::from)
}
