"""What goes into a machine for one job: programs with their libraries, files, and the command, as a tar on a raw disk."""

import io
import shlex
import subprocess
import tarfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from .image import libraries
from .cache import CACHE, REPOSITORY, Fault, Usage, say, tool

# The size of the disk is part of a saved machine, so it is the same for every job. The file has holes.
DISK_BYTES = 256 << 20

RELEASE = REPOSITORY / "target" / "release" / "numalab"

# Beside numalab it is found; it is static, and without it Go's points are skipped.
GO_SUBJECT = REPOSITORY / "target" / "subjects" / "go-subject"


@dataclass
class Job:
    """One job: a command, what it needs, and what is to come out."""

    command: str
    programs: list[Path] = field(default_factory=list)
    # (where it lies here, where it is to lie there)
    files: list[tuple[Path, str]] = field(default_factory=list)
    # Paths in the machine, relative to /job.
    get: list[str] = field(default_factory=list)
    # Where they are unpacked here.
    to: Path = Path(".")


def with_numalab(job: Job) -> None:
    """Takes numalab, go-subject where it was built, and the experiments into a job, and has its results folders come out into results/.

    The release build is made where it is absent or old: a machine without time is slow enough.
    """
    slow = threading.Timer(1, say, ["building numalab"])
    slow.start()
    try:
        build = subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "numalab"], cwd=REPOSITORY)
    finally:
        slow.cancel()
    if build.returncode != 0 or not RELEASE.exists():
        raise Fault("numalab cannot be built; see above")
    job.programs.append(RELEASE)
    if GO_SUBJECT.exists():
        # Not among the programs: it has no libraries to look for.
        job.files.append((GO_SUBJECT, "bin/go-subject"))
    job.files.append((REPOSITORY / "experiments", "experiments"))
    job.get.append("results")
    if job.to == Path("."):
        job.to = REPOSITORY


def one_command(words: list[str]) -> str:
    """A command line from its words; a single word is a line for the shell already."""
    return words[0] if len(words) == 1 else shlex.join(words)


def write_disk(job: Job, disk: Path) -> int:
    """Writes a job's disk and gives the MiB that are used of it.

    Raises `Usage` for a file that is not there or where all of it does not fit.
    """
    with tarfile.open(disk, "w") as tar:
        for program in job.programs:
            add(tar, stripped(program), f"job/bin/{program.name}")
        for library in libraries(job.programs) if job.programs else ():
            add(tar, library.resolve(), str(library))
        for source, at in job.files:
            add(tar, source, at if at.startswith("/") else f"job/{at}")
        # The command may end the shell that reads it, hence a file, not an argument.
        add_text(tar, "job/run", f"export PATH=/job/bin:$PATH\n{job.command}\n")
        add_text(tar, "job/.get", "".join(f"{from_root(path)}\n" for path in job.get))
    used = (disk.stat().st_size + (1 << 20) - 1) >> 20
    if used > DISK_BYTES >> 20:
        raise Usage(f"the job is {used} MiB; at most {DISK_BYTES >> 20} MiB go into a machine")
    with open(disk, "r+b") as file:
        file.truncate(DISK_BYTES)
    return used


def from_root(path: str) -> str:
    """A path of `--get` from the machine's root on."""
    return path.lstrip("/") if path.startswith("/") else f"job/{path}"


def add(tar: tarfile.TarFile, source: Path, at: str) -> None:
    """A file or folder of this system, as root's."""

    def as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        return entry

    if not source.exists():
        raise Usage(f"{source}: no such file to take into the machine")
    tar.add(source, at.lstrip("/"), filter=as_root)


def add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text.encode()), 0o755
    tar.addfile(entry, io.BytesIO(text.encode()))


def stripped(program: Path) -> Path:
    """A program without its debug information, which would fill a small machine's memory; kept while it is the newest."""
    if not program.exists():
        raise Usage(f"{program}: no such program to take into the machine")
    status = program.stat()
    made = CACHE / "stripped" / f"{program.name}-{status.st_size}-{status.st_mtime_ns}"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        for stale in made.parent.glob(f"{program.name}-*-*"):
            stale.unlink()
        done = subprocess.run([tool("strip"), "-o", made, program], capture_output=True)
        # A script has no debug information to lose.
        return made if done.returncode == 0 else program
    return made
