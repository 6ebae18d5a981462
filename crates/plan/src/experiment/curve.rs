//! Names of curves, as claims and audits ask for them.

use super::FileError;
use super::table::Section;
use crate::models::{MODELS, parameters_of};

/// The parameters of a curve that `key` names; a name that is none is refused where it stands.
pub(super) fn known_model(section: &Section<'_>, key: &str, name: &str) -> Result<&'static [&'static str], FileError> {
    parameters_of(name).ok_or_else(|| {
        let known = MODELS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        section.error_at(key, format!("\"{name}\" is no model; known: {known}"))
    })
}
