# SPDX-License-Identifier: MIT
"""What every case needs: the programs, a place on the disk, servers, programs measured in turn, rows of the table."""
import dataclasses, mmap, os, re, socket, statistics, subprocess, sys, tempfile, time
from typing import Callable, Optional

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LARGEST_ORDER = 10  # of pages the kernel keeps together (MAX_PAGE_ORDER): above it nothing is reported as free
BIN = os.environ.get("FIONA_BIN", os.path.join(TOP, "build/release/bin"))


@dataclasses.dataclass
class Options:
    work: str           # an empty directory on the disk to measure, removed at the end
    rounds: int = 3
    share: float = 1.0  # of the usual amount of data: smaller for a trial


@dataclasses.dataclass
class Row:
    case: str
    program: str
    figure: str                   # with its unit
    ratio: Optional[float] = None  # ours against this program: above 1 is better
    goal: Optional[float] = None
    limit: str = ""               # for a figure with a limit of its own, not a ratio
    reached: Optional[bool] = None

    def cells(self):
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x" if self.ratio < 10 else f"{self.ratio:.0f}x"
        goal = self.limit if self.goal is None else f"{self.goal:g}x"
        reached = self.reached if self.goal is None else self.ratio >= self.goal
        return [self.case, self.program, self.figure, ratio, goal, "" if reached is None else "yes" if reached else "**no**"]


@dataclasses.dataclass
class Program:
    name: str
    run: Callable[[], float]
    goal: Optional[float] = None  # of ours against it


def stop(why):
    sys.exit(f"bench: {why}")


def take_memory():
    """A virtual machine that gave free memory back to its host pays to get it again, half a second a GB: whoever runs
    first after a pause. So all of it is fetched once, and who measures is told how to keep it."""
    with open("/proc/meminfo", encoding="ascii") as f:
        available = int(re.search(r"MemAvailable:\s+(\d+) kB", f.read()).group(1)) * 1024
    mmap.mmap(-1, available // 4 * 3, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()
    reporting = "/sys/module/page_reporting/parameters/page_reporting_order"
    try:
        with open(reporting, encoding="ascii") as f:
            if 0 < int(f.read()) <= LARGEST_ORDER:
                print(f"bench: this machine gives free memory back to its host, which slows whoever runs after a pause;"
                      f" echo {LARGEST_ORDER + 1} >{reporting} keeps it", file=sys.stderr)
    except OSError:
        pass  # no virtual machine of that kind


def program(name):
    return os.path.join(BIN, name)


def in_turn(case, ours, others, rounds, unit="files/s", less_is_better=False):
    """Rows of one case. What the programs' run() gives is a rate or, with less_is_better, a time."""
    found = {p.name: [] for p in (ours, *others)}
    for _ in range(rounds):
        for each in (ours, *others):
            found[each.name].append(each.run())
            os.sync()
    figures = {name: statistics.median(values) for name, values in found.items()}
    write = (lambda v: f"{v:,.3g} {unit}") if less_is_better else (lambda v: f"{v:,.0f} {unit}")
    rows = [Row(case, ours.name, write(figures[ours.name]))]
    for other in others:
        ratio = figures[ours.name] / figures[other.name]
        rows.append(Row("", other.name, write(figures[other.name]), 1 / ratio if less_is_better else ratio, other.goal))
    return rows


def table(rows):
    lines = ["| case | program | figure | ours against it | goal | reached |", "|---|---|---:|---:|---:|---|"]
    return "\n".join(lines + [f"| {' | '.join(row.cells())} |" for row in rows])


def seconds_of(arguments, **more):
    """Ends the benchmark if it fails."""
    more.setdefault("stdout", subprocess.DEVNULL)
    begin = time.perf_counter()
    code = subprocess.run(arguments, check=False, **more).returncode
    seconds = time.perf_counter() - begin
    if code != 0:
        stop(f"{arguments[0]} ended with {code}")
    return seconds


def run(arguments, **more):
    """Seconds, and the most memory the process had, in MB: by time(1), for what we fork begins with our own size."""
    with tempfile.NamedTemporaryFile("r", encoding="ascii") as told:
        seconds = seconds_of(["/usr/bin/time", "-f", "%M", "-o", told.name, *arguments], **more)
        return seconds, int(told.read()) / 1024


def peak_memory_mb(pid):
    """Of a process that lives (VmHWM of /proc)."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1)) / 1024


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            stop(f"a server ended with {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    stop("a server does not listen")


def end(server):
    server.terminate()
    server.wait()


def all_files(root):
    return sorted(os.path.join(d, f) for d, _, names in os.walk(root) for f in names)


def all_images(root):
    return [f for f in all_files(root) if not f.endswith(".json")]


def make_phantoms(target, *arguments):
    return subprocess.run([program("make-phantoms"), target, *arguments], check=True, stdout=subprocess.PIPE).stdout
