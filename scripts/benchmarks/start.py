# SPDX-License-Identifier: MIT
"""start: every tool's --version, the time until it has ended and the memory it had: what a crontab of thirty lines
pays each minute."""
import glob, os, statistics

from kit import BIN, Row, run, seconds_of, stop

MILLISECONDS, MEGABYTES = 20, 16


def rows(options):
    tools = [t for t in sorted(glob.glob(os.path.join(BIN, "fiona-*"))) if os.access(t, os.X_OK)]
    if not tools:
        stop(f"no tools in {BIN}")
    seconds, memory = {}, {}
    for tool in tools:
        seconds[tool] = statistics.median(seconds_of([tool, "--version"]) for _ in range(3 * options.rounds))
        memory[tool] = run([tool, "--version"])[1]
    slowest, largest = max(tools, key=seconds.get), max(tools, key=memory.get)
    return [Row(f"start of {len(tools)} tools", f"the slowest, {os.path.basename(slowest)}", f"{seconds[slowest] * 1000:.0f} ms",
                limit=f"{MILLISECONDS} ms", reached=seconds[slowest] * 1000 <= MILLISECONDS),
            Row("", f"the largest, {os.path.basename(largest)}", f"{memory[largest]:.1f} MB", limit=f"{MEGABYTES} MB",
                reached=memory[largest] <= MEGABYTES)]
