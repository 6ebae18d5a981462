//! `[scheduler]` and `[go]`: what only one subject has. Their keys can be swept like those of the workload.

use super::table::Section;
use super::{FileError, GMP, GO, GoSettings};
use crate::PlanError;
use crate::keys::{keys_of, with};
use crate::scheduler::Switches;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The settings of all subjects that have some.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Of `gmp`.
    pub scheduler: Switches,
    /// Of Go.
    pub go: GoSettings,
}

impl Settings {
    /// Sections, the subject that each is about, and their keys.
    pub(super) fn sections() -> [(&'static str, &'static str, Vec<String>); 2] {
        let keys = Settings::default();
        [("scheduler", GMP, keys_of(&keys.scheduler)), ("go", GO, keys_of(&keys.go))]
    }

    /// The subject that has a key; `None` where no section does.
    pub fn subject_of(key: &str) -> Option<&'static str> {
        let section = Settings::sections().into_iter().find(|(_, _, keys)| keys.iter().any(|known| known == key));
        section.map(|(_, subject, _)| subject)
    }

    /// The same with one key set.
    ///
    /// # Errors
    /// One line: what the key takes.
    pub(crate) fn with(&self, key: &str, value: &toml::Value) -> Result<Settings, String> {
        fn set<T: Serialize + DeserializeOwned>(settings: &T, key: &str, value: &toml::Value) -> Result<T, String> {
            with(settings, key, value).map_err(|message| format!("{value} cannot be; {message}"))
        }
        let mut settings = self.clone();
        match Settings::subject_of(key) {
            Some(GMP) => settings.scheduler = set(&self.scheduler, key, value)?,
            _ => settings.go = set(&self.go, key, value)?,
        }
        let checked = settings.scheduler.check().and_then(|()| settings.go.check());
        checked.map(|()| settings).map_err(|error| match error {
            PlanError::Impossible { must, found, .. } => format!("{found} cannot be; it must {must}"),
            other => other.to_string(),
        })
    }
}

/// Reads the sections; one about a subject that the sweep does not list would say nothing.
pub(super) fn read_settings(
    root: &Section<'_>,
    sweep: &Section<'_>,
    subjects: &[String],
) -> Result<Settings, FileError> {
    let mut settings = Settings::default();
    for (name, subject, keys) in Settings::sections() {
        let Some(section) = root.section(name, &format!("[{name}]"))? else { continue };
        section.allow(&keys.iter().map(String::as_str).collect::<Vec<_>>())?;
        check_listed(&section, &format!("[{name}]"), subject, subjects)?;
        for (key, item) in section.items() {
            if sweep.get(key).is_some() {
                let message = format!("is swept in [sweep], line {line}; write it once", line = sweep.line());
                return Err(section.error_at(key, message));
            }
            let value = section.value_of(key, item)?;
            settings = settings.with(key, &value).map_err(|error| section.error_at(key, error))?;
        }
    }
    Ok(settings)
}

/// Refuses what is about a subject that does not run.
pub(super) fn check_listed(
    section: &Section<'_>,
    what: &str,
    subject: &str,
    subjects: &[String],
) -> Result<(), FileError> {
    match subjects.iter().any(|listed| listed == subject) {
        true => Ok(()),
        false => Err(section.error(format!("{what} is about subject \"{subject}\", which [sweep] does not list"))),
    }
}
