# SPDX-License-Identifier: MIT
"""redcap: calls of REDCap's API in a quiet minute of a site of 5,000 studies, 1,000 rows of coupling lists and 80
projects, with the five tools of every minute and the embedded REDCap (tests/e2e/redcap_quiet_test.cpp, which counts
them; the scripts it replaces: 1,749)."""
import os, re, subprocess

from kit import BIN, Row, stop

ORIGINALS, LIMIT = 1749, 10


def rows(options):
    test = os.path.join(os.path.dirname(BIN), "tests/e2e_redcap_quiet")
    if not os.access(test, os.X_OK):
        stop(f"{test} is not built (cmake --build --preset release --target e2e_redcap_quiet)")
    environment = dict(os.environ, TMPDIR=options.work)
    if options.share >= 1:
        environment["FIONA_TEST_FULL"] = "1"
    said = subprocess.run([test], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    found = re.search(r"quiet minute [\d.]+ s of CPU, (\d+) calls", said.stdout)
    if said.returncode != 0 or not found:
        stop("e2e_redcap_quiet failed: " + said.stdout[-400:])
    calls = int(found.group(1))
    return [Row("REDCap, a quiet minute of 5,000 studies", "the five tools of every minute", f"{calls} calls", limit=f"{LIMIT} calls",
                reached=calls <= LIMIT),
            Row("", "the scripts they replace (counted once)", f"{ORIGINALS:,} calls", ORIGINALS / max(1, calls))]
