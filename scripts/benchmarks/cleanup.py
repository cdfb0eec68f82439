# SPDX-License-Identifier: MIT
"""cleanup: 3,000 studies of 67 links each (201,000), of which a tenth has lost its objects, each run on a site of
its own: fiona-clear-stale-links, which looks at every link twice and removes the stale ones, beside
find -type l ! -exec test -e {} ; -delete, what the original does: one process for each link, on a sample of 100
studies, for all of them would take long."""
import json, os, tempfile, time

from kit import Program, in_turn, program, run, stop

SAMPLE = 100


def make_site(root, studies, images):
    """Every tenth study has no objects; the links are two hours old. Returns the configuration."""
    site = f"{root}/data/site"
    for name in ("archive", "raw", "participants", "srs"):
        os.makedirs(f"{site}/{name}")
    then = time.time() - 7200
    for n in range(studies):
        study = f"1.2.826.0.1.3680043.2.1125.{n}"
        series = f"{site}/raw/{study}/{study}.1"
        os.makedirs(series)
        archive = f"{site}/archive/scp_{study}"
        os.mkdir(archive)
        for i in range(images):
            target = f"{archive}/MR.{study}.1.{i}"
            if n % 10:
                os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o640))
            os.symlink(target, f"{series}/{study}.1.{i}")
            os.utime(f"{series}/{study}.1.{i}", (then, then), follow_symlinks=False)
    with open(f"{root}/config.json", "w") as f:
        json.dump({"ROOT": root}, f)
    return f"{root}/config.json"


def links_in(root):
    return sum(len(names) for _, _, names in os.walk(f"{root}/data/site/raw"))


def run_case(work, studies, images, command):
    """Links a second."""
    with tempfile.TemporaryDirectory(dir=work) as root:
        config = make_site(root, studies, images)
        os.sync()
        started = time.perf_counter()
        run(command(root, config))
        seconds = time.perf_counter() - started
        left, expected = links_in(root), (studies - (studies + 9) // 10) * images
        if left != expected:
            stop(f"{left} links are left, not {expected}")
    return studies * images / seconds


def rows(options):
    studies, images = max(SAMPLE, int(3000 * options.share)), 67

    def ours():
        return run_case(options.work, studies, images, lambda _, config: [program("fiona-clear-stale-links"), "--config", config])

    def find():
        return run_case(options.work, SAMPLE, images, lambda root, _: ["find", f"{root}/data/site/raw", "-type", "l", "!", "-exec",
                                                                       "test", "-e", "{}", ";", "-delete"])

    return in_turn(f"clean-up, {studies * images:,} links", Program("fiona-clear-stale-links", ours),
                   [Program("find -exec, one process a link (a sample)", find, 50)], options.rounds, unit="links/s")
