"""Where the lab keeps things, what its faults are, and the lock that lets one machine run at a time."""

import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import TextIO

REPOSITORY = Path(__file__).resolve().parents[2]

# Kernels, images and saved machines: all of it can be made again, none of it is in git.
CACHE = REPOSITORY / "target" / "lab"


class Fault(Exception):
    """The lab itself failed: no boot, a kernel panic, a dead qemu, a tool that is not installed. Exit code 125."""


class Lost(Exception):
    """What was committed before a power cut is not there after it: numalab's fault, not the lab's. Exit code 1."""


class Usage(Exception):
    """What was asked cannot be: one line, exit code 2."""


def say(text: str) -> None:
    """A line of the lab's own, apart from what the command in the machine prints."""
    try:
        print(f"lab: {text}", file=sys.stderr, flush=True)
    except OSError:
        # Nobody is left to be told, and the exit code stands.
        discard(sys.stderr)


def show(text: object) -> None:
    """A line of what was asked for.

    Raises `Fault` where it cannot be printed, `BrokenPipeError` where nobody reads it.
    """
    try:
        print(text, flush=True)
    except OSError as error:
        discard(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        raise Fault(f"standard output: {error.strerror}") from None


def discard(stream: TextIO) -> None:
    """What could not be printed is not tried again at the end, where Python would make exit code 120 of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def tool(name: str) -> str:
    """The path of an installed program.

    Raises `Fault` with the way to get it: nothing in the lab is optional.
    """
    # Where a user's PATH has no sbin, some of the tools would not be seen.
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise Fault(f"{name} is not installed; run scripts/setup lab")
    return found


def lock() -> TextIO:
    """Waits until no other machine of this checkout runs, and says so while it waits.

    Two emulated machines at once on two cores would only make both late. The lock is the file's, so it ends with the
    process that holds it, however that dies.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    held = open(CACHE / "lock", "a+")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.seek(0)
        say(f"another machine is running (process {held.read().strip() or 'unknown'}); waiting for it to end")
        fcntl.flock(held, fcntl.LOCK_EX)
    for left in CACHE.glob("work-*"):
        # Of one that was killed; nobody else holds the lock.
        shutil.rmtree(left, ignore_errors=True)
    held.seek(0)
    held.truncate()
    held.write(f"{os.getpid()}\n")
    held.flush()
    return held
