//! Subject `threads`: each worker is one OS thread that runs its requests in a closed loop, inside one `gmp` world.
//!
//! After each request it reads its PU, since the end of one request is the start of the next, and polls one word. All else
//! happens when the bell rang: it notes its count at a boundary, parks for a pause, or ends. Worker 0 stops the world at its
//! own request boundary.

use crate::observe::Observe;
use crate::replay::PuAt;
use crate::timer::Board;
use crate::windows::Mark;
use crate::workload::{PRIVATE, SHARED};
use gmp::scheduler::Handle;
use gmp::world::{AtPause, Member, Notice, StoppedWork, Stopper};
use host::pu::PuReader;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicU64, Ordering};

/// A worker's place in the world.
#[derive(Debug)]
pub(crate) enum Role {
    /// Worker 0.
    Stopper {
        /// Its handle.
        stopper: Stopper,
        /// What the world does while it is stopped.
        work: StoppedWork,
        /// Due times that it served, in order.
        served_ns: Vec<u64>,
    },
    /// Any other.
    Member(Member),
    /// A task of a scheduler, whose processors stop instead of it; it only hears the bell.
    Task {
        /// For the bell.
        member: Member,
        /// Of worker 0: what it stops the world with, and the due times that it served.
        stops: Option<(Handle, Vec<u64>)>,
    },
}

/// Where a worker reads its PU.
pub(crate) trait Where {
    /// The PU of the calling thread.
    fn pu(&self) -> u32;
}

impl Where for PuReader {
    #[inline(always)]
    fn pu(&self) -> u32 {
        self.read()
    }
}

/// Watches one worker: logs its PU when that changes, its counts at boundaries, and takes part in pauses.
#[derive(Debug)]
pub(crate) struct Watch<'a, R = PuReader> {
    role: Role,
    board: &'a Board,
    /// Stops by itself after this many requests.
    limit: u64,
    reader: R,
    pu: u32,
    boundary: u32,
    scan: Scan<'a>,
    /// What it has seen so far.
    pub(crate) log: Log,
}

/// What a worker leaves behind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    /// Changes of PU, the first at request 0.
    pub(crate) pus: Vec<PuAt>,
    /// Counts at boundaries.
    pub(crate) marks: Vec<Mark>,
    /// Requests done.
    pub(crate) requests: u64,
    /// What their loads added up to.
    pub(crate) checksum: u64,
}

/// Room for entries that needs no allocation while running: 1 s at 1 kHz, the fastest tick of Linux.
const ROOM: usize = 1024;

impl<'a> Watch<'a> {
    /// For the calling thread, which is the worker.
    pub(crate) fn new(role: Role, board: &'a Board, limit: u64, scan: Scan<'a>) -> Watch<'a> {
        Watch::reading(PuReader::new(), role, board, limit, scan)
    }
}

impl<'a, R: Where> Watch<'a, R> {
    /// For a worker that reads its PU with this.
    pub(crate) fn reading(reader: R, role: Role, board: &'a Board, limit: u64, scan: Scan<'a>) -> Watch<'a, R> {
        let log = Log { pus: Vec::with_capacity(ROOM), marks: Vec::with_capacity(ROOM), ..Log::default() };
        let pu = reader.pu();
        let mut watch = Watch { role, board, limit, reader, pu, boundary: 0, scan, log };
        watch.moved(0, pu);
        watch
    }

    /// Leaves the world; the log, and the role with what the stopper knows.
    pub(crate) fn leave(self) -> (Log, Role) {
        (self.log, self.role)
    }

    #[cold]
    fn moved(&mut self, at: u64, pu: u32) {
        self.pu = pu;
        self.log.pus.push(PuAt { at, pu });
    }

    /// The bell rang. `Break` at the end of the sample.
    #[cold]
    fn look(&mut self, requests: u64, checksum: u64) -> ControlFlow<()> {
        let boundary = self.board.boundary.load(Ordering::Relaxed);
        if boundary != self.boundary {
            self.boundary = boundary;
            self.log.marks.push(Mark { boundary, requests, checksum });
        }
        let due_ns = self.board.due_ns.load(Ordering::Acquire);
        if due_ns != 0 {
            self.serve_due(due_ns);
        }
        if self.board.end.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Worker 0 stops the world.
    fn serve_due(&mut self, due_ns: u64) {
        let served_ns = match &mut self.role {
            Role::Stopper { stopper, work, served_ns } => {
                stopper.stop(*work, &mut self.scan);
                served_ns
            }
            Role::Task { stops: Some((scheduler, served_ns)), .. } => {
                scheduler.pause();
                served_ns
            }
            Role::Member(_) | Role::Task { stops: None, .. } => return,
        };
        served_ns.push(due_ns);
        // Only now may the next due time be served; those that passed meanwhile were missed.
        self.board.due_ns.store(0, Ordering::Release);
    }

    /// It may have slept, or moved: where it woke up is where the next request begins.
    pub(crate) fn woke(&mut self, requests: u64) {
        let pu = self.reader.pu();
        if pu != self.pu {
            self.moved(2 * requests, pu);
        }
    }

    /// Deals with everything that is up.
    #[cold]
    fn notices(&mut self, mut notice: Notice, requests: u64, checksum: u64) -> ControlFlow<()> {
        loop {
            match (notice, &mut self.role) {
                (Notice::Stop, Role::Member(member)) => member.park(&mut self.scan),
                _ => self.look(requests, checksum)?,
            }
            match self.poll() {
                Some(next) => notice = next,
                None => break,
            }
        }
        self.woke(requests);
        ControlFlow::Continue(())
    }

    #[inline(always)]
    fn poll(&mut self) -> Option<Notice> {
        match &mut self.role {
            Role::Stopper { stopper, .. } => stopper.poll().then_some(Notice::Look),
            Role::Member(member) | Role::Task { member, .. } => member.poll(),
        }
    }
}

impl<R: Where> Observe for Watch<'_, R> {
    #[inline(always)]
    fn after(&mut self, requests: u64, checksum: u64) -> ControlFlow<()> {
        let pu = self.reader.pu();
        if pu != self.pu {
            self.moved(2 * requests - 1, pu);
        }
        let ends = match self.poll() {
            None if requests < self.limit => return ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
            Some(notice) => self.notices(notice, requests, checksum),
        };
        if ends.is_break() || requests >= self.limit {
            (self.log.requests, self.log.checksum) = (requests, checksum);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// A worker's part of the stopped work: it reads the heaps on, line after line, as a collector's mark would.
#[derive(Debug, Clone)]
pub(crate) struct Scan<'a> {
    heaps: [&'a [AtomicU64]; 2],
    /// Words that one pause reads, of this worker's parts.
    words: usize,
    next: usize,
    switches: u64,
}

/// Words of a line.
const LINE_WORDS: usize = plan::workload::LINE_BYTES as usize / 8;

impl<'a> Scan<'a> {
    /// Of `bytes` in one pause: of the worker's own heap, then of its part of the shared one, and again from the start.
    pub(crate) fn new(heaps: [&'a [AtomicU64]; 2], part: Range<usize>, bytes: u64) -> Scan<'a> {
        let heaps = [heaps[PRIVATE], &heaps[SHARED][part]];
        Scan { heaps, words: bytes as usize / 8, next: 0, switches: host::thread::involuntary_switches() }
    }
}

impl AtPause for Scan<'_> {
    fn stopped(&mut self, _: usize) {
        let [private, shared] = self.heaps;
        let all = private.len() + shared.len();
        if all == 0 {
            return;
        }
        let mut sum = 0u64;
        for _ in 0..self.words.div_ceil(LINE_WORDS) {
            let word = if self.next < private.len() { &private[self.next] } else { &shared[self.next - private.len()] };
            sum = sum.wrapping_add(word.load(Ordering::Relaxed));
            self.next += LINE_WORDS;
            self.next = if self.next < all { self.next } else { 0 };
        }
        std::hint::black_box(sum);
    }

    fn resumed(&mut self, _: usize) -> u64 {
        let switches = host::thread::involuntary_switches();
        let since = switches - self.switches;
        self.switches = switches;
        since
    }
}
