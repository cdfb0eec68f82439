# SPDX-License-Identifier: MIT
"""package: a study of 2 GB in MR images becomes a zip file. Ours reads every header twice, changes tags, writes the
zip file and its MD5, and syncs; Info-ZIP does none of that but write. What ours wrote last is tested by unzip, 7z
and Python."""
import os, subprocess, tempfile

from kit import Program, Row, all_files, in_turn, make_phantoms, program, run, stop

PYTHON_TEST = "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)"
IMAGE_BYTES = 250_000
MEMORY_MB = 128


def check(package):
    for reader in (["unzip", "-tqq"], ["7z", "t", "-bd"], ["python3", "-c", PYTHON_TEST]):
        if subprocess.run([*reader, package], stdout=subprocess.DEVNULL, check=False).returncode != 0:
            stop(f"{reader[0]} does not read our package")


class Packing:
    """A tree that becomes a package again and again; each in a new file, and none is deleted before the end."""

    def __init__(self, options):
        self.tree, self.out = os.path.join(options.work, "images"), os.path.join(options.work, "packages")
        images = max(4, int(2e9 * options.share / IMAGE_BYTES))
        make_phantoms(self.tree, "--set", "bench", "--images", str(images))
        os.mkdir(self.out)
        self.size = sum(map(os.path.getsize, all_files(self.tree)))
        self.number, self.memory, self.last = 0, 0.0, ""

    def target(self):
        self.number += 1
        return os.path.join(self.out, f"{self.number}.zip")

    def ours(self, how):
        self.last = self.target()
        seconds, memory = run([program("pack-tree"), self.tree, "PURE", how, "2", self.last])
        self.memory = max(self.memory, memory)
        return self.size / seconds / 1e6

    def info_zip(self, level):
        return self.size / run(["zip", "-q", f"-{level}", "-r", self.target(), "."], cwd=self.tree)[0] / 1e6


def rows(options):
    packing, found = Packing(options), []
    for title, how, level, goal in (("stored", "store", 0, 1.0), ("deflated, level 1, 2 threads", "deflate", 1, 1.5)):
        found += in_turn(f"package of {packing.size / 1e9:.1f} GB, {title}",
                         Program("fiona-create-zip's writer, synced, with MD5", lambda h=how: packing.ours(h)),
                         [Program(f"zip -{level} -r, not synced", lambda v=level: packing.info_zip(v), goal)],
                         options.rounds, unit="MB/s")
        check(packing.last)
    return found + [Row("", "memory of ours", f"{packing.memory:.0f} MB", limit=f"under {MEMORY_MB} MB",
                        reached=packing.memory < MEMORY_MB)]
