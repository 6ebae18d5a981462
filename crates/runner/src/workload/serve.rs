//! `serve`: a closed loop of requests. Each touches lines of the worker's own heap and of the shared one.
//!
//! One draw is one touch: its top bits choose the line, its low bits whether it is shared and whether it writes. Ratios
//! are therefore rounded to 1/65536. A line's first word holds a value fixed by its address, and writes store that very
//! value: so loads add up to what a replay can compute, and dependence between touches cannot enter through values. It
//! enters as `loaded & 0` behind a barrier that the compiler cannot see through.

use super::{Done, PRIVATE, SHARED, Seat, Work};
use crate::observe::Observe;
use crate::pages::HeapPages;
use plan::random::{below, draw};
use plan::workload::{Serve, Touches};
use std::hint::select_unpredictable;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Words of 8 bytes in a line.
const LINE_WORDS: usize = plan::workload::LINE_BYTES as usize / 8;
/// Low bits of a draw that decide whether it is shared, and as many above them whether it writes.
const RATIO_BITS: u32 = 16;
const RATIO_MASK: u64 = (1 << RATIO_BITS) - 1;
/// Odd, so that every line of a heap holds another value. Weyl increment of SplitMix64.
const VALUE_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the draws of a worker mean.
#[derive(Debug, Clone, Copy)]
struct Stream {
    key: u64,
    lines_per_request: u64,
    lines: [u64; 2],
    shared_below: u64,
    write_below: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Touch {
    heap: usize,
    line: u64,
    write: bool,
}

impl Stream {
    fn new(serve: &Serve, key: u64) -> Stream {
        let threshold = |ratio: f64| (ratio * (RATIO_MASK + 1) as f64).round() as u64;
        Stream {
            key,
            lines_per_request: u64::from(serve.lines_per_request),
            lines: [serve.lines(PRIVATE), serve.lines(SHARED)],
            shared_below: threshold(serve.shared_ratio),
            write_below: threshold(serve.write_ratio),
        }
    }

    #[inline(always)]
    fn touch(&self, counter: u64) -> Touch {
        let drawn = draw(self.key, counter);
        let shared = drawn & RATIO_MASK < self.shared_below;
        // A branch would be mispredicted at a quarter of the touches, which costs more than the draw.
        let lines = select_unpredictable(shared, self.lines[SHARED], self.lines[PRIVATE]);
        let write = (drawn >> RATIO_BITS) & RATIO_MASK < self.write_below;
        Touch { heap: usize::from(shared), line: below(drawn, lines), write }
    }

    fn counters(&self, requests: Range<u64>) -> Range<u64> {
        requests.start * self.lines_per_request..requests.end * self.lines_per_request
    }

    /// One request; returns the checksum with its loads added.
    ///
    /// A function of its own, so that its constants stay in registers whatever is done between requests.
    #[inline(never)]
    fn request<const DEPENDENT: bool>(&self, request: u64, heaps: &[&[AtomicU64]; 2], mut checksum: u64) -> u64 {
        let mut nothing = 0;
        for counter in self.counters(request..request + 1) {
            let Touch { heap, line, write } = self.touch(counter ^ nothing);
            let word = &heaps[heap][line as usize * LINE_WORDS];
            if write {
                word.store(value(heap, line), Ordering::Relaxed);
            } else {
                let loaded = word.load(Ordering::Relaxed);
                checksum = checksum.wrapping_add(loaded);
                if DEPENDENT {
                    nothing = host::kernel::depend(loaded);
                }
            }
        }
        checksum
    }

    fn run<const DEPENDENT: bool, O: Observe>(&self, heaps: &[&[AtomicU64]; 2], done: Done, observe: &mut O) {
        let Done { requests: mut request, mut checksum } = done;
        loop {
            checksum = self.request::<DEPENDENT>(request, heaps, checksum);
            request += 1;
            if observe.after(request, checksum).is_break() {
                return;
            }
        }
    }
}

/// Number of a line among the lines of both heaps, from 1: its value is this times [`VALUE_FACTOR`].
#[inline(always)]
const fn number(heap: usize, line: u64) -> u64 {
    2 * line + heap as u64 + 1
}

/// [`number`] where the touch loads, 0 where it writes; without a branch, which a tenth of the touches would mispredict.
#[inline(always)]
const fn loaded_number(heap: usize, line: u64, write: bool) -> u64 {
    number(heap, line) & (write as u64).wrapping_sub(1)
}

/// What a line's first word holds. Never 0, so that a page that was never written is seen.
#[inline(always)]
const fn value(heap: usize, line: u64) -> u64 {
    number(heap, line).wrapping_mul(VALUE_FACTOR)
}

impl Work for Serve {
    fn lines(&self, heap: usize) -> u64 {
        let bytes = if heap == PRIVATE { self.private_bytes } else { self.shared_bytes };
        bytes / plan::workload::LINE_BYTES
    }

    fn fill(&self, heap: usize, words: &[AtomicU64], part: Range<u64>) {
        for line in part {
            words[line as usize * LINE_WORDS].store(value(heap, line), Ordering::Relaxed);
        }
    }

    fn run<O: Observe>(&self, seat: &Seat<'_>, done: Done, observe: &mut O) {
        let stream = Stream::new(self, seat.key);
        match self.touches {
            Touches::Independent => stream.run::<false, O>(&seat.heaps, done, observe),
            Touches::Dependent => stream.run::<true, O>(&seat.heaps, done, observe),
        }
    }

    fn replay(&self, key: u64, requests: Range<u64>, pages: &[HeapPages; 2], touches: &mut [u64]) -> u64 {
        let stream = Stream::new(self, key);
        let counters = stream.counters(requests);
        // The factor is common to all values, so only the numbers of lines are added up.
        let numbers = match (pages[PRIVATE].uniform(), pages[SHARED].uniform()) {
            (Some(private), Some(shared)) => {
                let all = counters.end - counters.start;
                let (numbers, in_shared) = replay_uniform(&stream, counters);
                touches[private] += all - in_shared;
                touches[shared] += in_shared;
                numbers
            }
            _ => replay_pages(&stream, counters, pages, touches),
        };
        numbers.wrapping_mul(VALUE_FACTOR)
    }
}

/// Each heap lies on one node: only the choice of the heap matters. Numbers of the loaded lines added up, shared touches.
fn replay_uniform(stream: &Stream, counters: Range<u64>) -> (u64, u64) {
    let (mut numbers, mut in_shared) = (0u64, 0);
    for counter in counters {
        let Touch { heap, line, write } = stream.touch(counter);
        in_shared += heap as u64;
        numbers = numbers.wrapping_add(loaded_number(heap, line, write));
    }
    (numbers, in_shared)
}

/// Each touch is counted at the class of its page. Numbers of the loaded lines added up.
fn replay_pages(stream: &Stream, counters: Range<u64>, pages: &[HeapPages; 2], touches: &mut [u64]) -> u64 {
    const BASE: u32 = (4096 / plan::workload::LINE_BYTES).trailing_zeros();
    let shifts = [pages[PRIVATE].shift(), pages[SHARED].shift()];
    if touches.len() > PACKED_CLASSES {
        return replay_many_classes(stream, counters, pages, touches);
    }
    // A shift by a constant takes a third of the time of one by a variable.
    match shifts {
        [BASE, BASE] => replay_packed(stream, counters, pages, [BASE; 2], touches),
        _ => replay_packed(stream, counters, pages, shifts, touches),
    }
}

/// Bits of one count among those in a register, how many fit, and how far they count. Nine: 8 nodes and the unknown.
const PACKED_BITS: u32 = 7;
const PACKED_CLASSES: usize = (u64::BITS / PACKED_BITS) as usize;
const PACKED_MOST: u64 = (1 << PACKED_BITS) - 1;

/// As [`replay_pages`], with all counts in one register: counters in memory would be a chain of stores and loads.
#[inline(always)]
fn replay_packed(
    stream: &Stream,
    counters: Range<u64>,
    pages: &[HeapPages; 2],
    shifts: [u32; 2],
    touches: &mut [u64],
) -> u64 {
    // What one touch of a class adds; 16 entries, so that an index needs a mask and no check.
    let one: [u64; 16] =
        std::array::from_fn(|class| if class < PACKED_CLASSES { 1 << (class as u32 * PACKED_BITS) } else { 0 });
    let classes = [pages[PRIVATE].classes(), pages[SHARED].classes()];
    let mut numbers = 0u64;
    let Range { mut start, end } = counters;
    while start < end {
        let stop = end.min(start + PACKED_MOST);
        let mut packed = 0u64;
        for counter in start..stop {
            let Touch { heap, line, write } = stream.touch(counter);
            // As two slices, not by an index into them: their addresses then stay in registers.
            let classes = select_unpredictable(heap == SHARED, classes[SHARED], classes[PRIVATE]);
            packed += one[usize::from(classes[(line >> shifts[heap]) as usize]) & 15];
            numbers = numbers.wrapping_add(loaded_number(heap, line, write));
        }
        for (class, touches) in touches.iter_mut().enumerate() {
            *touches += packed >> (class as u32 * PACKED_BITS) & PACKED_MOST;
        }
        start = stop;
    }
    numbers
}

/// As [`replay_pages`], for machines of more nodes.
fn replay_many_classes(stream: &Stream, counters: Range<u64>, pages: &[HeapPages; 2], touches: &mut [u64]) -> u64 {
    let mut numbers = 0u64;
    for counter in counters {
        let Touch { heap, line, write } = stream.touch(counter);
        touches[pages[heap].class(line, pages[heap].shift())] += 1;
        numbers = numbers.wrapping_add(loaded_number(heap, line, write));
    }
    numbers
}
