# SPDX-License-Identifier: MIT
"""wsi: synthetic slides of 5 GB with label and macro, an SVS (BigTIFF, JPEG tiles) and an NDPI (JPEG with restart
intervals), become DICOM: one synced object for each level, beside `cp` with `sync` of the file. And what others do
to the same kind of slide of a tenth of the size: `vips tiffsave` of a JPEG pyramid, and OpenSlide that reads level 0
and writes nothing; in MB/s of the slide."""
import os, subprocess

from kit import Program, Row, in_turn, program, run, seconds_of

MEMORY_MB = 128
READ_ALL = """
import openslide, sys
slide = openslide.OpenSlide(sys.argv[1])
width, height = slide.dimensions
for y in range(0, height, 1024):
    for x in range(0, width, 1024):
        slide.read_region((x, y), 0, (1024, 1024))
"""


def drop(path):
    """What the cache holds of a file, so that every round reads the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make(directory, name, size):
    path = os.path.join(directory, name)
    level_0 = str(int(size * 0.75))  # the other levels are a third of it
    if name.endswith(".svs"):
        command = [program("make-slides"), path, "--big", "--bytes", level_0, "--levels", "5"]
    else:
        command = [program("make-ndpi"), path, "--width", "57344", "--interval", "256", "--levels", "7", "--bytes", level_0]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


class Converting:
    """One kind of slide; outputs are removed at once, or the disk were full."""

    def __init__(self, work, kind, size):
        self.work, self.memory, self.number = work, 0.0, 0
        self.large, self.small = make(work, "large." + kind, size), make(work, "small." + kind, size / 10)

    def speed(self, slide, convert):
        self.number += 1
        out = os.path.join(self.work, str(self.number))
        drop(slide)
        seconds = convert(slide, out)
        subprocess.run(["rm", "-rf", out, out + ".tif"], check=True)
        return os.path.getsize(slide) / seconds / 1e6

    def ours(self, slide, out):
        os.mkdir(out)
        seconds, memory = run([program("convert-slide"), slide, out])
        self.memory = max(self.memory, memory)
        return seconds

    @staticmethod
    def copy(slide, out):
        return seconds_of(["cp", "--reflink=never", slide, out]) + seconds_of(["sync", out])

    @staticmethod
    def vips(slide, out):
        return seconds_of(["vips", "tiffsave", slide, out + ".tif", "--tile", "--pyramid", "--compression", "jpeg", "--Q", "90", "--bigtiff"],
                          stderr=subprocess.DEVNULL)

    @staticmethod
    def decode(slide, _):
        return seconds_of(["/usr/bin/python3", "-c", READ_ALL, slide])


def rows(options):
    found = []
    for kind in ("svs", "ndpi"):
        slides = Converting(options.work, kind, 5e9 * options.share)
        found += in_turn(f"{kind.upper()} of {os.path.getsize(slides.large) / 1e9:.1f} GB becomes DICOM",
                         Program("fiona, synced", lambda s=slides: s.speed(s.large, s.ours)),
                         [Program("cp and sync", lambda s=slides: s.speed(s.large, s.copy), 0.5),
                          Program("vips tiffsave, quality 90 (a tenth)", lambda s=slides: s.speed(s.small, s.vips), 10),
                          Program("OpenSlide, decoding only (a tenth)", lambda s=slides: s.speed(s.small, s.decode))],
                         options.rounds, unit="MB/s")
        found.append(Row("", "memory of ours", f"{slides.memory:.0f} MB", limit=f"under {MEMORY_MB} MB", reached=slides.memory < MEMORY_MB))
        os.remove(slides.large)
    return found
