"""The command line: list, run, test, save, kernels, article, witness, powercut, clean."""

import argparse
import json
import os
import shlex
import shutil
import signal
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from . import kernels
from .article import article
from .check import check_all
from .job import Job, from_root, one_command, with_numalab
from .machines import ALL, BY_NAME, TESTED, WITNESSED, Machine
from .powercut import power_cuts
from .cache import CACHE, Fault, Lost, Usage, lock, say, show
from .session import Request, Session
from .witness import witness

EPILOGUE = """exit codes of run: the command's own; 124 time bound passed; 125 the lab failed (its
last words are on stderr), or the job left nothing at a --get PATH; 2 usage. An example: scripts/lab run 2x32 -- numalab topo"""


def main(argv: list[str]) -> int:
    """Carries out a command line and gives the exit code."""
    # Killed in the ordinary way, the lab still removes its files; killed otherwise, qemu dies with it all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # The lab's own words, and those of the command behind `--`.
    at = argv.index("--") if "--" in argv else len(argv)
    options, inside = parser().parse_args(argv[:at]), argv[at + 1 :]
    try:
        return VERBS[options.verb](options, inside)
    except Usage as error:
        say(str(error))
        return 2
    except Lost as error:
        say(str(error))
        return 1
    except Fault as error:
        say(str(error))
        return 125
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except OSError as error:
        # What has no name is a file of the lab's own that was open already.
        say(f"{error.filename or CACHE}: {error.strerror or error}")
        return 125
    except Exception:
        # Code 1 is the command's own, never a fault of the lab.
        traceback.print_exc()
        return 125
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        prog="scripts/lab",
        description="Emulated machines of many nodes: placement is real there, time is not.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = whole.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="the machines")
    listing.add_argument("--format", choices=("text", "json"), default="text", help="how to print them")
    run = verbs.add_parser("run", help="runs a command in a machine: run NAME [options] -- CMD", allow_abbrev=False)
    run.add_argument("name", help="the machine")
    run.add_argument("--numalab", action="store_true", help="takes numalab and experiments/ in (also where CMD starts so)")
    run.add_argument("--bin", action="append", default=[], type=Path, help="a program, with its libraries, into PATH")
    run.add_argument("--file", action="append", default=[], metavar="SRC[:DST]", help="a file or folder, into /job")
    run.add_argument("--script", type=Path, help="a shell script to run instead of CMD")
    run.add_argument("--get", action="append", default=[], metavar="PATH", help="a file or folder that is to come out")
    run.add_argument("--to", type=Path, default=Path("."), metavar="DIR", help="where it is put, by default here")
    run.add_argument("--timeout", type=seconds, default=150, metavar="S", help="seconds of the whole, 150 by default")
    run.add_argument("--quiet", action="store_true", help="does not tell what it took")
    wanted(run)
    test = verbs.add_parser("test", help="boots machines and holds what Linux sees against the table")
    test.add_argument("names", nargs="*", metavar="NAME", help="all by default")
    wanted(test)
    save = verbs.add_parser("save", help="boots machines once, so that they are restored from then on")
    save.add_argument("names", nargs="*", metavar="NAME", help=f"by default {' '.join(TESTED)}")
    wanted(save, fresh=False)
    fetching = verbs.add_parser("kernels", help="fetches the kernels that are not there yet, and names them")
    fetching.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(kernels.KINDS)}; all by default")
    verbs.add_parser("article", help="the article's sweep on 2x32, in under 15 minutes, and the figure of local hit ratio")
    watched = verbs.add_parser("witness", help="has qemu count every access to the heaps, and holds numalab's count against it")
    watched.add_argument("names", nargs="*", metavar="NAME", help=f"by default {' '.join(WITNESSED)}")
    watched.add_argument("--procs", type=times, metavar="N", help="workers, as many as PUs by default")
    watched.add_argument(
        "--operations", type=times, default=2000, metavar="N", help="of each worker, 2000 by default: more take longer, and more moves"
    )
    wanted(watched, fresh=False)
    cuts = verbs.add_parser("powercut", help="cuts a machine's power at random moments of a run, boots it again and resumes")
    cuts.add_argument("name", nargs="?", default="1x2", help="the machine, 1x2 by default")
    cuts.add_argument("--times", type=times, default=40, metavar="N", help="how often, 40 by default")
    cuts.add_argument("--seed", type=int, default=1, metavar="N", help="of the random moments, 1 by default")
    wanted(cuts)
    verbs.add_parser("clean", help="removes saved machines, images and kernels")
    return whole


def wanted(verb: argparse.ArgumentParser, fresh: bool = True) -> None:
    """Options that say how a machine is wanted; where it may be a fresh one, also those with which none is saved."""
    kinds = ", ".join(kernels.KINDS)
    verb.add_argument("--kernel", default="", help=f"{kinds}, or a version such as 6.1")
    verb.set_defaults(append="", qemu="", cold=False)
    if not fresh:
        return
    verb.add_argument("--append", default="", help="further words on the kernel's command line; boots afresh")
    verb.add_argument("--qemu", type=words, default="", help="further words on qemu's command line; boots afresh")
    verb.add_argument("--cold", action="store_true", help="boots afresh, and saves nothing")


def seconds(text: str) -> float:
    value = float(text)
    # Of any clock's range; neither infinite nor no number.
    if not 0 < value <= 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 1000000")
    return value


def times(text: str) -> int:
    value = int(text)
    # Without a single cut nothing is shown.
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def words(text: str) -> str:
    try:
        shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None
    return text


def machine(name: str) -> Machine:
    if name not in BY_NAME:
        raise Usage(f"no machine \"{name}\"; known: {' '.join(BY_NAME)}")
    return BY_NAME[name]


def request(options: argparse.Namespace, name: str) -> Request:
    return Request(machine(name), options.kernel, options.append, options.qemu, options.cold)


def list_machines(options: argparse.Namespace, _: list[str]) -> int:
    if options.format == "json":
        show(json.dumps([asdict(machine) | {"pus": machine.pus} for machine in ALL], indent=1))
        return 0
    for machine in ALL:
        show(f"{machine.name:<8}  {len(machine.nodes):>2} nodes  {machine.pus:>2} PUs  {machine.mib:>4} MiB  {machine.what}")
    return 0


def run_job(options: argparse.Namespace, inside: list[str]) -> int:
    request_ = request(options, options.name)
    if bool(inside) == bool(options.script):
        raise Usage("run needs a command behind -- or --script FILE, one of the two")
    job = Job(script(options.script) if options.script else one_command(inside), options.bin, to=options.to)
    for pair in options.file:
        source, _, at = pair.partition(":")
        job.files.append((Path(source), at or Path(source).name))
    job.get += options.get
    if options.numalab or " ".join(inside).split()[:1] == ["numalab"]:
        with_numalab(job)
    if job.get:
        make_outlet(job.to)
    with lock():
        outcome = Session(request_).run(job, options.timeout)
    missing = [path for path in options.get if from_root(path) in outcome.missing]
    for path in missing:
        say(f"{path}: the job left no such file")
    if not options.quiet:
        how = "booted" if outcome.booted else "restored"
        say(f"{options.name} {how} in {outcome.start_seconds:.1f} s, job {outcome.job_seconds:.1f} s, exit {outcome.code}")
    return outcome.code or (125 if missing else 0)


def script(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeError) as error:
        raise Usage(f"--script {path}: {getattr(error, 'strerror', None) or error}") from None


def make_outlet(folder: Path) -> None:
    """The folder of `--to`, before the job: behind it, what the job has made would be lost."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Usage(f"--to {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Usage(f"--to {folder}: no right to write there")


def test_machines(options: argparse.Namespace, _: list[str]) -> int:
    requests = [request(options, name) for name in options.names or BY_NAME]
    with lock():
        return check_all(requests)


def save_machines(options: argparse.Namespace, _: list[str]) -> int:
    requests = [request(options, name) for name in options.names or TESTED]
    with lock():
        for request_ in requests:
            session = Session(request_)
            session.saved.unlink(missing_ok=True)
            outcome = session.run(Job("true"), seconds=300)
            if not session.saved.exists():
                raise Fault(f"{request_.machine.name} booted in {outcome.start_seconds:.1f} s and was not saved; see above")
            mib = session.saved.stat().st_size >> 20
            say(f"{request_.machine.name} booted and saved in {outcome.start_seconds:.1f} s, {mib} MiB")
    return 0


def fetch_kernels(options: argparse.Namespace, _: list[str]) -> int:
    """Where all are asked for, one that this distribution has not is told; one asked for by name must come."""
    for kind in options.kinds or kernels.KINDS:
        try:
            found = kernels.kernel(kind).package
        except Fault as error:
            if options.kinds:
                raise
            found = str(error)
        show(f"{kind:<7} {found}")
    return 0


def witness_machines(options: argparse.Namespace, _: list[str]) -> int:
    requests = [request(options, name) for name in options.names or WITNESSED]
    with lock():
        return witness(requests, options.procs, options.operations)


def clean(*_: object) -> int:
    with lock():
        for folder in CACHE.iterdir():
            if folder.is_dir():
                shutil.rmtree(folder)
    return 0


VERBS = {
    "list": list_machines,
    "run": run_job,
    "test": test_machines,
    "save": save_machines,
    "kernels": fetch_kernels,
    "article": lambda *_: article(),
    "witness": witness_machines,
    "powercut": lambda options, _: power_cuts(request(options, options.name), options.times, options.seed),
    "clean": clean,
}
