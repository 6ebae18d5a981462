//! This machine: its topology, binding to it, memory policy, where pages lie, clocks, facts. All `unsafe` of the project.
//!
//! [`probe`] reads the live host into plain data ([`plan::topology::Topology`]) and gives a [`Machine`]; from it comes a
//! [`Granted`], without which nothing here binds. hwloc accepts bindings on a foreign topology and does nothing, so a
//! topology that was read from a file or a description has no `Granted`, by type. A child process, which never loads
//! hwloc, gets its own from [`child::enter`].
//!
//! A setter returns what was read back. OS (physical) indexes everywhere; hwloc's logical numbers never leave `probe`.
//! Every file under /proc and /sys is read through a [`Root`], which tests replace.
//!
//! ```no_run
//! let machine = host::probe()?;
//! let granted = machine.granted();
//! host::bind::pin(granted, 0)?;
//! let policy = "bind:0".parse().expect("a policy");
//! let region = host::Region::new(granted, 1 << 20, plan::workload::Pages::Base, &policy)?;
//! region.words()[0].store(1, std::sync::atomic::Ordering::Relaxed);
//! assert_eq!(host::locate::locate(&region)?.node_of(0), Some(0));
//! # Ok::<(), host::HostError>(())
//! ```

pub mod bind;
pub mod child;
pub mod clock;
pub mod doctor;
mod errno;
mod error;
pub mod facts;
mod granted;
mod hints;
mod input;
pub mod kernel;
pub mod locate;
mod mask;
pub mod memory;
pub mod moves;
pub mod peak;
pub mod perf;
pub mod policy;
mod probe;
pub mod proc;
pub mod pu;
mod region;
mod root;
pub mod thread;
pub mod timing;
pub mod tsc;

pub use errno::Errno;
pub use error::HostError;
pub use granted::Granted;
pub use input::Input;
pub use probe::{Machine, Read, probe, read_topology};
pub use region::Region;
pub use root::Root;
