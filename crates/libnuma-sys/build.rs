//! Finds the system's libnuma through pkg-config; a missing one ends in one line that names the package.

fn main() {
    // 2.0.14 is the first release whose numaif.h is complete for Linux 5.15 (MPOL_PREFERRED_MANY) and ships numa.pc.
    let found = pkg_config::Config::new().atleast_version("2.0.14").probe("numa");
    if let Err(error) = found {
        let reason = error.to_string();
        let reason = reason.lines().next().unwrap_or_default();
        eprintln!(
            "libnuma >= 2.0.14 not found ({reason}); run scripts/setup, or install libnuma-dev (apt), numactl-devel (dnf), numactl (pacman), libnuma-devel (zypper)"
        );
        std::process::exit(1);
    }
}
