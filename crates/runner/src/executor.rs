//! The one seam for mocks: what makes a sample of a point.

use crate::error::Stop;
use crate::sample::Sample;
use plan::experiment::Measure;
use plan::point::Point;
use plan::record::Seed;

/// Makes samples. [`crate::live::Live`] starts a child for each; [`crate::modelled::Modelled`] computes them.
pub trait Executor {
    /// `live` or `modelled`, for every row.
    fn source(&self) -> &'static str;

    /// Makes one sample of a point. A sample that fails is a [`crate::sample::Outcome::Failed`], not an error.
    ///
    /// # Errors
    /// [`Stop`] where no further sample can be made either.
    fn sample(&mut self, point: &Point, measure: &Measure, seed: Seed) -> Result<Sample, Stop>;

    /// What a model assumes, for manifest.json; `None` where samples are measured.
    fn assumes(&self) -> Option<serde_json::Value> {
        None
    }

    /// What may change while a run goes, `(fact, value)`, for facts.csv; asked at every block boundary.
    fn facts(&mut self) -> Vec<(String, Option<String>)>;
}
