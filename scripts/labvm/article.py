"""The article's whole sweep in the emulated two-socket server: numa-binding on 2x32, every arm, procs 1 to 64."""

import subprocess
import time
from pathlib import Path

from .job import RELEASE, Job, with_numalab
from .machines import BY_NAME
from .cache import REPOSITORY, Fault, lock, say, show
from .session import TIMED_OUT, Request, Session

MACHINE = "2x32"
# Operations are counted, since seconds mean nothing here; the heaps fit the nodes by themselves (auto).
# Half of each block goes to the settled arm, which waits for NUMA balancing as on any machine. A busy host gets fewer
# whole blocks within the budget.
COMMAND = "numalab run experiments/numa-binding.toml --operations 100 --repetitions 2 --budget 11m --oversubscribe all"
# What is promised, the build aside. Beyond it the run is asked to end, and what it has comes out.
SECONDS_MOST = 15 * 60
SECONDS_FOR_THE_REST = 45


def article() -> int:
    """Runs the sweep, reports it on this host, and tells where the figure lies."""
    begun = time.monotonic()
    job = Job(COMMAND)
    with_numalab(job)
    before = set(folders())
    with lock():
        outcome = Session(Request(BY_NAME[MACHINE])).run(job, SECONDS_MOST - SECONDS_FOR_THE_REST)
    made = sorted(set(folders()) - before)
    if not made or outcome.code not in (0, TIMED_OUT):
        raise Fault(f"no results came out; the run ended with {outcome.code}")
    # Redrawn here: everything derived follows from the files alone.
    reported = subprocess.run([RELEASE, "report", made[-1]], cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    if reported.returncode != 0:
        return reported.returncode
    minutes = (time.monotonic() - begun) / 60
    cut = ", cut short by its time bound" if outcome.code == TIMED_OUT else ""
    say(f"{minutes:.1f} min{cut}; emulated: placement is true, no time is")
    show(made[-1].relative_to(REPOSITORY) / "figures" / "local_hit_ratio.svg")
    return 0


def folders() -> list[Path]:
    """The results folders of this machine."""
    return sorted((REPOSITORY / "results" / "numa-binding" / f"lab-{MACHINE}").glob("*-*"))
