//! Few samples that agree exactly have no spread, and a t interval of one point: it says that all others would agree, too, which
//! two samples of a collector that never ran do not tell. What follows from the plan alone is not testable before that.

use super::Halt;
use super::evidence::{Data, Evidence};
use plan::claim::ClaimRule;

/// Samples from which on it is believed that they all agree: at 95 % then at most 1 - .05^(1/10), a quarter, of further ones differ,
/// while of two it may be three quarters (Clopper and Pearson's upper limit for none of n).
pub(super) const ALIKE_LEAST: usize = 10;

impl Data<'_> {
    /// What was found, unless it rests on fewer samples than [`ALIKE_LEAST`] whose values all agree, at each point by itself.
    pub(super) fn not_alike_by_chance(&self, found: Evidence) -> Result<Evidence, Halt> {
        // A shape is of many points, and says in its own words what there is not.
        let is_of_points = matches!(
            self.question.claim.rule,
            ClaimRule::Value { .. }
                | ClaimRule::Limit { .. }
                | ClaimRule::Ratio { .. }
                | ClaimRule::VarianceRatio { .. }
                | ClaimRule::Relation { .. }
        );
        let n = found.n;
        if !is_of_points || n >= ALIKE_LEAST || !self.agree()? {
            return Ok(found);
        }
        Err(Halt::Undecided(format!(
            "all {n} samples agree exactly and so tell no spread; {ALIKE_LEAST} that do would be believed"
        )))
    }

    fn agree(&self) -> Result<bool, Halt> {
        for metric in self.question.claim.rule.metrics() {
            for &(_, point) in &self.testable.points {
                let values = self.by_block(metric, point)?;
                if values.values().any(|value| Some(value) != values.values().next()) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
