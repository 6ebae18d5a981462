//! What samples.csv says of local hits, against the touches of traffic.csv.

use super::close;
use super::samples::Note;
use plan::record::{HitSource, SampleRow, TrafficRow};

/// Touches of one sample in traffic.csv.
#[derive(Debug, Default)]
pub(crate) struct Touches {
    pub(crate) local: u64,
    pub(crate) remote: u64,
    /// Those whose PU or page is unknown.
    pub(crate) unknown: u64,
    /// Those during which PU or page moved, and the expected number of local ones among them.
    pub(crate) moved: f64,
    pub(crate) moved_local: f64,
    /// Those within a package, as far as PU and page are known.
    pub(crate) package_local: f64,
}

impl Touches {
    /// Takes a row, within a package or not.
    pub(crate) fn take(&mut self, row: &TrafficRow, within_package: bool) {
        let is_local = row.pu_node == row.memory_node;
        let count = match (row.pu_node, row.memory_node) {
            (Some(_), Some(_)) if is_local => &mut self.local,
            (Some(_), Some(_)) => &mut self.remote,
            _ => &mut self.unknown,
        };
        // A damaged file may hold any number; a sum that stays at the most is no sample's.
        *count = count.saturating_add(row.touches);
        self.moved += row.moved_touches;
        self.moved_local += if is_local { row.moved_touches } else { 0.0 };
        self.package_local += if within_package { row.touches as f64 + row.moved_touches } else { 0.0 };
    }

    pub(crate) fn all(&self) -> f64 {
        self.known() + self.unknown as f64
    }

    fn known(&self) -> f64 {
        self.local as f64 + self.remote as f64 + self.moved
    }
}

pub(crate) fn check_hits(row: &SampleRow, touches: &Touches, note: &mut Note<'_>) {
    if let Some(local) = row.local_touches {
        note.unequal("local_touches, traffic.csv within a node", local, touches.local);
    }
    if let Some(remote) = row.remote_touches {
        note.unequal("remote_touches, traffic.csv between nodes", remote, touches.remote);
    }
    let known = touches.known();
    if let (Some(ratio), true) = (row.local_package_ratio, known > 0.0) {
        let expected = touches.package_local / known;
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
        note.not_close(
            "local_hit_ratio, local / known touches",
            ratio,
            (touches.local as f64 + touches.moved_local) / known,
        );
        let widened = matches!(row.hit_source, Some(HitSource::Sampled | HitSource::Pages));
        check_bounds((low, high), touches, widened, note);
    }
}

/// All that is unknown or moved is remote at the lower bound and local at the upper one; a sample, or a share of pages,
/// widens both.
fn check_bounds((low, high): (f64, f64), touches: &Touches, widened: bool, note: &mut Note<'_>) {
    let all = touches.all();
    let (least, most) = (touches.local as f64 / all, (all - touches.remote as f64) / all);
    let or = if widened { " or less" } else { "" };
    if !(close(low, least) || widened && low < least) {
        note.other("local_hit_low, local / all touches", low, format!("{least}{or}"));
    }
    let or = if widened { " or more" } else { "" };
    if !(close(high, most) || widened && high > most) {
        note.other("local_hit_high, all but remote / all touches", high, format!("{most}{or}"));
    }
}
