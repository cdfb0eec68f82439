# SPDX-License-Identifier: MIT
"""receive: 2,000 MR images (250 kB) over 4 associations: fiona-storescp (durable: fsync before success) beside
DCMTK's storescp --fork +B (which does not sync), Orthanc, and a plain copy + fsync of the same files; and over
1 association of an unchanged storescu (Nagle), beside the packaged storescp."""
import multiprocessing, os, shutil, tempfile, time

from kit import Program, all_images, in_turn, make_phantoms
from servers import Fiona, Orthanc, Storescp, rate_of_receiving


def copy_part(job):
    files, target = job
    buffer = bytearray(1 << 20)
    directory = os.open(target, os.O_RDONLY)
    for name in files:
        part = os.path.join(target, "." + os.path.basename(name))
        with open(name, "rb", buffering=0) as source, open(part, "wb", buffering=0) as out:
            while n := source.readinto(buffer):
                out.write(memoryview(buffer)[:n])
            os.fdatasync(out.fileno())
        os.rename(part, os.path.join(target, os.path.basename(name)))
        os.fsync(directory)
    os.close(directory)


def copy_and_sync(files, writers, work):
    target = tempfile.mkdtemp(prefix="copy-", dir=work)
    t0 = time.perf_counter()
    with multiprocessing.Pool(writers) as pool:
        pool.map(copy_part, [(files[w::writers], target) for w in range(writers)])
    return len(files) / (time.perf_counter() - t0)


def rows(options):
    work, images = options.work, os.path.join(options.work, "images")
    make_phantoms(images, "--set", "bench", "--images", str(int(2000 * options.share)))
    files = all_images(images)
    few, quarter = files[:200], files[:max(8, len(files) // 4)]
    others = [Program(Storescp.name, lambda: rate_of_receiving(Storescp(work), files, 4, True), 1.0),
              Program("copy + fdatasync + rename + directory sync, 4 writers", lambda: copy_and_sync(files, 4, work), 0.6)]
    if shutil.which("Orthanc"):
        others.append(Program("Orthanc 1.10.1, synced, a quarter of them",
                              lambda: rate_of_receiving(Orthanc(work), quarter, 4, True), 3.5))
    return (in_turn(f"receive, 4 associations, {len(files)} images",
                    Program(Fiona.name, lambda: rate_of_receiving(Fiona(work), files, 4, True)), others, options.rounds)
            + in_turn("receive, 1 association of an unchanged storescu",
                      Program(Fiona.name, lambda: rate_of_receiving(Fiona(work), files, 1, False)),
                      [Program(f"DCMTK storescp --fork +B as packaged, {len(few)} of them",
                               lambda: rate_of_receiving(Storescp(work, False), few, 1, False), 45)], options.rounds))
