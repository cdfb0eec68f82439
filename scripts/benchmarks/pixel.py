# SPDX-License-Identifier: MIT
"""pixel: ultrasound loops (640 x 480) of 60 equal frames with text beside files with one such frame: at most 4 times
as long. Frames without text (1024 x 768), the search alone, beside Tesseract on the same pictures in the same
process (tests/support/tesseract_bound.cpp, without loading it): its page segmentation alone, and segmentation with
reading, which is what looking for text with it means."""
import importlib.machinery
import importlib.util
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from kit import TOP, Row, program, stop

sys.path.insert(0, os.path.join(TOP, "tests/support"))
import burned_in  # noqa: E402


def maker():
    """tests/support/make-burned-in as a module."""
    path = os.path.join(TOP, "tests/support/make-burned-in")
    loader = importlib.machinery.SourceFileLoader("make_burned_in", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("make_burned_in", loader))
    loader.exec_module(module)
    return module


def fan(seed, shape):
    return np.clip(burned_in.background("ultrasound", np.random.default_rng(seed), shape), 0, 255)


def labelled(seed):
    image = fan(seed, (480, 640)).astype(np.float32)
    burned_in.put_lines(image, random.Random(seed), "tune", 6, sizes=(12, 24), contrast=(120, 255))
    return np.clip(image, 0, 255).astype(np.uint8)


def rewrite(directory):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(directory)) as out:
        started = time.monotonic()
        code = subprocess.run([program("fiona-rewrite-pixel"), "-q", "-i", directory, "-o", os.path.join(out, "o"), "-t", "1"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
        if code not in (0, 65):
            stop(f"fiona-rewrite-pixel ended with {code}")
        return time.monotonic() - started


def segment(pictures):
    told = subprocess.run([program("tesseract-bound"), *pictures], check=True, stdout=subprocess.PIPE,
                          env=dict(os.environ, OMP_THREAD_LIMIT="1"))
    return [sum(column) for column in zip(*(map(float, line.split()) for line in told.stdout.splitlines()))]


def rows(options):
    save, files = maker().save, max(2, int(8 * options.share))
    directory = {name: tempfile.mkdtemp(prefix=name, dir=options.work) for name in ("one", "loop", "pgm")}
    pictures = []
    for number in range(files):
        text, plain = labelled(number), fan(1000 + number, (768, 1024)).astype(np.uint8)
        save(os.path.join(directory["one"], f"{number}.dcm"), [text], "8")
        save(os.path.join(directory["loop"], f"{number}.dcm"), [text] * 60, "8")
        pictures.append(os.path.join(directory["pgm"], f"{number}.pgm"))
        with open(pictures[-1], "wb") as file:
            file.write(b"P5\n1024 768\n255\n" + plain.tobytes())
    seconds = {"one": [], "loop": [], "search": [], "segmentation": [], "reading": []}
    for _ in range(options.rounds):
        for name in ("one", "loop"):
            seconds[name].append(rewrite(directory[name]))
        for name, spent in zip(("search", "segmentation", "reading"), segment(pictures)):
            seconds[name].append(spent)
    each = {name: statistics.median(values) / files for name, values in seconds.items()}
    times = each["loop"] / each["one"]
    return [Row("burned-in text, 640 x 480", "one frame", f"{each['one']:.3f} s"),
            Row("", "loop of 60 equal frames", f"{each['loop']:.3f} s, {times:.1f} times as long", limit="at most 4 times", reached=times <= 4),
            Row("burned-in text, none, 1024 x 768", "our search", f"{each['search']:.4f} s"),
            Row("", "Tesseract, page segmentation", f"{each['segmentation']:.4f} s", each["segmentation"] / each["search"], 5),
            Row("", "Tesseract, segmentation and reading", f"{each['reading']:.4f} s", each["reading"] / each["search"])]
