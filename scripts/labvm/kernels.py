"""Kernels of the distribution, taken from its packages into the cache; the system itself is not touched."""

import lzma
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .cache import CACHE, Fault, Usage, say, tool

KINDS = {
    "stable": "this distribution's own, for virtual machines",
    "new": "6.9 or newer: weighted interleave, memory tiers",
    "full": "this distribution's own with every option, numa=fake among them",
    "old": "6.1, Debian 12's",
}

# What the job's disk and the ports need; each with what it depends on.
MODULES = ("virtio_pci", "virtio_blk", "virtio_console")


@dataclass(frozen=True)
class Kernel:
    """A kernel in the cache."""

    kind: str
    version: str
    # Package and version: two kernels that say the same are the same.
    package: str
    image: Path
    # In the order in which they are loaded.
    modules: tuple[Path, ...]


@dataclass(frozen=True)
class Offer:
    """Where a kernel may be had: a package that depends on the kernel's own, in a suite beside the system's or `None`."""

    package: str
    suite: str | None = None
    at_least: tuple[int, int] = (0, 0)
    below: tuple[int, int] = (1000, 0)


def offers(kind: str) -> list[Offer]:
    """Where to look for a kind of kernel on this distribution, best first."""
    system = os_release()
    cloud, full = "linux-image-cloud-amd64", "linux-image-amd64"
    if system.get("ID") == "ubuntu" or "ubuntu" in system.get("ID_LIKE", ""):
        newer = f"linux-image-virtual-hwe-{system.get('VERSION_ID', '')}"
        by_kind = {
            "stable": [Offer("linux-image-virtual")],
            "new": [Offer("linux-image-virtual", at_least=(6, 9)), Offer(newer, at_least=(6, 9))],
            "full": [Offer("linux-image-generic")],
            "old": [],
        }
    else:
        codename = system.get("VERSION_CODENAME", "")
        by_kind = {
            "stable": [Offer(cloud)],
            "new": [Offer(cloud, at_least=(6, 9)), Offer(cloud, f"{codename}-backports", at_least=(6, 9))],
            "full": [Offer(full)],
            "old": [Offer(cloud, below=(6, 2)), Offer(cloud, "bookworm", below=(6, 2))],
        }
    return by_kind[kind]


def kernel(wanted: str) -> Kernel:
    """The kernel of a kind, or of a version such as 6.1 or 6.12; fetched where it is not in the cache.

    Raises `Usage` for a name that is neither, `Fault` where this system's packages have none.
    """
    if wanted in KINDS:
        return cached(wanted) or fetch(wanted)
    for kind in KINDS if re.fullmatch(r"\d+\.\d+(\..*)?", wanted) else ():
        if kind == "full" or not offers(kind):
            continue
        # Known before it is fetched: the version stands in the package's name.
        found = cached(kind)
        version = found.version if found else numbers(offered(kind)[0])
        if (version + ".").startswith(wanted + "."):
            return found or fetch(kind)
    raise Usage(f"no kernel \"{wanted}\"; known: {', '.join(KINDS)}, or the version of one of them")


def cached(kind: str) -> Kernel | None:
    """The kernel of this kind that was fetched before."""
    folder = CACHE / "kernels" / kind
    if not (folder / "package").exists():
        return None
    package = (folder / "package").read_text().strip()
    order = (folder / "order").read_text().split()
    return Kernel(kind, numbers(package), package, folder / "vmlinuz", tuple(folder / name for name in order))


def numbers(package: str) -> str:
    """The version in the name of a kernel's package."""
    version = re.match(r"linux-image-(\d+\.\d+(?:\.\d+)*)", package)
    return version[1] if version else ""


def fetch(kind: str) -> Kernel:
    """Downloads the kernel of a kind and unpacks what a machine needs of it."""
    package, version, options = offered(kind)
    say(f"fetching {package} {version}")
    return unpack(kind, package, version, options)


def offered(kind: str) -> tuple[str, str, list[str]]:
    """The package of a kind of kernel that may be had here, its version, and apt's options to get it."""
    tried = []
    for offer in offers(kind):
        options = apt_options(offer.suite)
        package, version = newest(offer.package, options)
        if package is None and offer.suite is None:
            # The system's lists may be absent or old; lists of our own need no right to change the system's.
            options = apt_options(None, own_lists=True)
            package, version = newest(offer.package, options)
        tried.append(f"{offer.package} {'in ' + offer.suite if offer.suite else ''}: {package or 'not there'}")
        release = tuple(int(number) for number in numbers(package or "").split(".")[:2] if number)
        if release and offer.at_least <= release < offer.below:
            return package, version, options
    raise Fault(f"no kernel \"{kind}\" ({KINDS[kind]}) in this system's packages; tried {'; '.join(tried) or 'none'}")


def newest(meta: str, options: list[str]) -> tuple[str | None, str]:
    """The kernel's own package that a package depends on, and its version."""
    shown = run([tool("apt-cache"), *options, "show", meta], check=False)
    depends = re.search(r"^Depends:.*?\b(linux-image-\d\S*)", shown, re.M)
    version = re.search(r"^Version: (\S+)", shown, re.M)
    return (depends[1].rstrip(","), version[1]) if depends and version else (None, "")


def apt_options(suite: str | None, own_lists: bool = False) -> list[str]:
    """Options that have apt read a suite that the system's own sources do not name, in folders of ours."""
    if suite is None and not own_lists:
        return []
    home = CACHE / "apt" / (suite or "system")
    for folder in (home / "lists" / "partial", home / "cache" / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={home / 'lists'}", "-o", f"Dir::Cache={home / 'cache'}", "-o", "APT::Sandbox::User="]
    if suite is not None:
        sources = home / "sources.list"
        keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
        sources.write_text(f"deb [signed-by={keys}] {archive()} {suite} main\n")
        options += ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null"]
    run([tool("apt-get"), *options, "update", "-qq"])
    return options


def archive() -> str:
    """The address from which this system's own packages come."""
    listed = run([tool("apt-get"), "indextargets", "Identifier: Packages", "--format", "$(REPO_URI) $(LABEL)"])
    found = [line.split()[0] for line in listed.splitlines() if line.endswith(" Debian")]
    if not found:
        raise Fault("apt names no archive of Debian from which another kernel could come")
    return found[0]


def unpack(kind: str, package: str, version: str, options: list[str]) -> Kernel:
    """Takes image and modules out of a kernel's packages."""
    folder = CACHE / "kernels" / kind
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="unpack-") as scratch:
        tree = Path(scratch)
        download(package, version, options, tree)
        shutil.copy(next(tree.glob("boot/vmlinuz-*")), folder / "vmlinuz")
        (folder / "order").write_text("\n".join(collect(MODULES, tree, folder)) + "\n")
    (folder / "package").write_text(f"{package}_{version}\n")
    return cached(kind) or fetch(kind)


def download(package: str, version: str, options: list[str], tree: Path) -> None:
    """Unpacks a kernel's packages of this version into a folder."""
    # Ubuntu has the modules in a package of their own.
    modules = package.replace("linux-image-", "linux-modules-", 1)
    beside = [f"{modules}={version}"] if run([tool("apt-cache"), *options, "show", modules], check=False) else []
    wanted = [f"{package}={version}", *beside]
    run([tool("apt-get"), *options, "-o", "APT::Sandbox::User=", "-qq", "download", *wanted], cwd=str(tree))
    for archive_file in tree.glob("*.deb"):
        run([tool("dpkg-deb"), "-x", str(archive_file), str(tree)])


def further_modules(of: Kernel, names: tuple[str, ...]) -> list[Path]:
    """Modules of a kernel that not every machine needs, in the order in which they are loaded; for a job to take in.

    Beside the kernel in the cache, not with it: what a machine boots from stays as it is.
    """
    folder = CACHE / "kernels" / f"{of.kind}-{names[-1]}"
    package, _, version = of.package.rpartition("_")
    if not (folder / "package").exists() or (folder / "package").read_text().strip() != of.package:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        say(f"fetching {package} {version} for {names[-1]}")
        suites = dict.fromkeys(offer.suite for offer in offers(of.kind))
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="unpack-") as scratch:
            for suite in suites:
                options = apt_options(suite)
                if version in run([tool("apt-cache"), *options, "show", package], check=False):
                    download(package, version, options, Path(scratch))
                    break
            else:
                raise Fault(f"{package} {version} is no longer in this system's packages; scripts/lab clean, then again")
            (folder / "order").write_text("\n".join(collect(names, Path(scratch), folder)) + "\n")
        (folder / "package").write_text(f"{of.package}\n")
    return [folder / name for name in (folder / "order").read_text().split()]


def collect(names: tuple[str, ...], tree: Path, folder: Path) -> list[str]:
    """Copies the modules that are not built in, uncompressed, and gives the order in which they can be loaded."""
    by_name = {path.name.split(".")[0].replace("-", "_"): path for path in tree.glob("**/lib/modules/*/kernel/**/*.ko*")}
    order: list[str] = []

    def add(name: str) -> None:
        if f"{name}.ko" in order or name not in by_name:
            return
        binary = read_module(by_name[name])
        depends = re.search(rb"\0depends=([^\0]*)\0", binary)
        for dependency in filter(None, depends[1].decode().split(",") if depends else []):
            add(dependency.replace("-", "_"))
        (folder / f"{name}.ko").write_bytes(binary)
        order.append(f"{name}.ko")

    for name in names:
        add(name)
    return order


def read_module(path: Path) -> bytes:
    """A module's bytes; BusyBox's insmod takes no compressed ones."""
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run([tool("zstd"), "-dcq", path], check=True, capture_output=True).stdout
    return path.read_bytes()


def os_release() -> dict[str, str]:
    """What /etc/os-release says."""
    lines = Path("/etc/os-release").read_text().splitlines() if os.path.exists("/etc/os-release") else []
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


def run(command: list[str], check: bool = True, cwd: str | None = None) -> str:
    """A command's output; a `Fault` with its last words where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    if check and done.returncode != 0:
        raise Fault(f"{' '.join(command[:1])} failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return done.stdout if done.returncode == 0 else ""
