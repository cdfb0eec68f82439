#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""research_values.py BIN DATA: de-identifies every directory of DATA and holds the outputs against the inputs.

 - dciodvfy finds no error that the input did not have;
 - what a report, presentation state or segmentation refers to is found under its new UID;
 - dcm2niix makes the same voxels, geometry, b-values and b-vectors of every MR series;
 - PET keeps the intervals and quantities that decay correction and SUV need;
 - nothing is left that fiona-verify residual can find.

BIN holds the tools. Exit 1 and one line for each difference; SKIPPED and 77 without data or programs."""
import collections
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from datetime import datetime

try:
    import pydicom
except ImportError:
    print("SKIPPED: no python3-pydicom")
    sys.exit(77)

MOST_OF_A_SERIES = 3  # files of one directory for dciodvfy
# Deflated and JPEG-LS: Debian's dcm2niix is built without.
NOT_IN_DCM2NIIX = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
REFERRING = ("SR", "PR", "KO", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE")
problems = []
counts = collections.Counter()


def complain(where, what):
    problems.append(f"{where}: {what}")


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def read(path):
    try:
        return pydicom.dcmread(path, stop_before_pixels=True)
    except Exception:  # what pydicom cannot read is no subject of these checks
        return None


def errors_of(path):
    """The errors of dciodvfy without the values in them."""
    text = run("dciodvfy", path).stdout.decode("utf-8", "replace")
    if "not valid DICOM" in text or "dataset read failed" in text:
        return None  # it saw only a part of the file
    kinds = set()
    for line in text.splitlines():
        if line.startswith("Error"):
            line = re.sub(r" = <.*", "", line)  # a value may have several lines
            line = re.sub(r"Missing attribute|Empty attribute \(no value\)", "No value", line)
            kinds.add(re.sub(r"<[^>]*>(?=[^<]*$)|= <[^>]*>|\[[^\]]*\]|\b\d[\d.]*\b|\"[^\"]*\"", "", line).strip())
    return kinds


def references(dataset):
    found = set()
    for element in dataset.iterall():
        if element.tag == 0x00081155 and element.value:
            found.add(str(element.value))
    return found


def niftis(directory):
    """(geometry and voxels) of every image, and the gradient tables, as multisets."""
    out = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
    run("dcm2niix", "-b", "n", "-z", "n", "-f", "%s_%r", "-o", out, directory)
    images, tables = collections.Counter(), collections.Counter()
    for name in os.listdir(out):
        if "ROI" in name:  # an overlay, which is removed
            continue
        with open(os.path.join(out, name), "rb") as file:
            data = file.read()
        if name.endswith(".nii"):
            # dim, pixdim, scaling, then qform and sform: NIfTI-1 without its texts
            geometry = data[40:56] + data[70:124] + data[252:328]
            offset = int(struct.unpack("<f", data[108:112])[0])
            images[hashlib.sha256(geometry + data[offset:]).hexdigest()] += 1
        elif name.endswith((".bval", ".bvec")):
            tables[(name[-5:], data)] += 1
    shutil.rmtree(out)
    return images, tables


def moment(text):
    text = str(text).split(".")[0].split("+")[0]
    return datetime.strptime(text[:14].ljust(14, "0"), "%Y%m%d%H%M%S")


def pet_facts(dataset):
    facts = [str(dataset.get(k, "")) for k in ("PatientWeight", "Units", "DecayCorrection", "ActualFrameDuration",
                                               "DecayFactor", "FrameReferenceTime", "RescaleSlope",
                                               "RescaleIntercept", "AcquisitionTime", "SeriesTime")]
    for item in dataset.get("RadiopharmaceuticalInformationSequence", []):
        facts += [str(item.get(k, "")) for k in ("RadionuclideTotalDose", "RadionuclideHalfLife",
                                                 "RadiopharmaceuticalStartTime")]
        start = item.get("RadiopharmaceuticalStartDateTime")
        if start and dataset.get("AcquisitionDate"):
            scan = moment(dataset.AcquisitionDate + str(dataset.get("AcquisitionTime", "0")).split(".")[0])
            facts.append(str(scan - moment(start)))
    if dataset.get("AcquisitionDate") and dataset.get("SeriesDate"):
        facts.append(str(moment(dataset.AcquisitionDate) - moment(dataset.SeriesDate)))
    return facts


def check_directory(tools, source, files, scratch):
    where = os.path.basename(source)
    inputs = os.path.join(scratch, "in")
    output = os.path.join(scratch, "out")
    os.makedirs(inputs)
    for number, file in enumerate(files):
        shutil.copyfile(file, os.path.join(inputs, f"{number:05}"))
    key = os.path.join(scratch, "key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(b"k" * 32)
    run(os.path.join(tools, "fiona-anonymize"), "-i", inputs, "-o", output, "-j", "GLIOMA", "-p", "GLI_001",
        "--key-file", key, "-b", "-m", "--keep-private", "mr-research")
    with open(os.path.join(output, "mapping.json"), encoding="utf-8") as file:
        mapping = json.load(file)["SOPInstanceUID"]
    os.remove(os.path.join(output, "mapping.json"))
    written = {}
    for directory, _, names in os.walk(output):
        for name in names:
            dataset = read(os.path.join(directory, name))
            if dataset is not None:
                written[str(dataset.SOPInstanceUID)] = (os.path.join(directory, name), dataset)
    pairs = []
    passed = os.path.join(scratch, "passed")
    os.makedirs(passed)
    for name in sorted(os.listdir(inputs)):
        before = read(os.path.join(inputs, name))
        after = written.get(mapping.get(str(before.get("SOPInstanceUID", "")), "")) if before is not None else None
        if after:
            pairs.append((os.path.join(inputs, name), before, *after))
            os.link(os.path.join(inputs, name), os.path.join(passed, name))
    if not pairs:
        return
    counts["files"] += len(pairs)
    for path, before, new_path, after in pairs[:MOST_OF_A_SERIES] if len(pairs) > 40 else pairs:
        known = errors_of(path)
        if known is None:
            continue
        counts["dciodvfy"] += 1
        for error in (errors_of(new_path) or set()) - known:
            complain(f"{where}/{os.path.basename(path)}", f"dciodvfy: {error}")
    here = {str(before.SOPInstanceUID) for _, before, _, _ in pairs}
    for path, before, _, after in pairs:
        if str(before.get("Modality", "")) in REFERRING:
            wanted = {mapping[uid] for uid in references(before) & here}
            counts["references"] += len(wanted)
            if wanted - references(after):
                complain(where, f"{len(wanted - references(after))} references do not resolve")
        if before.get("Modality") == "PT":
            counts["pet"] += 1
            if pet_facts(before) != pet_facts(after):
                complain(where, "PET: intervals or quantities differ")
    magnetic = [pair for pair in pairs if pair[1].get("Modality") == "MR"
                and pair[1].file_meta.TransferSyntaxUID not in NOT_IN_DCM2NIIX]
    if magnetic:
        sides = [os.path.join(scratch, side) for side in ("before", "after")]
        for side, file in zip(sides, (0, 2)):
            os.makedirs(side)
            for number, pair in enumerate(magnetic):
                os.link(pair[file], os.path.join(side, f"{number:05}.dcm"))
        old, new = niftis(sides[0]), niftis(sides[1])
        counts["nifti"] += sum(old[0].values())
        counts["gradients"] += sum(old[1].values())
        if old[0] != new[0]:
            complain(where, f"dcm2niix: {sum((old[0] - new[0]).values())} of {sum(old[0].values())} images differ")
        if old[1] != new[1]:
            complain(where, "dcm2niix: b-values or b-vectors differ")
    residual = run(os.path.join(tools, "fiona-verify"), "residual", output, "--original", passed,
                   "--harmless", "GLIOMA", "--harmless", "GLI_001")
    if residual.returncode not in (0, 65):
        complain(where, "fiona-verify residual failed")
    for line in residual.stdout.decode("utf-8", "replace").splitlines()[1:]:
        complain(where, f"residual: {line.split(': ', 1)[-1]}")


def main():
    tools, data = sys.argv[1:3]
    missing = [p for p in ("dciodvfy", "dcm2niix") if not shutil.which(p)]
    if missing or not os.path.isfile(os.path.join(data, "manifest.json")):
        print(f"SKIPPED: no {' '.join(missing) or 'test data at ' + data}")
        return 77
    groups = collections.defaultdict(list)
    with open(os.path.join(data, "manifest.json"), encoding="utf-8") as file:
        for entry in json.load(file)["files"]:
            if entry["kind"] == "dicom" and not entry["path"].startswith("broken/"):
                groups[os.path.dirname(entry["path"])].append(os.path.join(data, entry["path"]))
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    for directory in sorted(groups):
        if only in directory:
            with tempfile.TemporaryDirectory() as scratch:
                check_directory(tools, directory, groups[directory], scratch)
    for problem in problems:
        print(problem)
    print(", ".join(f"{value} {name}" for name, value in sorted(counts.items())))
    return 1 if problems or not counts["files"] else 0


if __name__ == "__main__":
    sys.exit(main())
