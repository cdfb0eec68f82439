# SPDX-License-Identifier: MIT
"""header: 2,000 MR images de-identified by fiona-anonymize, verified and not, beside DCMTK that loads, edits and
saves them without any proof, a program that rewrites headers as streams without parsing them, and Orthanc. The
original cannot be had here; where both ran, it reached 0.79x of DCMTK with two threads, so 1.6 times the original
is 1.26 times DCMTK."""
import os, shutil, subprocess, tempfile, time

from kit import Program, in_turn, make_phantoms, program, run, stop
from servers import Orthanc


def expect_files(images, out):
    count = len(os.listdir(images))
    if len(os.listdir(out)) != count:
        stop("not all images were de-identified")
    return count


def anonymize(images, work, threads, *options):
    out = tempfile.mkdtemp(prefix="anonymized-", dir=work)
    seconds, _ = run([program("fiona-anonymize"), "-i", images, "-o", out, "-j", "BENCH", "-p", "ANON0001", "--uid-scheme",
                      "compat-dec", "-q", "-t", str(threads), *options], stderr=subprocess.DEVNULL)
    return expect_files(images, out) / seconds


def edit(editor, images, work, threads):
    out = tempfile.mkdtemp(prefix="edited-", dir=work)
    seconds, _ = run([program(editor), images, out, str(threads)])
    return expect_files(images, out) / seconds


def anonymize_with_orthanc(images, work):
    """A tenth of the images is enough to know its speed."""
    files = sorted(os.path.join(images, name) for name in os.listdir(images))
    files = files[:max(1, len(files) // 10)]
    with Orthanc(work) as server:
        subprocess.run(["storescu", "127.0.0.1", str(server.port), *files], env=dict(os.environ, TCP_NODELAY="1"), check=True)
        study = server.ask("/studies")[0]
        t0 = time.perf_counter()
        server.ask(f"/studies/{study}/anonymize", {"Replace": {"PatientName": "ANON0001", "PatientID": "ANON0001"}, "Force": True,
                                                   "KeepSource": True, "Synchronous": True})
        seconds = time.perf_counter() - t0
        if server.stored() != 2 * len(files):
            stop("Orthanc has not anonymized all")
    return len(files) / seconds


def rows(options):
    work, images = options.work, os.path.join(options.work, "images")
    make_phantoms(images, "--set", "bench", "--images", str(int(2000 * options.share)))
    study, found = os.path.join(images, "study1"), []
    for threads in (1, 2):
        others = [Program("DCMTK: load, edit, save", lambda t=threads: edit("dcmtk-edit-bound", study, work, t), 1.0)]
        if threads == 1 and shutil.which("Orthanc"):
            others.append(Program("Orthanc /anonymize, synced, a tenth of them", lambda: anonymize_with_orthanc(study, work), 25))
        found += in_turn(f"header with verification, {threads} thread{'s' * (threads > 1)}",
                         Program("fiona-anonymize", lambda t=threads: anonymize(study, work, t)), others, options.rounds)
    return found + in_turn("header without verification, 2 threads",
                           Program("fiona-anonymize --verify off",
                                   lambda: anonymize(study, work, 2, "--verify", "off", "--i-know-this-leaks")),
                           [Program("DCMTK: load, edit, save", lambda: edit("dcmtk-edit-bound", study, work, 2), 1.26),
                            Program("headers rewritten as streams, pixels copied by the kernel",
                                    lambda: edit("stream-edit-bound", study, work, 2), 0.7)], options.rounds)
