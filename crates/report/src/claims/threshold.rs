//! The rule of a threshold: past it a metric is so much lower, or higher, than before, and a break that no smooth curve explains lies
//! there. What decides is `stats::threshold`; here it gets its samples and its words.

use super::Halt;
use super::evidence::{Data, Evidence, no_fit, shown, undecided, verdict_of};
use super::shapes::{NONE, in_words};
use crate::show::plain;
use plan::claim::Trend;
use stats::decide::Verdict;
use stats::fit::candidates;
use stats::threshold::{Sought, Threshold, Way, Why, ends, fit_threshold, sides};
use stats::{Estimate, StatsError};

impl Data<'_> {
    /// `asked` is the direction and the factor.
    pub(super) fn threshold(&self, metric: &str, near: &str, asked: Option<(Trend, f64)>) -> Result<Evidence, Halt> {
        let Some((trend, factor)) = asked else {
            let reason = "the claim says neither which way the metric goes past the threshold nor by how much; run it again with trend and factor";
            return Err(Halt::NotTestable(reason.into()));
        };
        let way = if trend == Trend::Falling { Way::Falls } else { Way::Rises };
        let sought = Sought { near: self.boundary(near)?, way, factor };
        let change = self.change(metric, &sought)?;
        let data = self.observations(metric)?;
        let found = fit_threshold(self.question.level, &candidates(&data.x, &data.y), &data.x, &data.y)
            .map_err(|why| no_fit("curve", self.question.axis(), why))?;
        let (verdict, why) = found.decide(&data.x, &change.interval, &sought).map_err(undecided)?;
        // Where nothing turns so, the place of the best break is that of noise.
        let best = found.best().filter(|_| why != Why::NoSuchChange);
        let place = best.and_then(|_| found.place());
        Ok(Evidence {
            estimate: best.map_or(f64::NAN, |best| best.psi),
            interval: place.unwrap_or(NONE),
            region: sought.region(),
            n: data.x.len(),
            df: best.map(|best| best.df as f64),
            verdict: verdict_of(verdict),
            reason: self.why(why, &found, &sought, &change, &data.x),
            beside: None,
            needed_n: (verdict == Verdict::Undecided && why == Why::ChangeAcross)
                .then(|| {
                    stats::decide::needed_n_of_ratio(&change, &sought.change()).ok().map(|needed| needed.to_string())
                })
                .flatten(),
        })
    }

    /// The metric at the last of the range over that at the last well before the threshold, paired by block.
    fn change(&self, metric: &str, sought: &Sought) -> Result<Estimate, Halt> {
        let grid: Vec<f64> = self.testable.points.iter().map(|&(x, _)| f64::from(x)).collect();
        let Some((before, last)) = ends(&grid, sought.near) else {
            let (axis, region) = (self.question.axis(), sought.region());
            return Err(Halt::NotTestable(format!(
                "{axis} up to {low} and from {high} on are needed, well before the threshold and past it",
                low = plain(region.low),
                high = plain(region.high)
            )));
        };
        for at in [before, last] {
            self.values(metric, at)?;
            self.above_0(metric, at, "ratio")?;
        }
        match self.paired_ratio((metric, last), (metric, before), self.question.level)? {
            Ok(change) => Ok(change),
            Err(StatsError::TooFew { found, .. }) => {
                Err(Halt::Undecided(format!("{found} blocks have both ends; two are needed")))
            }
            Err(why) => Err(undecided(why)),
        }
    }

    fn why(&self, why: Why, found: &Threshold, sought: &Sought, change: &Estimate, x: &[f64]) -> String {
        let axis = self.question.axis();
        let grid: Vec<f64> = self.testable.points.iter().map(|&(x, _)| f64::from(x)).collect();
        let (before, last) =
            ends(&grid, sought.near).map_or((f64::NAN, f64::NAN), |(before, last)| (grid[before], grid[last]));
        let asked = match sought.way {
            Way::Falls => format!("{edge} or less", edge = plain(1.0 / sought.factor)),
            Way::Rises => format!("{edge} or more", edge = plain(sought.factor)),
        };
        let size =
            format!("at {last} {axis} it is {ratio} times that at {before}, asked {asked}", ratio = shown(change));
        let (near, way) = (plain(sought.near), if sought.way == Way::Falls { "down" } else { "up" });
        let said = match why {
            Why::NoSuchChange => return format!("no such change: {size}"),
            Why::Undetermined => "the samples determine no break".into(),
            Why::Smooth => "a smooth curve explains it better".into(),
            Why::Elsewhere => format!("the break is not near {near} {axis}"),
            Why::OtherWay => format!("at the break it does not turn {way}"),
            Why::NotAdequate => "no curve with one break fits".into(),
            Why::Close => "a smooth curve explains it about as well".into(),
            Why::Across => "the interval of the break lies across an edge of the region".into(),
            Why::FewPoints => {
                let (below, above) = sides(x, sought.near);
                format!("{below} {axis} below {near} and {above} above")
            }
            Why::ChangeAcross => "the change may be smaller".into(),
            Why::Holds => format!("it turns {way} at the break"),
        };
        let broken = found.best().map_or_else(String::new, |best| {
            let aicc = best.aicc.map_or_else(|| "none".into(), |aicc| format!("{aicc:.1}"));
            let adequate = if best.adequate { "adequate" } else { "not adequate" };
            let misfit = 100.0 * best.misfit_ratio;
            format!("; {kind}: AICc {aicc}, {adequate}, misfit {misfit:.1} %", kind = best.kind)
        });
        let smooth = found.best_smooth().map_or_else(|| "no smooth curve is adequate".into(), in_words);
        format!("{said}; {size}{broken}; {smooth}")
    }
}
