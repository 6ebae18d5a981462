//! One test of this harness: what it needs, and what it does.

use crate::program::root;
use libtest_mimic::{Completion, Failed, Trial};
use std::process::{Command, Stdio};

/// Something that not every machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// numactl and numastat.
    Numactl,
    /// lstopo.
    Lstopo,
    /// strace, allowed to trace.
    Strace,
    /// Root in a mount namespace of its own.
    Mount,
    /// Root with control groups of its own, of either version, and two PUs.
    Groups,
    /// Root that can become another user (util-linux).
    Setpriv,
    /// The right to real-time scheduling, and chrt (util-linux).
    Chrt,
    /// Time to build the workspace once more.
    NewWorkload,
    /// The emulated lab, and time to boot its machines.
    Lab,
    /// The same, and time to boot all of them, hostile ones too.
    LabAll,
}

impl Needs {
    /// As `NUMALAB_REQUIRE` names it.
    fn word(self) -> &'static str {
        match self {
            Needs::Numactl => "numactl",
            Needs::Lstopo => "lstopo",
            Needs::Strace => "strace",
            Needs::Mount => "mount",
            Needs::Groups => "groups",
            Needs::Setpriv => "setpriv",
            Needs::Chrt => "chrt",
            Needs::NewWorkload => "new-workload",
            Needs::Lab => "lab",
            Needs::LabAll => "lab-all",
        }
    }

    fn required(self) -> bool {
        let required = std::env::var("NUMALAB_REQUIRE").unwrap_or_default();
        required.split(',').any(|word| word.trim() == self.word())
    }

    /// Why it is not here; `None` where it is.
    fn missing(self) -> Option<String> {
        let works = |program: &str, args: &[&str]| {
            let run = Command::new(program).args(args).stdin(Stdio::null()).output();
            match run {
                Ok(output) if output.status.success() => None,
                Ok(output) => Some(format!("{program} ended with {status}", status = output.status)),
                Err(error) => Some(format!("{program}: {error}")),
            }
        };
        match self {
            Needs::Numactl => works("numactl", &["-H"]),
            Needs::Lstopo => works("lstopo-no-graphics", &["--version"]),
            Needs::Strace => works("strace", &["-f", "-o", "/dev/null", "true"]),
            Needs::Mount => works("unshare", &["-m", "true"]),
            Needs::Groups => works("sh", &["-c", MAKES_GROUPS]).map(|why| format!("no control groups: {why}")),
            Needs::Setpriv => works("setpriv", &["--reuid=65534", "--regid=65534", "--clear-groups", "true"]),
            Needs::Chrt => works("chrt", &["--fifo", "1", "true"]),
            Needs::NewWorkload if self.required() => None,
            Needs::NewWorkload => Some("it builds the workspace once more".into()),
            Needs::Lab | Needs::LabAll if self.required() => {
                works(&root().join("scripts/lab").to_string_lossy(), &["kernels", "stable"])
            }
            Needs::Lab | Needs::LabAll => Some("it boots machines; make lab-test runs it".into()),
        }
    }
}

/// Tries to make a group of each controller that tests use.
const MAKES_GROUPS: &str = "
[ $(nproc) -ge 2 ] || exit 2
for controller in cpu cpuset memory; do
  at=/sys/fs/cgroup; [ -d $at/$controller ] && at=$at/$controller
  mkdir $at/numalab-$$ || exit 3
  ls $at/numalab-$$/$controller.* > /dev/null; code=$?
  rmdir $at/numalab-$$
  [ $code = 0 ] || exit 4
done";

/// A test that needs nothing but the program.
pub(crate) fn test(name: impl Into<String>, body: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name, body)
}

/// A test that needs something.
pub(crate) fn test_with(
    name: impl Into<String>,
    needs: Needs,
    body: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || match needs.missing() {
        None => body().map(|()| Completion::Completed),
        Some(reason) if needs.required() => Err(format!("NUMALAB_REQUIRE names {}, but {reason}", needs.word()).into()),
        Some(reason) => Ok(Completion::ignored_with(format!("NOT TESTABLE: {reason}"))),
    })
}

/// Fails with a message unless it holds.
pub(crate) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(message().into()) }
}
