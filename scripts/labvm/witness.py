"""A witness from outside: qemu counts every access of the workers to their heaps, and numalab's count is held against it.

The plugin `witness.c` sees each access with the PU that made it and the page of the machine's memory that it went to. Which
node that is follows from how the machine was built, and from nothing that Linux or numalab say. A sample's heaps are found
by how many pages they have: no other instruction of any program touches just as many.
"""

import csv
import io
import re
import shlex
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from .cache import CACHE, Fault, Lost, show, tool
from .job import Job, with_numalab
from .machines import Machine
from .session import Request, Session

PRIVATE_PAGES, SHARED_PAGES = 37, 301
PAGE_BYTES = 4096
# Each page of a heap is written once before it is measured, line by line.
LINES_A_PAGE = 64
OPERATIONS = 400
SECONDS_MOST = 900
# What is promised of the local hit ratio.
MOST_OFF = 0.01

EXPERIMENT = f"""name = "witness"
question = "Does a count of all accesses from outside agree with the local hit ratio?"
[workload]
kind = "serve"
private_bytes = {PRIVATE_PAGES * PAGE_BYTES}
shared_bytes = {SHARED_PAGES * PAGE_BYTES}
shared_ratio = 0.25
[sweep]
procs = [PROCS]
[[arm]]
name = "unbound"
[[arm]]
name = "close"
cpus = "close"
private = "local"
shared = "interleave:workers"
[[arm]]
name = "spread"
cpus = "spread"
private = "local"
shared = "interleave:workers"
[[arm]]
name = "interleave"
cpus = "spread"
private = "interleave:all"
shared = "interleave:all"
[measure]
operations = {OPERATIONS}
repetitions = 1
seed = 1
"""

SCRIPT = """
numalab run witness.toml --results results --format csv >/dev/null || exit 1
# Counts are written while programs run: those of the last sample, too.
turn=0
while [ $turn -lt 20000 ]; do turn=$((turn + 1)); done
"""


@dataclass
class Instruction:
    """What one instruction of one process did."""

    first: int = 0
    pages: set[int] = field(default_factory=set)
    # Accesses by PU and page of qemu's memory.
    accesses: Counter[tuple[int, int]] = field(default_factory=Counter)
    stores: int = 0


def witness(requests: list[Request], procs: int | None) -> int:
    """Runs four arms on each machine under the witness; raises `Lost` where a ratio is further off than promised."""
    off: list[float] = []
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        plugin = built(Path(name))
        for request in requests:
            with tempfile.TemporaryDirectory(dir=name) as folder:
                off += differences(request, procs or request.machine.pus, plugin, Path(folder))
    told = f"{len(off)} samples on {len(requests)} machines: the local hit ratio is at most {max(off):.3%} off"
    if max(off) > MOST_OFF:
        raise Lost(told)
    show(told)
    return 0


def built(folder: Path) -> Path:
    """The plugin, built with the C compiler that numalab needs, too."""
    plugin = folder / "witness.so"
    source = Path(__file__).with_name("witness.c")
    # Qemu 9 takes version 1 of the interface no more; what is used here is the same in both. Tried with 7.2.
    told = subprocess.run([tool("qemu-system-x86_64"), "--version"], capture_output=True, text=True).stdout
    major = re.search(r"version (\d+)", told)
    interface = 2 if major and int(major[1]) >= 9 else 1
    flags = ["-O2", "-shared", "-fPIC", f"-DINTERFACE={interface}"]
    if subprocess.run([tool("cc"), *flags, "-o", plugin, source]).returncode != 0:
        raise Fault(f"{source.name} cannot be compiled; see above")
    return plugin


def differences(request: Request, procs: int, plugin: Path, folder: Path) -> list[float]:
    """Prints a line for each sample, and gives how far off its ratio is."""
    counts, experiment = folder / "counts", folder / "witness.toml"
    experiment.write_text(EXPERIMENT.replace("PROCS", str(procs)))
    job = Job(SCRIPT, to=folder)
    with_numalab(job)
    job.files.append((experiment, "witness.toml"))
    under_witness = replace(request, qemu=f"{request.qemu} -plugin {shlex.quote(f'{plugin},out={counts}')}")
    outcome = Session(under_witness).run(job, SECONDS_MOST, out=io.BytesIO())
    if outcome.code != 0:
        raise Fault(f"the run under the witness ended with {outcome.code}")
    [samples] = folder.glob("results/witness/*/*/samples.csv")
    rows = [row for row in csv.DictReader(samples.open())]
    heaps = heaps_of(counts, procs * PRIVATE_PAGES + SHARED_PAGES)
    if len(heaps) != len(rows):
        raise Fault(f"{len(rows)} samples, and the witness saw the heaps of {len(heaps)}")
    return [compare(request.machine, row, accesses) for row, accesses in zip(rows, heaps)]


def heaps_of(counts: Path, pages: int) -> list[Counter[tuple[int, int]]]:
    """Accesses to the heaps of each sample, by PU and page of qemu's memory, in the order of samples.

    Whoever touches just so many pages touches heaps, and of one sample where they are the same ones. Left out is the
    instruction that writes each line once, before anything is measured.
    """
    instructions: dict[int, Instruction] = defaultdict(Instruction)
    with counts.open() as lines:
        for line in lines:
            first, pc, page, block_page, pu, loads, stores = line.split()
            instruction = instructions[int(pc, 16)]
            instruction.first = min(instruction.first or int(first), int(first))
            instruction.pages.add(int(page, 16))
            instruction.accesses[int(pu), int(block_page, 16)] += int(loads) + int(stores)
            instruction.stores += int(stores)
    of_heaps = [one for one in sorted(instructions.values(), key=lambda one: one.first) if len(one.pages) == pages]
    heaps = list(dict.fromkeys(frozenset(one.pages) for one in of_heaps))
    return [accesses_to(heap, instructions.values()) for heap in heaps]


def accesses_to(heap: frozenset[int], instructions: Iterable[Instruction]) -> Counter[tuple[int, int]]:
    """All accesses to one sample's heaps but for those that write each line once."""
    accesses: Counter[tuple[int, int]] = Counter()
    for one in instructions:
        writes_each_line = one.stores == one.accesses.total() == len(heap) * LINES_A_PAGE
        if one.pages <= heap and not writes_each_line:
            accesses += one.accesses
    return accesses


def compare(machine: Machine, row: dict[str, str], accesses: Counter[tuple[int, int]]) -> float:
    """Prints what both counted of one sample, and gives the difference of the ratios."""
    pu_nodes = [node for node, built in enumerate(machine.nodes) for _ in range(built.pus)]
    local = sum(n for (pu, page), n in accesses.items() if node_of(machine, page) == pu_nodes[pu])
    all_ = accesses.total()
    ours = float(row["local_hit_ratio"])
    off = abs(local / all_ - ours)
    touches = int(row["local_touches"]) + int(row["remote_touches"])
    show(
        f"{machine.name:<8} {row['arm']:<10} {row['procs']:>3} procs  witness {local:>8} of {all_:>8} local, "
        f"{local / all_:.4f}  numalab {row['local_touches']:>8} of {touches:>8}, {ours:.4f}  off {off:.3%}"
    )
    return off


def node_of(machine: Machine, block_page: int) -> int:
    """The node that a page of qemu's memory was built as.

    Nodes are blocks one after the other. qemu's plugins number a page by where its block begins, twice, and where it lies in
    it (qemu_plugin_hwaddr_phys_addr in qemu 7.2).
    """
    begins, at = 0, block_page * PAGE_BYTES
    for node, built in enumerate(machine.nodes):
        size = built.mib << 20
        if 2 * begins <= at < 2 * begins + size:
            return node
        begins += size
    raise Fault(f"qemu's page {block_page:x} belongs to no node of {machine.name}")
