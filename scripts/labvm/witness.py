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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from .cache import CACHE, Fault, Lost, Usage, show, tool
from .job import Job, with_numalab
from .machines import Machine
from .session import Request, Session

PRIVATE_PAGES, SHARED_PAGES = 37, 301
PAGE_BYTES = 4096
# Each page of a heap is written once before it is measured, line by line.
LINES_A_PAGE = 64
SECONDS_MOST = 900
LINES_A_REQUEST = 64
# An instruction that serves makes at least so many of the accesses of the one that makes most.
SERVES_LEAST = 0.01
# What is promised of the local hit ratio.
MOST_OFF = 0.01

# Major versions of qemu whose plugins are understood here.
QEMU_KNOWN = (6, 10)
# From 9.0 on nothing older is taken (QEMU_PLUGIN_MIN_VERSION in plugins/plugin.h); what the witness calls is in both.
QEMU_TAKES_INTERFACE_2 = (9, 0)
# From 8.2 on qemu_plugin_hwaddr_phys_addr gives what its name says (405c02d85de in qemu's history).
QEMU_TELLS_ADDRESSES = (8, 2)
# From 10.0 on, where one thread runs all PUs, a callback is told the PU that translated the code (accel/tcg/plugin-gen.c).
QEMU_TELLS_OTHER_PU = (10, 0)

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
operations = OPERATIONS
repetitions = 1
seed = 1
"""

SCRIPT = "numalab run witness.toml --results results --format csv >/dev/null"


@dataclass(frozen=True)
class Plugin:
    """The plugin, built for the qemu that is installed."""

    path: Path
    # Whether pages have their physical address in the machine; else one that qemu makes of where a block of memory lies.
    by_address: bool


class Row(NamedTuple):
    """A line of the plugin's file: what one instruction did to one page from one PU."""

    first: int
    instruction: int
    page: int
    machine_page: int
    pu: int
    loads: int
    stores: int


@dataclass
class Instruction:
    """What one instruction did to the heaps of one sample."""

    # Accesses by PU and page of the machine's memory.
    accesses: Counter[tuple[int, int]] = field(default_factory=Counter)
    stores: int = 0


def witness(requests: list[Request], procs: int | None, operations: int) -> int:
    """Runs four arms on each machine under the witness, so many operations a worker.

    Raises `Lost` where a count is wrong or a ratio too far off.
    """
    off: list[float] = []
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        plugin = built(Path(name))
        for request in requests:
            with tempfile.TemporaryDirectory(dir=name) as folder:
                off += differences(request, procs or request.machine.pus, operations, plugin, Path(folder))
    told = f"{len(off)} samples on {len(requests)} machines: the local hit ratio is at most {max(off):.3%} off"
    if max(off) > MOST_OFF:
        raise Lost(f"{told}, {MOST_OFF:.0%} are promised")
    show(told)
    return 0


def built(folder: Path) -> Plugin:
    """The plugin for the qemu that is installed, built with the C compiler that numalab needs, too."""
    told = subprocess.run([tool("qemu-system-x86_64"), "--version"], capture_output=True, text=True).stdout
    numbers = re.search(r"version (\d+)\.(\d+)", told)
    version = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    if not QEMU_KNOWN[0] <= version[0] <= QEMU_KNOWN[1]:
        raise Usage(f"the witness knows qemu {QEMU_KNOWN[0]} to {QEMU_KNOWN[1]}, not {(told or 'this one').splitlines()[0]}")
    interface = 2 if version >= QEMU_TAKES_INTERFACE_2 else 1
    made = folder / "witness.so"
    source = Path(__file__).with_name("witness.c")
    variant = [f"-DINTERFACE={interface}", f"-DTELLS_PU={int(version < QEMU_TELLS_OTHER_PU)}"]
    if subprocess.run([tool("cc"), "-O2", "-shared", "-fPIC", *variant, "-o", made, source]).returncode != 0:
        raise Fault(f"{source.name} cannot be compiled; see above")
    return Plugin(made, by_address=version >= QEMU_TELLS_ADDRESSES)


def differences(request: Request, procs: int, operations: int, plugin: Plugin, folder: Path) -> list[float]:
    """Prints a line for each sample, and gives how far off its ratio is."""
    counts, experiment = folder / "counts", folder / "witness.toml"
    experiment.write_text(EXPERIMENT.replace("PROCS", str(procs)).replace("OPERATIONS", str(operations)))
    job = Job(SCRIPT, to=folder)
    with_numalab(job)
    job.files.append((experiment, "witness.toml"))
    under_witness = replace(request, qemu=f"{request.qemu} -plugin {shlex.quote(f'{plugin.path},out={counts}')}")
    outcome = Session(under_witness).run(job, SECONDS_MOST, out=io.BytesIO())
    if outcome.code != 0:
        raise Fault(f"the run under the witness ended with {outcome.code}")
    if not counts.exists():
        raise Fault("qemu left no counts")
    [samples] = folder.glob("results/witness/*/*/samples.csv")
    rows = [row for row in csv.DictReader(samples.open())]
    heaps = heaps_of(counts, procs * PRIVATE_PAGES + SHARED_PAGES)
    if len(heaps) != len(rows):
        raise Fault(f"{len(rows)} samples, and the witness saw the heaps of {len(heaps)}")
    return [compare(request.machine, operations, plugin, row, accesses) for row, accesses in zip(rows, heaps)]


def heaps_of(counts: Path, pages: int) -> list[Counter[tuple[int, int]]]:
    """Accesses to the heaps of each sample, by PU and page of the machine's memory, in the order of samples.

    An instruction that touches just so many pages, or as many for each of several samples, touches heaps, as others do. Samples run
    one after the other, each a process of its own and elsewhere in its address space: in the order of first accesses the pages
    of each are together.
    """
    firsts: dict[int, dict[int, int]] = defaultdict(dict)
    for row in rows_of(counts):
        touched = firsts[row.instruction]
        touched[row.page] = min(row.first, touched.get(row.page, row.first))
    heaps: dict[frozenset[int], int] = {}
    for touched in firsts.values():
        if len(touched) % pages == 0:
            in_order = sorted(touched, key=touched.__getitem__)
            for at in range(0, len(in_order), pages):
                heap = frozenset(in_order[at : at + pages])
                heaps[heap] = min(touched[in_order[at]], heaps.get(heap, sys.maxsize))
    heap_of = {page: number for number, heap in enumerate(sorted(heaps, key=heaps.__getitem__)) for page in heap}
    of_heaps = {instruction for instruction, touched in firsts.items() if touched.keys() <= heap_of.keys()}
    instructions: list[dict[int, Instruction]] = [defaultdict(Instruction) for _ in heaps]
    for row in rows_of(counts):
        if row.instruction in of_heaps:
            one = instructions[heap_of[row.page]][row.instruction]
            one.accesses[row.pu, row.machine_page] += row.loads + row.stores
            one.stores += row.stores
    return [serving(of_heap.values(), pages) for of_heap in instructions]


def rows_of(counts: Path) -> Iterator[Row]:
    with counts.open() as lines:
        for line in lines:
            first, instruction, page, machine_page, pu, loads, stores = line.split()
            yield Row(int(first), int(instruction, 16), int(page, 16), int(machine_page, 16), int(pu), int(loads), int(stores))


def serving(instructions: Iterable[Instruction], pages: int) -> Counter[tuple[int, int]]:
    """Accesses of those that serve one sample's heaps.

    Left out are the one that writes each line once, before anything is measured, and those of few accesses: where pages move,
    something in the machine reads a word or two of each that it looks at. That no serving one is among them the number of
    all accesses shows.
    """
    writes_each_line = pages * LINES_A_PAGE
    serve = [one.accesses for one in instructions if not one.stores == one.accesses.total() == writes_each_line]
    most = max((accesses.total() for accesses in serve), default=0)
    return sum((accesses for accesses in serve if accesses.total() >= most * SERVES_LEAST), Counter())


def compare(
    machine: Machine, operations: int, plugin: Plugin, row: dict[str, str], accesses: Counter[tuple[int, int]]
) -> float:
    """Prints what both counted of one sample, and gives how far off its ratio is.

    Raises `Lost` where nothing moved and the counts differ, or the truth lies outside the bounds that stand beside the ratio.
    """
    if row["error"] or not accesses:
        raise Fault(f"{machine.name} {row['arm']}: {row['error'] or 'the witness saw nothing'}")
    made = int(row["procs"]) * operations * LINES_A_REQUEST
    if accesses.total() != made:
        raise Fault(f"{machine.name} {row['arm']}: the witness saw {accesses.total()} accesses of {made} that were made")
    pu_nodes = [node for node, built in enumerate(machine.nodes) for _ in range(built.pus)]
    local = sum(n for (pu, page), n in accesses.items() if node_of(machine, plugin, page) == pu_nodes[pu])
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


def node_of(machine: Machine, plugin: Plugin, page: int) -> int:
    """The node that a page of the machine's memory was built as: nodes are blocks, one after the other.

    Without addresses a page's number says where its block begins, twice, and where the page lies in it.
    """
    at = memory_before(machine, page * PAGE_BYTES) if plugin.by_address else page * PAGE_BYTES
    begins = 0
    for node, built in enumerate(machine.nodes):
        size = built.mib << 20
        first = begins if plugin.by_address else 2 * begins
        if first <= at < first + size:
            return node
        begins += size
    raise Fault(f"qemu's page {page:x} belongs to no node of {machine.name}")


def memory_before(machine: Machine, address: int) -> int:
    """How much of the machine's memory lies before a physical address.

    Devices have the addresses below 4 GiB. A machine of 3.5 GiB or more has 3 GiB of memory before them and the rest behind,
    a smaller one has all of it before (qemu, pc_init1 in hw/i386/pc_piix.c).
    """
    hole = 3 << 30 if machine.mib >= 3584 else 3584 << 20
    if hole <= address < 4 << 30:
        raise Fault(f"{address:x} is no address of {machine.name}'s memory")
    return address if address < hole else address - (4 << 30) + hole
