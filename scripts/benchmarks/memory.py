# SPDX-License-Identifier: MIT
"""memory: an object of 2 GB (1,000 frames) is received, sorted and de-identified; the most memory of each process,
beside what the same takes for an object of 2 MB."""
import json, os, subprocess, tempfile, threading, time

from kit import Row, all_images, peak_memory_mb, program, run, stop
from servers import Fiona

LIMIT_MB = 32
SIDE, BYTES = 1000, 2


def write_object(path, frames):
    from pydicom.dataset import FileDataset, FileMetaDataset
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7.3"  # Multi-frame Grayscale Word Secondary Capture
    meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.2.1125.77.{frames}"
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.is_little_endian, data.is_implicit_VR = True, False
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = f"1.2.826.0.1.3680043.2.1125.78.{frames}", f"1.2.826.0.1.3680043.2.1125.79.{frames}"
    data.PatientName, data.PatientID, data.Modality = "Bench^Large", "BENCH", "OT"
    data.Rows = data.Columns = SIDE
    data.NumberOfFrames, data.SamplesPerPixel, data.PhotometricInterpretation = frames, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.save_as(path, write_like_original=False)
    length = SIDE * SIDE * BYTES * frames
    with open(path, "ab") as f:  # (7FE0,0010) OW, explicit little endian; the frames are a hole
        f.write(b"\xe0\x7f\x10\x00OW\0\0" + length.to_bytes(4, "little"))
        f.truncate(f.tell() + length)


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            found += map(int, f.read().split())
    return found


class Watch(threading.Thread):
    """The largest of a process and its children, looked at while they live."""

    def __init__(self, pid):
        super().__init__()
        self.pid, self.peak, self.over = pid, 0.0, threading.Event()

    def run(self):
        while not self.over.wait(0.02):
            try:
                self.peak = max([self.peak, *(peak_memory_mb(p) for p in (self.pid, *children(self.pid)))])
            except (FileNotFoundError, ProcessLookupError, AttributeError):
                pass  # one of them ended meanwhile


def peaks(options, frames):
    """MB of the receiver, the processor and the anonymizer."""
    directory = tempfile.mkdtemp(prefix="large-", dir=options.work)
    write_object(os.path.join(directory, "object.dcm"), frames)
    with Fiona(options.work) as receiver:
        watch = Watch(receiver.process.pid)
        watch.start()
        subprocess.run(["storescu", "-aec", "FIONA", "-R", "127.0.0.1", str(receiver.port), os.path.join(directory, "object.dcm")],
                       env=dict(os.environ, TCP_NODELAY="1"), check=True)
        time.sleep(0.1)
        watch.over.set()
        watch.join()
        archive = os.path.join(receiver.root, "data/site/archive")
        if len([f for f in all_images(archive) if not os.path.basename(f).startswith(".")]) != 1:
            stop("the large object was not stored")
    _, sorting = run([program("fiona-process-file"), "once", "--config", os.path.join(receiver.root, "config.json"), "--quiet"])
    _, anonymizing = run([program("fiona-anonymize"), "-i", directory, "-o", os.path.join(options.work, f"out-{frames}"), "-j", "BENCH",
                          "-p", "ANON0001", "--uid-scheme", "compat-dec", "-q"])
    return {"fiona-storescp and its association": watch.peak, "fiona-process-file": sorting, "fiona-anonymize, verified": anonymizing}


def rows(options):
    small, large = peaks(options, 1), peaks(options, max(10, int(1000 * options.share)))
    return [Row("memory for an object of 2 GB" if index == 0 else "", name, f"{large[name]:.1f} MB ({small[name]:.1f} MB for 2 MB)",
                limit=f"{LIMIT_MB} MB", reached=large[name] <= LIMIT_MB) for index, name in enumerate(large)]
