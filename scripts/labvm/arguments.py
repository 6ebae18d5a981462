"""A machine as qemu's command line."""

from .kernels import Kernel
from .machines import Machine
from pathlib import Path

# What makes a boot of 64 PUs take 10 s instead of 115; README.md has the weights.
FAST = (
    "tsc=reliable mitigations=off nokaslr cpu_init_udelay=0 no_timer_check lpj=10000000 rcupdate.rcu_expedited=1 "
    "audit=0 selinux=0 apparmor=0 nowatchdog nmi_watchdog=0 random.trust_cpu=on 8250.nr_uarts=1"
)
# An oops ends the machine, and with it qemu: better a fault at once than a job that hangs.
CONSOLE = "console=ttyS0 quiet loglevel=4 panic=-1 oops=panic"

# Without Intel's name threads are seen as cores; with cmpxchg16b Linux 6.12 dies in qemu 7.2 at 64 PUs.
PROCESSOR = "max,vendor=GenuineIntel,-cx16,-la57"


def arguments(machine: Machine, kernel: Kernel, image: Path, append: str = "") -> list[str]:
    """All of the command line but for what differs between two jobs."""
    attributes = machine.attributes
    words = ["-accel", "tcg,thread=single,tb-size=256", "-M", f"pc,usb=off,vmport=off{',hmat=on' if attributes else ''}"]
    words += ["-cpu", PROCESSOR, "-m", f"{machine.mib}M", "-smp", processors(machine)]
    words += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    words += nodes(machine) + distances(machine)
    line = f"{CONSOLE} {FAST} lab.name={machine.name} {machine.append} {append}"
    return words + ["-kernel", str(kernel.image), "-initrd", str(image), "-append", " ".join(line.split())]


def processors(machine: Machine) -> str:
    packages = sum(node.pus > 0 for node in machine.nodes)
    cores = machine.pus // packages // machine.dies // machine.threads
    return f"{machine.pus},sockets={packages},dies={machine.dies},cores={cores},threads={machine.threads}"


def nodes(machine: Machine) -> list[str]:
    """Memory and packages of each node."""
    words: list[str] = []
    package = 0
    for index, node in enumerate(machine.nodes):
        option = f"node,nodeid={index}"
        if node.mib:
            words += ["-object", f"memory-backend-ram,id=memory{index},size={node.mib}M"]
            option += f",memdev=memory{index}"
        if machine.attributes:
            option += f",initiator={machine.attributes.initiators[index]}"
        words += ["-numa", option]
    for index, node in enumerate(machine.nodes):
        if node.pus:
            words += ["-numa", f"cpu,node-id={index},socket-id={package}"]
            package += 1
    return words


def distances(machine: Machine) -> list[str]:
    """SLIT and HMAT."""
    words: list[str] = []
    # That of numa=fake is the kernel's own: the machine has one node.
    if machine.distances and len(machine.distances) == len(machine.nodes):
        for source, row in enumerate(machine.distances):
            for target, value in enumerate(row):
                if source != target:
                    words += ["-numa", f"dist,src={source},dst={target},val={value}"]
    if machine.attributes:
        latency = "hierarchy=memory,data-type=access-latency,latency="
        bandwidth = "hierarchy=memory,data-type=access-bandwidth,bandwidth="
        for initiator, row in enumerate(machine.attributes.latency_ns):
            for target, value in enumerate(row):
                words += ["-numa", f"hmat-lb,initiator={initiator},target={target},{latency}{value}"]
        for initiator, row in enumerate(machine.attributes.bandwidth_mb_per_s):
            for target, value in enumerate(row):
                words += ["-numa", f"hmat-lb,initiator={initiator},target={target},{bandwidth}{value}M"]
    return words
