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
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from .cache import CACHE, Fault, Lost, Usage, show, tool
from .job import Job, with_numalab
from .machines import Machine
from .session import Request, Session

PRIVATE_PAGES, SHARED_PAGES = 37, 301
PAGE_BYTES = 4096
# Each page of a heap is written once before it is measured, line by line.
LINES_A_PAGE = 64
OPERATIONS = 400
SECONDS_MOST = 900
LINES_A_REQUEST = 64
# An instruction that serves makes at least so many of the accesses of the one that makes most.
SERVES_LEAST = 0.01
# What is promised of the local hit ratio.
MOST_OFF = 0.01

EXPERIMENT = f"""name = "witness"
question = "Does a count of all accesses from outside agree with the local hit ratio?"
[workload]
kind = "serve"
private_bytes = {PRIVATE_PAGES * PAGE_BYTES}
shared_bytes = {SHARED_PAGES * PAGE_BYTES}
shared_ratio = 0.25
lines_per_request = {LINES_A_REQUEST}
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
end=$(($(date +%s) + 4))
while [ $(date +%s) -lt $end ]; do :; done
"""


@dataclass
class Instruction:
    """What one instruction of one process did."""

    first: int = sys.maxsize
    pages: set[int] = field(default_factory=set)
    # Accesses by PU and page of qemu's memory.
    accesses: Counter[tuple[int, int]] = field(default_factory=Counter)
    stores: int = 0


def witness(requests: list[Request], procs: int | None) -> int:
    """Runs four arms on each machine under the witness; raises `Lost` where a count is wrong or a ratio too far off."""
    off: list[float] = []
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        plugin = built(Path(name))
        for request in requests:
            with tempfile.TemporaryDirectory(dir=name) as folder:
                off += differences(request, procs or request.machine.pus, plugin, Path(folder))
    told = f"{len(off)} samples on {len(requests)} machines: the local hit ratio is at most {max(off):.3%} off"
    if max(off) > MOST_OFF:
        raise Lost(f"{told}, {MOST_OFF:.0%} are promised")
    show(told)
    return 0


def built(folder: Path) -> Path:
    """The plugin, built with the C compiler that numalab needs, too."""
    plugin = folder / "witness.so"
    source = Path(__file__).with_name("witness.c")
    told = subprocess.run([tool("qemu-system-x86_64"), "--version"], capture_output=True, text=True).stdout
    major = re.search(r"version (\d+)", told)
    # Later ones number pages in another way, and take another version of the interface.
    if not major or int(major[1]) > 7:
        raise Usage(f"the witness knows qemu 6 and 7, not {told.splitlines()[0] if told else 'this one'}")
    if subprocess.run([tool("cc"), "-O2", "-shared", "-fPIC", "-o", plugin, source]).returncode != 0:
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

    Whoever touches just so many pages touches heaps, and of one sample where they are the same ones. Left out are the
    instruction that writes each line once, before anything is measured, and those of few accesses: where pages move,
    something in the machine reads a word or two of each that it looks at. That no serving one is among them the number of
    all accesses shows.
    """
    instructions: dict[int, Instruction] = defaultdict(Instruction)
    with counts.open() as lines:
        for line in lines:
            first, pc, page, block_page, pu, loads, stores = line.split()
            instruction = instructions[int(pc, 16)]
            instruction.first = min(instruction.first, int(first))
            instruction.pages.add(int(page, 16))
            instruction.accesses[int(pu), int(block_page, 16)] += int(loads) + int(stores)
            instruction.stores += int(stores)
    of_heaps = [one for one in sorted(instructions.values(), key=lambda one: one.first) if len(one.pages) == pages]
    heaps = list(dict.fromkeys(frozenset(one.pages) for one in of_heaps))
    return [accesses_to(heap, instructions.values()) for heap in heaps]


def accesses_to(heap: frozenset[int], instructions: Iterable[Instruction]) -> Counter[tuple[int, int]]:
    """Those that serve one sample's heaps: not those that write each line once, nor those that look at pages now and then."""
    writes_each_line = len(heap) * LINES_A_PAGE
    serving = [
        one.accesses
        for one in instructions
        if one.pages <= heap and not one.stores == one.accesses.total() == writes_each_line
    ]
    most = max((accesses.total() for accesses in serving), default=0)
    return sum((accesses for accesses in serving if accesses.total() >= most * SERVES_LEAST), Counter())


def compare(machine: Machine, row: dict[str, str], accesses: Counter[tuple[int, int]]) -> float:
    """Prints what both counted of one sample, and gives how far off its ratio is.

    Raises `Lost` where nothing moved and the counts differ, or the truth lies outside the bounds that stand beside the ratio.
    """
    if row["error"] or not accesses:
        raise Fault(f"{machine.name} {row['arm']}: {row['error'] or 'the witness saw nothing'}")
    made = int(row["procs"]) * OPERATIONS * LINES_A_REQUEST
    if accesses.total() != made:
        raise Fault(f"{machine.name} {row['arm']}: the witness saw {accesses.total()} accesses of {made} that were made")
    pu_nodes = [node for node, built in enumerate(machine.nodes) for _ in range(built.pus)]
    local = sum(n for (pu, page), n in accesses.items() if node_of(machine, page) == pu_nodes[pu])
    truth = local / accesses.total()
    ours, low, high = (float(row[f"local_hit_{word}"]) for word in ("ratio", "low", "high"))
    counted = (int(row["local_touches"]), int(row["local_touches"]) + int(row["remote_touches"]))
    show(
        f"{machine.name:<8} {row['arm']:<12} {row['procs']:>3} procs  witness {local:>8} of {accesses.total():>8} local, "
        f"{truth:.4f}  numalab {counted[0]:>8} of {counted[1]:>8}, {ours:.4f} [{low:.4f}, {high:.4f}]  off {abs(truth - ours):.3%}"
    )
    if low == high and counted != (local, accesses.total()):
        raise Lost(f"{machine.name} {row['arm']}: nothing moved, and the counts differ")
    if not low <= truth <= high:
        raise Lost(f"{machine.name} {row['arm']}: the truth, {truth:.4f}, lies outside {low:.4f} to {high:.4f}")
    return abs(truth - ours)


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
