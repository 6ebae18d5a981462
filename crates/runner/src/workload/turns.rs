//! Work that is nothing but time: an empty loop, of so many turns as take a length that is asked for.

use std::time::Instant;

/// An empty loop of so many turns.
#[inline(never)]
pub(super) fn turn(turns: u64) {
    for at in 0..turns {
        std::hint::black_box(at);
    }
}

/// Turns of an empty loop that take `loop_ns`, from the fastest of some trials: a PU that is taken away in between makes a
/// trial longer, never shorter. A loop, not a clock that is read until it has passed: reading takes half of 100 ns itself.
pub(super) fn turns_of(loop_ns: u64) -> u64 {
    const TURNS: u64 = 20_000;
    const TRIALS: usize = 50;
    if loop_ns == 0 {
        return 0;
    }
    let trial = |_| {
        let begun = Instant::now();
        turn(TURNS);
        crate::timer::ns_since(begun)
    };
    let fastest_ns = (0..TRIALS).map(trial).min().unwrap_or(1).max(1);
    ((loop_ns as f64 * TURNS as f64 / fastest_ns as f64).round() as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_loop_has_turns_in_proportion() {
        assert_eq!(turns_of(0), 0);
        assert!(turns_of(1) >= 1);
        assert!(turns_of(1_000_000) > turns_of(1_000));
    }
}
