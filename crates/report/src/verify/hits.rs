//! What samples.csv says of local hits, against the touches of traffic.csv.

use super::close;
use super::samples::Note;
use plan::record::{HitSource, SampleRow};

/// Touches of one sample in traffic.csv.
#[derive(Debug, Default)]
pub(crate) struct Touches {
    pub(crate) local: u64,
    pub(crate) remote: u64,
    /// Those whose PU or page is unknown.
    pub(crate) unknown: u64,
    /// Those within a package, as far as PU and page are known.
    pub(crate) package_local: u64,
}

impl Touches {
    pub(crate) fn all(&self) -> u64 {
        self.known().saturating_add(self.unknown)
    }

    fn known(&self) -> u64 {
        self.local.saturating_add(self.remote)
    }
}

pub(crate) fn check_hits(row: &SampleRow, touches: &Touches, note: &mut Note<'_>) {
    if let Some(local) = row.local_touches {
        note.unequal("local_touches, traffic.csv within a node", local, touches.local);
    }
    if let Some(remote) = row.remote_touches {
        note.unequal("remote_touches, traffic.csv between nodes", remote, touches.remote);
    }
    let known = touches.known() as f64;
    if let (Some(ratio), true) = (row.local_package_ratio, known > 0.0) {
        let expected = touches.package_local as f64 / known;
        note.not_close("local_package_ratio, within a package / known touches", ratio, expected);
    }
    let (Some(ratio), Some(low), Some(high)) = (row.local_hit_ratio, row.local_hit_low, row.local_hit_high) else {
        return;
    };
    // The bounds are computed apart from the ratio: their last digits may differ.
    if ratio < low - 1e-9 || ratio > high + 1e-9 {
        note.other("local_hit_ratio", ratio, format!("{low}..{high}"));
    }
    if known > 0.0 {
        note.not_close("local_hit_ratio, local / known touches", ratio, touches.local as f64 / known);
        let widened = matches!(row.hit_source, Some(HitSource::Sampled | HitSource::Pages));
        check_bounds((low, high), touches, widened, note);
    }
}

/// All that is unknown is remote at the lower bound and local at the upper one; a sample, or a share of pages, widens both.
fn check_bounds((low, high): (f64, f64), touches: &Touches, widened: bool, note: &mut Note<'_>) {
    let all = touches.all() as f64;
    let (least, most) = (touches.local as f64 / all, touches.local.saturating_add(touches.unknown) as f64 / all);
    let or = if widened { " or less" } else { "" };
    if !(close(low, least) || widened && low < least) {
        note.other("local_hit_low, local / all touches", low, format!("{least}{or}"));
    }
    let or = if widened { " or more" } else { "" };
    if !(close(high, most) || widened && high > most) {
        note.other("local_hit_high, all but remote / all touches", high, format!("{most}{or}"));
    }
}
