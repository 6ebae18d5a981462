"""The first file system of a machine: BusyBox, the tools people know, the modules, and init.sh. Made from this system."""

import hashlib
import re
import subprocess
from pathlib import Path

from .kernels import Kernel
from .cache import CACHE, tool

INIT = Path(__file__).with_name("init.sh")

# The witnesses that a measurement is held against, beside BusyBox.
TOOLS = (
    "numactl",
    "numastat",
    "migratepages",
    "memhog",
    "lstopo-no-graphics",
    "hwloc-bind",
    "hwloc-info",
    "hwloc-calc",
    "hwloc-ps",
    "taskset",
)
FOLDERS = "bin dev etc job lib lib/modules proc root run sbin sys tmp usr usr/bin usr/sbin".split()


def libraries(programs: list[Path]) -> list[Path]:
    """The shared libraries of programs, the loader among them, as the loader finds them here."""
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True).stdout
    found = re.findall(r"=> (/\S+)", listed) + re.findall(r"^\s*(/\S+) \(0x", listed, re.M)
    return sorted({Path(path) for path in found})


def contents(kernel: Kernel) -> dict[str, Path]:
    """Every file of the image: where it lies there, and here."""
    tools = {f"usr/bin/{name}": Path(tool(name)) for name in TOOLS}
    tools["bin/busybox"] = Path(tool("busybox"))
    files = {"init": INIT, **tools}
    files |= {str(path).lstrip("/"): path for path in libraries(list(tools.values()))}
    files |= {f"lib/modules/{path.name}": path for path in kernel.modules}
    return {at: path.resolve() for at, path in files.items()}


def image(kernel: Kernel) -> Path:
    """The image for a kernel, made where the cache has none of just these files."""
    files = contents(kernel)
    stamps = [(at, str(path), path.stat().st_size, path.stat().st_mtime_ns) for at, path in sorted(files.items())]
    key = hashlib.sha256(repr((kernel.package, Path(__file__).read_bytes(), stamps)).encode()).hexdigest()[:16]
    made = CACHE / "images" / f"{kernel.kind}-{key}.cpio"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        for stale in made.parent.glob(f"{kernel.kind}-*.cpio"):
            stale.unlink()
        part = made.with_suffix(".part")
        part.write_bytes(cpio(kernel, files))
        part.rename(made)
    return made


def cpio(kernel: Kernel, files: dict[str, Path]) -> bytes:
    """The image as the kernel unpacks it: an archive in cpio's "newc" form (kernel, early-userspace/buffer-format.rst)."""
    folders = set(FOLDERS) | {str(parent) for at in files for parent in Path(at).parents if str(parent) != "."}
    order = "".join(f"{path.name}\n" for path in kernel.modules)
    out = bytearray()
    for number, at in enumerate(sorted(folders, key=lambda at: at.count("/"))):
        out += entry(number, at, 0o40755, b"")
    for number, (at, path) in enumerate(sorted(files.items()), start=len(folders)):
        out += entry(number, at, 0o100755, path.read_bytes())
    out += entry(len(folders) + len(files), "lib/modules/order", 0o100644, order.encode())
    return bytes(out + entry(0, "TRAILER!!!", 0, b""))


def entry(number: int, name: str, mode: int, data: bytes) -> bytes:
    """One file: thirteen numbers of eight hex digits, the name, the data, each padded to four bytes."""
    title = name.encode() + b"\0"
    numbers = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(title), 0)
    head = b"070701" + b"".join(b"%08X" % value for value in numbers) + title
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
