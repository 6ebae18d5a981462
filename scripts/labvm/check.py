"""The lab's own test: what Linux sees in each machine is what the table says was built."""

import io
import time

from .job import Job
from .machines import Machine
from .cache import Fault, say
from .session import Request, Session

# One line for each fact, read from the kernel alone.
LOOK = """cd /sys/devices/system/node 2>/dev/null || exit 9
for node in node*; do
  echo "node ${node#node}|$(cat $node/cpulist)|$(cat $node/distance)|$(grep MemTotal $node/meminfo | tr -dc '0-9 ')"
done
echo "offline|$(cat /sys/devices/system/cpu/offline)"
echo "host|$(hostname)"
echo "siblings|$(cat /sys/devices/system/cpu/cpu0/topology/thread_siblings_list)"
# Newer kernels number dies through all packages.
cd /sys/devices/system/cpu
for pu in cpu[0-9]*; do
  [ "$(cat $pu/topology/physical_package_id 2>/dev/null)" = 0 ] && cat $pu/topology/die_id
done | sort -u > /tmp/dies
echo "dies|$(wc -l < /tmp/dies)"
"""


def check_all(requests: list[Request]) -> int:
    """Looks at machines, one line each; 1 where any of them is not what it should be, 125 where one did not start."""
    code = 0
    for request in requests:
        begun = time.monotonic()
        try:
            wrong, how = look(request)
        except Fault as fault:
            wrong, how, code = [str(fault)], "did not start", 125
        verdict = "FAIL" if wrong else "PASS"
        code = max(code, 1 if wrong else 0)
        say(f"{verdict} {request.machine.name:<8} {how}, {time.monotonic() - begun:.1f} s in all")
        for line in wrong:
            say(f"     {line}")
    return code


def look(request: Request) -> tuple[list[str], str]:
    """What is not as the table says, and how the machine started."""
    out = io.BytesIO()
    session = Session(request)
    outcome = session.run(Job(LOOK), seconds=300, out=out)
    lines = [line.split("|") for line in out.getvalue().decode().splitlines()]
    how = f"{'booted' if outcome.booted else 'restored'} in {outcome.start_seconds:.1f} s"
    if outcome.code != 0:
        return [f"the look ended with {outcome.code}"], how
    return compare(request.machine, {line[0]: line[1:] for line in lines}), how


def compare(machine: Machine, found: dict[str, list[str]]) -> list[str]:
    """Every difference between a machine as it was built and as it was found, in words."""
    wrong = []

    def expect(what: str, expected: object, seen: object) -> None:
        if str(expected) != str(seen):
            wrong.append(f"{what}: {seen!s} found, {expected!s} expected")

    expected = machine.expected()
    nodes = {int(key.split()[1]): value for key, value in found.items() if key.startswith("node ")}
    expect("nodes", sorted(expected), sorted(nodes))
    for (index, node), distances in zip(sorted(expected.items()), machine.expected_distances()):
        pus, between, memory = nodes.get(index, ["", "", f"{index} 0"])
        expect(f"node {index} PUs", node.pus, pus)
        expect(f"node {index} distances", " ".join(map(str, distances)), between)
        expect(f"node {index} has memory", node.memory, int(memory.split()[1]) > 0)
    expect("offline PUs", machine.offline, found["offline"][0])
    expect("host name", f"lab-{machine.name}", found["host"][0])
    expect("PUs of the first core", "0" if machine.threads == 1 else f"0-{machine.threads - 1}", found["siblings"][0])
    expect("dies of a package", machine.dies, found["dies"][0])
    return wrong
