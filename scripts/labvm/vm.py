"""A running machine: qemu with four ports, spoken to over sockets that die with either side."""

import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import BinaryIO

from .cache import Fault, tool

PORTS = ("ctl", "out", "err", "get")
# What comes out of the machine, and where a fault of the disk says it went.
SINKS = {"out": "standard output", "err": "standard error", "get": "what --get brings out, by way of target/lab"}
CONSOLE_LINES = 8
# For qemu to end by itself once it is told to.
END_SECONDS = 60
BROKE = re.compile(r"Kernel panic|Oops|BUG:|Out of memory|Killed process")

_libc = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int) -> None:
    """In the child before exec: whatever ends this program ends qemu."""
    pr_set_pdeathsig = 1
    _libc.prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class Vm:
    """One machine from start to kill; use it in `with`."""

    def __init__(self, arguments: list[str], folder: Path, disk: Path, saved: Path | None, sinks: dict[str, BinaryIO]):
        self.folder = folder
        ours, theirs = {}, {}
        for name in (*PORTS, "qmp"):
            ours[name], theirs[name] = socket.socketpair()
        command = [tool("qemu-system-x86_64"), *arguments, *self.devices(theirs, disk)]
        if saved is not None:
            command += ["-incoming", f"exec:cat '{saved}'"]
        parent = os.getpid()
        with open(folder / "qemu.out", "wb") as words:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                pass_fds=[end.fileno() for end in theirs.values()],
                preexec_fn=lambda: die_with(parent),
            )
        for end in theirs.values():
            end.close()
        self.control, self.unread = ours["ctl"], b""
        self.monitor = ours["qmp"].makefile("rw")
        # Why output of the machine is lost, where it is.
        self.unwritten: Fault | None = None
        # What the job should have left and has not.
        self.missing: list[str] = []
        self.pumps = [
            threading.Thread(target=self.pump, args=(name, ours[name], sinks[name]), daemon=True) for name in SINKS
        ]
        for thread in self.pumps:
            thread.start()

    def pump(self, name: str, port: socket.socket, sink: BinaryIO) -> None:
        """Carries what comes out of a port to where it belongs, as it comes."""
        lost = False
        while data := received(port):
            rest = memoryview(b"" if lost else data)
            try:
                while rest:
                    rest = rest[sink.write(rest) or 0 :]
            except (BrokenPipeError, ValueError):
                # Nobody reads any more; the machine is drained all the same, or it would wait for ever.
                lost = True
            except OSError as error:
                lost = True
                self.unwritten = self.unwritten or Fault(f"{SINKS[name]}: {error.strerror}")
                if name == "get":
                    self.process.kill()
                else:
                    # What the job has made by now still comes out.
                    with contextlib.suppress(OSError):
                        self.control.sendall(b"STOP\n")

    def devices(self, ends: dict[str, socket.socket], disk: Path) -> list[str]:
        """What every machine has beside its processors and memory: a console, ports, a monitor, the job's disk."""
        words = ["-serial", f"file:{self.folder / 'console'}"]
        words += ["-chardev", f"socket,id=qmp,fd={ends['qmp'].fileno()}", "-mon", "chardev=qmp,mode=control"]
        words += ["-device", "virtio-serial-pci,id=ports,max_ports=8"]
        for number, name in enumerate(PORTS, start=1):
            words += ["-chardev", f"socket,id={name},fd={ends[name].fileno()}"]
            words += ["-device", f"virtserialport,bus=ports.0,nr={number},chardev={name},name={name}"]
        drive = f"file={disk},if=none,id=job,format=raw,readonly=on,cache=unsafe,file.locking=off"
        return [*words, "-drive", drive, "-device", "virtio-blk-pci,drive=job,serial=job"]

    def __enter__(self) -> "Vm":
        greeting = self.monitor.readline()
        if not greeting:
            raise self.died()
        self.ask("qmp_capabilities")
        return self

    def end(self) -> None:
        """Lets qemu end by itself: what was added to it may have something to write."""
        with contextlib.suppress(Fault):
            self.ask("quit")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self.pumps:
            thread.join()

    def ask(self, command: str, **arguments: object) -> dict:
        """The monitor's answer to one of its commands (QMP)."""
        with contextlib.suppress(ConnectionError):
            self.monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            self.monitor.flush()
            for line in self.monitor:
                answer = json.loads(line)
                if "error" in answer:
                    raise Fault(f"qemu refuses {command}: {answer['error'].get('desc', answer['error'])}")
                if "return" in answer:
                    return answer["return"]
        raise self.died()

    def tell(self, line: str) -> None:
        """A line to the machine's first process."""
        try:
            self.control.sendall(line.encode() + b"\n")
        except OSError:
            raise self.died() from None

    def hear(self, deadline: float) -> str | None:
        """The next line from the machine's first process; `None` when the time is up.

        Raises `Fault` where the machine is no more.
        """
        while b"\n" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.control.settimeout(left)
            try:
                data = self.control.recv(4096)
            except TimeoutError:
                return None
            except OSError:
                data = b""
            if not data:
                raise self.died()
            self.unread += data
        line, self.unread = self.unread.split(b"\n", 1)
        said = line.decode(errors="replace").strip()
        if said.startswith("MISSING "):
            self.missing.append(said.removeprefix("MISSING "))
            return self.hear(deadline)
        return said

    def died(self) -> Fault:
        """Why there is no machine any more, with the last it said."""
        if self.unwritten:
            return self.unwritten
        try:
            code = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return Fault(f"the machine hung up\n{self.last_words()}")
        return Fault(f"the machine died (qemu ended with {code})\n{self.last_words()}")

    def last_words(self) -> str:
        """The last lines of qemu's own and of the console, and those before them that say what broke."""
        said = []
        for name in ("qemu.out", "console"):
            path = self.folder / name
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            broke = [line for line in lines[:-CONSOLE_LINES] if BROKE.search(line)]
            said += [f"  {name}: {line}" for line in broke + lines[-CONSOLE_LINES:] if line.strip()]
        return "\n".join(said) or "  (it said nothing)"


def received(port: socket.socket) -> bytes:
    """What comes next out of a port; nothing where it is closed."""
    try:
        return port.recv(1 << 16)
    except OSError:
        return b""
