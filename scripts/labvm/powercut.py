"""Power cuts: a run on a disk of its own, ended by killing the machine at a random moment; booted again, resumed.

The disk is an ext4 image that outlives the machine. What the machine had not synced dies with its memory, as in a real
cut. What it says to have committed is known outside before the cut, and must be there after it: each row, unchanged, once.
"""

import io
import random
import re
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from .cache import Fault, Lost, lock, say, show, tool
from .job import Job, with_numalab
from .kernels import further_modules, kernel
from .session import TIMED_OUT, Request, Session
from .vm import Vm

DISK_BYTES = 64 << 20
# ext4 with the checksums that mkfs.ext4 turns on by default.
MODULES = ("crc32c_generic", "ext4")
# The most that one boot may take; a host busy with other work needs a good part of it.
SECONDS_MOST = 150
CUT = -1
# How long the lab is kept from other machines at a time.
TURN_SECONDS = 180

EXPERIMENT = """name = "powercut"
question = "Is every committed sample there after a power cut?"
[workload]
kind = "serve"
private_bytes = "64KiB"
shared_bytes = "64KiB"
[pauses]
every = "5ms"
[sweep]
procs = [1, 2]
[[arm]]
name = "unbound"
[[arm]]
name = "close"
cpus = "close"
private = "local"
shared = "interleave:workers"
[measure]
operations = 20
repetitions = 3
seed = 1
"""

# A note about a sample is written after the sample's row was synced: the highest one in facts.csv is committed.
SCRIPT = r"""
for module in MODULES_IN_ORDER; do insmod "modules/$module" || exit 91; done
for disk in /sys/block/vd*; do [ "$(cat "$disk/serial")" = data ] && data=/dev/${disk##*/}; done
mkdir -p disk && mount -t ext4 "$data" disk || exit 92
cp powercut.toml disk && cd disk || exit 93
[ FRESH = 1 ] && rm -rf results
folder() { for at in results/*/*/*; do [ -e "$at/manifest.json" ] && echo "$at"; done; }
rows() { head -n "$(($1 + 1))" "$(folder)/samples.csv" | md5sum | cut -d ' ' -f 1; }
noted() { sed -n 's/.*,sample_\([0-9]*\)_wall_ns,.*/\1/p' "$(folder)/facts.csv" 2>/dev/null | sort -n | tail -n 1; }
watch() {
  while :; do
    [ -z "$begun" ] && [ -n "$(folder)" ] && begun=1 && echo BEGUN
    now=$(noted)
    [ -n "$now" ] && [ "$now" != "$told" ] && echo "COMMITTED $((now + 1)) $(rows $((now + 1)))" && told=$now
    usleep 50000
  done
}
at=$(folder)
[ KNOWN -gt 0 ] && echo "FOUND $(rows KNOWN)"
watch &
watcher=$!
if [ -n "$at" ]; then numalab run --resume "$at"; else numalab run powercut.toml --results results; fi >said 2>&1
code=$?
kill $watcher
[ $code = 0 ] || { cat said; exit 94; }
numalab verify "$(folder)" || exit 95
echo "SAMPLES $(tail -n +2 "$(folder)/samples.csv" | cut -d , -f 3,16 | sort | tr '\n' ' ')"
cd .. && umount disk
"""


class Turn:
    """The lab's lock, let go now and then: other machines may have their turn between two boots."""

    def __init__(self) -> None:
        self.held = lock()
        self.since = time.monotonic()

    def take(self) -> None:
        if time.monotonic() - self.since > TURN_SECONDS:
            self.held.close()
            self.__init__()


@dataclass
class State:
    """What is known outside of the run on the disk."""

    turn: Turn
    fresh: bool = True
    committed: int = 0
    rows: str = ""


class Cuttable(Session):
    """A session whose machine may lose its power some seconds into the job."""

    cut_after: float | None = None

    def await_end(self, vm: Vm, deadline: float) -> int:
        if self.cut_after is None:
            return super().await_end(vm, deadline)
        if vm.hear(min(deadline, time.monotonic() + self.cut_after)) is None:
            vm.process.kill()
            return CUT
        return 0


def power_cuts(request: Request, times: int, seed: int) -> int:
    """Cuts the power so often and prints the count; a committed sample that is gone is `Lost`."""
    built = Job("")
    with_numalab(built)
    with tempfile.TemporaryDirectory(prefix="powercut-") as folder:
        show(cut_and_resume(request, times, seed, Path(folder), built))
    return 0


def cut_and_resume(request: Request, times: int, seed: int, folder: Path, built: Job) -> str:
    disk = folder / "data"
    with open(disk, "wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run([tool("mkfs.ext4"), "-q", "-F", str(disk)], check=True)
    drive = f"file={disk},if=none,id=data,format=raw,cache=writeback"
    words = f"-drive {shlex.quote(drive)} -device virtio-blk-pci,drive=data,serial=data {request.qemu}"
    request, state = replace(request, qemu=words, cold=True), State(Turn())
    modules = further_modules(kernel(request.kernel or request.machine.kernel), MODULES)
    (folder / "powercut.toml").write_text(EXPERIMENT)
    built.files = [(path, f"modules/{path.name}") for path in modules] + [(folder / "powercut.toml", "powercut.toml")]
    built.get, order = [], " ".join(path.name for path in modules)
    built.command = SCRIPT.replace("MODULES_IN_ORDER", order)
    whole, lasts = boot(request, None, state, built)
    if whole is None:
        raise Fault("the undisturbed run did not end")
    say(f"undisturbed: {len(whole.split())} samples in {lasts:.1f} s")
    moments = random.Random(seed)
    cuts, ended, known = 0, 0, 0
    while cuts < times or not state.fresh:
        cut_after = moments.uniform(0, lasts) if cuts < times else None
        samples, _ = boot(request, cut_after, state, built)
        if samples is None:
            cuts += 1
            known += state.committed
            say(f"cut {cuts}: {cut_after:.1f} s into the job, {state.committed} samples known to be committed")
        elif samples == whole:
            ended += 1
        else:
            raise Lost(f"a resumed run ended with samples {samples}, an undisturbed one with {whole}")
    return (
        f"power cuts: {cuts} on {request.machine.name}, {ended} runs resumed to their end and verified, "
        f"{known} samples known to be committed when a power was cut, all of them found, each once"
    )


def boot(request: Request, cut_after: float | None, state: State, job: Job) -> tuple[str | None, float]:
    """One boot: the samples of a run that came to its end, `None` where the power was cut; and the job's seconds."""
    script = job.command.replace("FRESH", str(int(state.fresh))).replace("KNOWN", str(state.committed))
    job = replace(job, command=script)
    out, err = io.BytesIO(), io.BytesIO()
    state.turn.take()
    session = Cuttable(request)
    session.cut_after = cut_after
    outcome = session.run(job, SECONDS_MOST, out, err)
    said = out.getvalue().decode(errors="replace")
    found = re.search(r"^FOUND (\w+)\n", said, re.M)
    if found and found[1] != state.rows:
        raise Lost(f"the first {state.committed} rows of samples.csv are not those that were committed before the cut")
    if outcome.code not in (CUT, 0) or outcome.code == TIMED_OUT:
        raise Fault(f"the job ended with {outcome.code}: {said}{err.getvalue().decode(errors='replace')}")
    samples = re.search(r"^SAMPLES (.+)\n", said, re.M)
    if samples:
        state.fresh, state.committed, state.rows = True, 0, ""
        return samples[1].strip(), outcome.job_seconds
    if outcome.code != CUT:
        raise Fault(f"the job ended without a word: {said}{err.getvalue().decode(errors='replace')}")
    committed = re.findall(r"^COMMITTED (\d+) (\w+)\n", said, re.M)
    if committed:
        state.committed, state.rows = int(committed[-1][0]), committed[-1][1]
    state.fresh = state.fresh and "BEGUN\n" not in said
    return None, outcome.job_seconds
