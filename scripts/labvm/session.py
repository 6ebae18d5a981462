"""One job in one machine: restored where it is saved, booted and saved where it is not, bounded in time."""

import hashlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

from .arguments import arguments
from .image import image
from .job import Job, write_disk
from .kernels import kernel
from .machines import Machine
from .cache import CACHE, Fault, say, tool
from .vm import Vm

TIMED_OUT = 124
# What a job has after it was asked to end, for the files it leaves.
GRACE_SECONDS = 30


@dataclass(frozen=True)
class Request:
    """A machine, and how it is wanted."""

    machine: Machine
    # A kind or version of kernel; empty for the machine's own.
    kernel: str = ""
    append: str = ""
    qemu: str = ""
    # Boots even where a saved one exists, and saves nothing.
    cold: bool = False


@dataclass
class Outcome:
    """What a job gave, and what it took in seconds."""

    code: int
    booted: bool
    start_seconds: float
    job_seconds: float
    # What of its output could not be written here.
    unwritten: Fault | None = None
    # What was to come out and is not there, from the machine's root on.
    missing: list[str] = field(default_factory=list)


class Session:
    """Everything between a request and an outcome; the lock is the caller's."""

    def __init__(self, request: Request):
        self.request = request
        chosen = kernel(request.kernel or request.machine.kernel)
        self.words = arguments(request.machine, chosen, image(chosen), request.append) + shlex.split(request.qemu)
        self.saved = CACHE / "saved" / f"{request.machine.name}-{chosen.kind}-{self.key(chosen.package)}"

    def key(self, package: str) -> str:
        """A hash of all that a saved machine is made of: it changes when any of it does.

        The image's name holds a hash of its files, and stands in the command line.
        """
        qemu = subprocess.run([tool("qemu-system-x86_64"), "--version"], capture_output=True, text=True).stdout
        sources = [Path(__file__).with_name(name).read_bytes() for name in ("vm.py", "job.py")]
        return hashlib.sha256(repr((self.words, package, qemu, sources)).encode()).hexdigest()[:16]

    def run(self, job: Job, seconds: float, out=None, err=None) -> Outcome:
        """Runs a job; its output goes to this program's unless told otherwise."""
        folder = Path(tempfile.mkdtemp(dir=CACHE, prefix="work-"))
        try:
            used = write_disk(job, folder / "disk")
            # Unbuffered: what cannot be written is known at once, and not tried again when this program ends.
            with open(folder / "get.tar", "wb", buffering=0) as got:
                sinks = {"out": out or unbuffered(sys.stdout), "err": err or unbuffered(sys.stderr), "get": got}
                outcome = self.in_machine(folder, sinks, used, time.monotonic() + seconds)
            if (folder / "get.tar").stat().st_size > 0:
                unpacked = subprocess.run(["tar", "xf", folder / "get.tar", "-C", job.to, "--strip-components=1"])
                if unpacked.returncode != 0:
                    raise outcome.unwritten or Fault("what came out of the machine could not be unpacked; see above")
            if outcome.unwritten:
                raise outcome.unwritten
            return outcome
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def in_machine(self, folder: Path, sinks: dict, disk_mib: int, deadline: float) -> Outcome:
        started = time.monotonic()
        warm = self.saved.exists() and not self.request.cold
        with Vm(self.words, folder, folder / "disk", self.saved if warm else None, sinks) as vm:
            if warm:
                self.restore(vm, deadline)
            else:
                self.boot(vm, deadline)
            ready = time.monotonic()
            vm.tell(f"GO {time.time():.0f} {disk_mib}")
            code = self.await_end(vm, deadline)
            job_seconds = time.monotonic() - ready
            if self.request.qemu:
                vm.end()
        return Outcome(code, not warm, ready - started, job_seconds, vm.unwritten, vm.missing)

    def boot(self, vm: Vm, deadline: float) -> None:
        """Waits for the machine, and saves it for the next job unless it is one of its kind."""
        line = vm.hear(deadline)
        if line is None:
            raise Fault(f"no boot within the time bound\n{vm.last_words()}")
        if line != "READY":
            raise Fault(f"the machine said \"{line}\" instead of READY")
        request = self.request
        if not (request.cold or request.append or request.qemu):
            self.save(vm)

    def save(self, vm: Vm) -> None:
        """Writes the waiting machine to a file, whole or not at all, and lets it go on."""
        self.saved.parent.mkdir(parents=True, exist_ok=True)
        for stale in self.saved.parent.glob(f"{self.request.machine.name}-*"):
            # Of this name and kernel, with another hash; 2x32smt is not 2x32.
            if stale.name.rsplit("-", 1)[0] == self.saved.name.rsplit("-", 1)[0]:
                stale.unlink()
        part = self.saved.with_name(f".{self.saved.name}.part")
        vm.ask("stop")
        vm.ask("migrate-set-parameters", **{"max-bandwidth": 10 << 30})
        vm.ask("migrate", uri=f"exec:cat > {shlex.quote(str(part))}")
        while (status := vm.ask("query-migrate").get("status")) != "completed":
            if status in ("failed", "cancelled"):
                free = shutil.disk_usage(part.parent).free >> 20
                part.unlink(missing_ok=True)
                say(f"{part.parent} ({free} MiB free): the machine could not be saved; the job runs in it all the same")
                break
            time.sleep(0.02)
        else:
            part.rename(self.saved)
        # Completed is said a moment before the machine may go on; on a busy host the moment is long.
        while vm.ask("query-status")["status"] == "finish-migrate":
            time.sleep(0.02)
        vm.ask("cont")

    def restore(self, vm: Vm, deadline: float) -> None:
        while (status := vm.ask("query-status")["status"]) != "running":
            if status in ("paused", "postmigrate", "prelaunch"):
                vm.ask("cont")
            if time.monotonic() > deadline:
                raise Fault(f"not restored within the time bound: {status}")
            time.sleep(0.02)

    def await_end(self, vm: Vm, deadline: float) -> int:
        """The job's code; 124 where it had to be ended."""
        line = vm.hear(deadline)
        if line is not None:
            return exit_code(line)
        say(f"time bound passed on {self.request.machine.name}; asking the job to end")
        vm.tell("STOP")
        if vm.hear(time.monotonic() + GRACE_SECONDS) is None:
            say(f"it did not; the last of its console:\n{vm.last_words()}")
        return TIMED_OUT


def unbuffered(stream: TextIO) -> BinaryIO:
    return open(stream.fileno(), "wb", buffering=0, closefd=False)


def exit_code(line: str) -> int:
    word, _, code = line.partition(" ")
    if word != "RC" or not code.isdigit():
        raise Fault(f"the machine said \"{line}\" instead of how the job ended")
    return int(code)
