//! `[knee]`.

use super::table::Section;
use super::{ArmFile, FileError, SweepFile};
use crate::knee::KneeModel;
use crate::point::PROCS;

pub(super) fn read_knee(
    root: &Section<'_>,
    arms: &[ArmFile],
    sweep: &SweepFile,
) -> Result<Option<KneeModel>, FileError> {
    let Some(section) = root.section("knee", "[knee]")? else { return Ok(None) };
    section.allow(&["alpha", "beta", "gamma", "cores", "printed", "arm", "switches", "faults"])?;
    if sweep.axis != PROCS {
        return Err(section.error(format!("[knee] is about procs; the axis of [sweep] is {axis}", axis = sweep.axis)));
    }
    let above_0 = |key: &str| {
        let number = section.number(key, f64::MIN_POSITIVE..=f64::MAX, "be a number above 0")?;
        section.required(key, number)
    };
    let arm = section.sentence("arm")?;
    if !arms.iter().any(|known| known.name == arm) {
        let known = arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(section.error_at("arm", format!("\"{arm}\" is no [[arm]] of this file; known: {known}")));
    }
    let group = |key: &str| -> Result<String, FileError> {
        let group = section.text(key)?.unwrap_or_default();
        let keys: Vec<&str> = group.split(", ").filter_map(|level| level.split_once('=')).map(|(key, _)| key).collect();
        let swept: Vec<&str> = sweep.factors.iter().map(|factor| factor.key.as_str()).collect();
        if keys != swept {
            let message = format!(
                "\"{group}\" must name a level of each factor of [sweep] in its order: {swept}",
                swept = swept.join(", ")
            );
            return Err(section.error_at(key, message));
        }
        Ok(group)
    };
    Ok(Some(KneeModel {
        alpha: above_0("alpha")?,
        beta: above_0("beta")?,
        gamma: above_0("gamma")?,
        cores: above_0("cores")?,
        printed: above_0("printed")?,
        switches: group("switches")?,
        faults: group("faults")?,
        arm,
    }))
}
