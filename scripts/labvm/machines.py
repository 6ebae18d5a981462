"""The machines by name, as data: what is built, and what Linux is to make of it."""

from dataclasses import dataclass, field

Matrix = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Node:
    """One node; both may be 0. The PUs of a node are one package."""

    pus: int
    mib: int


@dataclass(frozen=True)
class Attributes:
    """Memory attributes of the firmware (HMAT), by initiator and target, and each node's own initiator."""

    latency_ns: Matrix
    bandwidth_mb_per_s: Matrix
    initiators: tuple[int, ...]


@dataclass(frozen=True)
class Seen:
    """A node as Linux shows it in /sys/devices/system/node."""

    pus: str
    memory: bool


@dataclass(frozen=True)
class Machine:
    """One machine."""

    name: str
    nodes: tuple[Node, ...]
    what: str
    threads: int = 1
    dies: int = 1
    # SLIT; qemu gives 10 and 20 where there is none.
    distances: Matrix | None = None
    attributes: Attributes | None = None
    # Further words on the kernel's command line.
    append: str = ""
    # A kind of kernel, as kernels.py names them.
    kernel: str = "stable"
    # What Linux shows, where that is not simply what was built.
    seen: dict[int, Seen] = field(default_factory=dict)
    offline: str = ""

    @property
    def pus(self) -> int:
        return sum(node.pus for node in self.nodes)

    @property
    def mib(self) -> int:
        return sum(node.mib for node in self.nodes)

    def expected(self) -> dict[int, Seen]:
        """The nodes that Linux must show: PUs are numbered through, node after node."""
        if self.seen:
            return self.seen
        shown, first = {}, 0
        for index, node in enumerate(self.nodes):
            shown[index] = Seen(list_of(first, node.pus), node.mib > 0)
            first += node.pus
        return shown

    def expected_distances(self) -> Matrix:
        """Distances between the nodes that Linux must show, in their order."""
        indexes = sorted(self.expected())
        between = self.distances or slit(len(self.nodes), lambda steps: 20)
        return tuple(tuple(between[row][column] for column in indexes) for row in indexes)


def list_of(first: int, count: int) -> str:
    """`count` PUs from `first` on, as Linux writes them; empty for none."""
    return "" if count == 0 else str(first) if count == 1 else f"{first}-{first + count - 1}"


def slit(nodes: int, remote) -> Matrix:
    """Distances of nodes in a ring: 10 to itself, `remote(steps)` to others."""
    steps = lambda i, j: min(abs(i - j), nodes - abs(i - j))
    return tuple(tuple(10 if i == j else remote(steps(i, j)) for j in range(nodes)) for i in range(nodes))


def same(count: int, pus: int, mib: int) -> tuple[Node, ...]:
    return (Node(pus, mib),) * count


RING = slit(8, lambda steps: 16 + 6 * (steps - 1))
CXL = ((10, 20, 30), (20, 10, 40), (30, 40, 10))
CXL_NODES = (Node(2, 512), Node(2, 512), Node(0, 512))

ALL = (
    Machine("1x2", same(1, 2, 768), "one node, the control: nothing here is about NUMA"),
    Machine("2x2", same(2, 2, 512), "the smallest NUMA machine"),
    Machine("2x8", same(2, 8, 512), "two packages of 8 cores"),
    Machine("2x32", same(2, 32, 768), "the two-socket server, the article's 64 PUs"),
    Machine("2x32smt", same(2, 32, 768), "2 packages x 16 cores x 2 threads", threads=2),
    Machine("2die", same(2, 8, 384), "2 packages x 2 dies x 4 cores (CPUID leaf 1F)", dies=2),
    Machine(
        "4asym",
        same(4, 2, 256),
        "four nodes, distances in two levels",
        distances=((10, 16, 22, 28), (16, 10, 28, 22), (22, 28, 10, 16), (28, 22, 16, 10)),
    ),
    Machine("8ring", same(8, 1, 192), "eight nodes of one PU in a ring", distances=RING),
    Machine("8x4", same(8, 4, 192), "eight nodes of four PUs in a ring", distances=RING),
    Machine("cxl", CXL_NODES, "node 2 has memory and no PU", distances=CXL),
    Machine("memless", (Node(2, 512), Node(2, 0)), "node 1 has PUs and no memory"),
    Machine(
        "mixed",
        (Node(2, 512), Node(2, 0), Node(0, 512)),
        "node 1 without memory, node 2 without PUs",
        distances=((10, 20, 30), (20, 10, 25), (30, 25, 10)),
    ),
    Machine(
        "sparse",
        # qemu wants nodes numbered through, so node 1's memory is taken away on the kernel's command line.
        (Node(4, 512), Node(0, 256), Node(0, 512)),
        "nodes 0 and 2: a number is missing",
        append="memmap=256M$0x20000000",
        seen={0: Seen("0-3", True), 2: Seen("", True)},
    ),
    Machine(
        "offline",
        same(2, 4, 384),
        "PUs 6 and 7 are present and offline",
        append="maxcpus=6",
        seen={0: Seen("0-3", True), 1: Seen("4-5", True)},
        offline="6-7",
    ),
    Machine("2x40", same(2, 40, 768), "80 PUs: masks of two words"),
    Machine("64x1", same(64, 1, 64), "64 nodes: a nodeset that just fits one word"),
    Machine("65x1", same(65, 1, 64), "65 nodes: a nodeset of two words"),
    Machine(
        "hmat",
        CXL_NODES,
        "as cxl, with memory attributes of the firmware",
        distances=CXL,
        attributes=Attributes(
            latency_ns=((80, 140, 300), (140, 80, 400)),
            bandwidth_mb_per_s=((200_000, 50_000, 20_000), (50_000, 200_000, 10_000)),
            initiators=(0, 1, 0),
        ),
    ),
    Machine("tiny", (Node(2, 768), Node(2, 128)), "node 1 is small and fills up fast"),
    Machine("huge", same(2, 2, 512), "64 huge pages of 2 MiB on node 0, 16 on node 1", append="hugepages=0:64,1:16"),
    Machine(
        "nonuma",
        same(2, 2, 384),
        "two nodes, booted with numa=off: looks like one",
        append="numa=off",
        seen={0: Seen("0-3", True)},
    ),
    Machine(
        "fake",
        same(1, 4, 768),
        "one node split in four by numa=fake=4: every PU is in every node",
        append="numa=fake=4",
        kernel="full",
        # All distances are 10: the kernel has no better word for them.
        distances=((10,) * 4,) * 4,
        seen={node: Seen("0-3", True) for node in range(4)},
    ),
)

BY_NAME = {machine.name: machine for machine in ALL}

# What `save` makes where no name is given: the machines that tests run on.
TESTED = ("2x2", "cxl", "memless", "2x32")

# What `witness` watches where no name is given: each kind of node and numbering, and the article's size.
WITNESSED = ("2x2", "4asym", "8ring", "cxl", "memless", "sparse", "2x32")
