# SPDX-License-Identifier: MIT
"""process: 2,000 MR images (250 kB) and 1,000 CT images (525 kB) that wait in the spool: fiona-process-file once
(links, series JSON, classification) beside what the original does to each file (sorter.py) and beside DCMTK that
reads the headers only; and a series of 10,000 beside 100 series of 100."""
import json, os, shutil, subprocess, tempfile, time

from kit import TOP, Program, all_files, in_turn, make_phantoms, program, stop


class Spooled:
    """A site whose archive is full and whose spool names all of it; each run starts there again."""

    def __init__(self, work, name, *make_arguments):
        self.work = work
        self.root = os.path.join(self.work, "site-" + name)
        self.site = os.path.join(self.root, "data/site")
        self.spool = os.path.join(self.site, ".spool")
        self.config = os.path.join(self.root, "config.json")
        self.archive = os.path.join(self.site, "archive")
        os.makedirs(self.archive)
        with open(self.config, "w") as f:
            json.dump({"ROOT": self.root}, f)
        self.count = json.loads(make_phantoms(self.archive, "--archive", "--json", *make_arguments))["files"]
        self.fiona("reconcile")
        self.entries = os.path.join(self.root, "entries")
        self.keep_entries()
        os.sync()

    def keep_entries(self):
        """In the order in which a sender would have sent the images: one series after the other."""
        new = os.path.join(self.spool, "new")
        found = []
        for name in os.listdir(new):
            with open(os.path.join(new, name)) as f:
                text = f.read()
            found.append((json.loads(text)["series"], name, text))
        os.makedirs(self.entries)
        for number, (_, _, text) in enumerate(sorted(found)):
            with open(os.path.join(self.entries, f"{time.time_ns():019}.1.{number}.json"), "w") as f:
                f.write(text)

    def fiona(self, verb):
        subprocess.run([program("fiona-process-file"), verb, "--config", self.config, "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)

    def start_again(self):
        aside = tempfile.mkdtemp(prefix="done-", dir=self.work)
        for path in [os.path.join(self.site, name) for name in ("raw", "participants", "srs", ".arrived")] + [os.path.join(self.spool, "new")]:
            if os.path.exists(path):
                os.rename(path, os.path.join(aside, os.path.basename(path)))
        shutil.copytree(self.entries, os.path.join(self.spool, "new"))
        os.sync()

    def links(self, root):
        return sum(os.path.islink(f) for f in all_files(os.path.join(root, "raw")))

    def run_fiona(self):
        self.start_again()
        t0 = time.perf_counter()
        self.fiona("once")
        seconds = time.perf_counter() - t0
        if self.links(self.site) != self.count or os.listdir(os.path.join(self.spool, "new")):
            stop("fiona-process-file has not sorted all")
        return self.count / seconds

    def run_sorter(self, share):
        files = [f for f in all_files(self.archive) if not f.endswith(".json")][:self.count // share]
        site = tempfile.mkdtemp(prefix="sorter-", dir=self.work)
        t0 = time.perf_counter()
        subprocess.run([os.path.join(TOP, "scripts/benchmarks/sorter.py"), site], input="\n".join(files).encode(), check=True)
        seconds = time.perf_counter() - t0
        if self.links(site) != len(files):
            stop("the stand-in has not sorted all")
        return len(files) / seconds

    def run_dcmtk(self):
        t0 = time.perf_counter()
        subprocess.run([program("dcmtk-header-bound"), self.archive], check=True, stdout=subprocess.DEVNULL)
        return self.count / (time.perf_counter() - t0)


def rows(options):
    work, images = options.work, int(2000 * options.share)

    def beside_others(title, site):
        return in_turn(f"{title}, {site.count} images", Program("fiona-process-file once", site.run_fiona),
                       [Program("stand-in for the original: pydicom, links, JSON for each file", lambda: site.run_sorter(8), 20),
                        Program("DCMTK reads the headers only, 1 thread", site.run_dcmtk, 0.7)], options.rounds)

    many = int(10000 * options.share)
    slim = [Spooled(work, f"slim-{series}", "--set", "slim", "--images", str(many), "--series", str(series)) for series in (1, 100)]
    return (beside_others("process, MR of 250 kB", Spooled(work, "mr", "--set", "bench", "--images", str(images)))
            + beside_others("process, CT of 525 kB", Spooled(work, "ct", "--set", "bench-ct", "--images", str(images // 2)))
            + in_turn(f"process, {many} images of few pixels", Program("in one series", slim[0].run_fiona),
                      [Program("in series of 100", slim[1].run_fiona, 0.83)], options.rounds))
