//! What `scripts/setup` says and installs where the build has all but a new enough cargo, with every program that it asks
//! replaced by one of ours. What it does on whole systems is seen by hand.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that is all of a PATH: the shell's own tools, and stand-ins for what the answer depends on.
struct System(tempfile::TempDir);

impl System {
    /// Has this cargo, and an apt that offers this version of cargo-web, which brings a cargo of 1.96.
    fn new(cargo: &str, offered: Option<&str>) -> Self {
        let system = System(tempfile::tempdir().expect("a temporary folder"));
        for name in ["bash", "chmod", "cut", "env", "grep", "head", "sed", "sort"] {
            let found =
                ["/usr/bin", "/bin"].iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
            symlink(found.expect("the shell's tools are installed"), system.path(name)).expect("a new folder's name");
        }
        for name in ["cc", "pkg-config", "dpkg"] {
            system.program(name, "exit 0");
        }
        system.program("id", "echo 0");
        system.program("cargo", &format!("echo 'cargo {cargo} (d73d2caf9 2024-12-31)'"));
        if let Some(version) = offered {
            system.program("apt-cache", &format!("[ $2 = cargo-web ] && echo '  Candidate: {version}'"));
            let folder = system.0.path().display();
            system.program(
                "apt-get",
                &format!(
                    "echo \"$DEBIAN_FRONTEND $*\" >> {folder}/asked; echo 'debconf: falling back' >&2\n\
                     [ $1 = install ] && {{ echo '#!/bin/sh'; echo 'echo cargo 1.96.0'; }} > {folder}/cargo"
                ),
            );
        }
        system
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, name: &str, lines: &str) {
        fs::write(self.path(name), format!("#!/bin/sh\n{lines}\n")).expect("a new folder can be written to");
        fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).expect("it is ours");
    }

    /// What setup prints, and its exit code.
    fn setup(&self) -> (String, Option<i32>) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/setup");
        let done = Command::new(self.path("bash")).arg(script).env_clear().env("PATH", self.0.path()).output();
        let done = done.expect("bash was found");
        assert!(done.stdout.is_empty(), "standard output: {}", String::from_utf8_lossy(&done.stdout));
        (String::from_utf8_lossy(&done.stderr).into_owned(), done.status.code())
    }
}

#[test]
fn nothing_is_said_where_nothing_is_missing() {
    assert_eq!(System::new("1.89.0", None).setup(), (String::new(), Some(0)));
}

#[test]
fn an_old_cargo_is_replaced_by_the_distributions_newer_one_in_one_line() {
    let system = System::new("1.85.1", Some("1.96.0+dfsg1-1~deb13u1"));
    let line =
        "setup: cargo 1.85.1 is here, 1.89 is needed; installing: rustc-web cargo-web (1.96.0+dfsg1-1~deb13u1)\n";
    assert_eq!(system.setup(), (line.into(), Some(0)));
    let asked = fs::read_to_string(system.path("asked")).expect("apt-get was asked");
    let install = "noninteractive install -y -qq --no-install-recommends rustc-web cargo-web";
    assert_eq!(asked.lines().last(), Some(install), "{asked}");
}

#[test]
fn an_old_cargo_is_refused_in_one_line_where_no_newer_one_is_offered() {
    let line = "setup: cargo 1.85.1 is here; install Rust 1.89 or newer (https://rustup.rs) and run this again\n";
    assert_eq!(System::new("1.85.1", None).setup(), (line.into(), Some(1)));
    assert_eq!(System::new("1.85.1", Some("(none)")).setup(), (line.into(), Some(1)));
}
