#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sorts images as the original's file processor does, for process.py: one after the other, each read whole with
pydicom, linked, and its series JSON read and written again.

  sorter.py SITE < list of files, one a line
"""
import json, os, sys, tempfile
import pydicom

KEYWORDS = """Manufacturer ManufacturerModelName AcquisitionMatrix StudyInstanceUID SeriesInstanceUID SeriesTime StudyDate
StudyTime PatientID PatientName PatientSex InstitutionName OperatorsName StationName SOPClassUID StudyDescription StudyID
AccessionNumber SeriesDescription SeriesNumber InstanceNumber SequenceName ScanningSequence SequenceVariant EchoTime
RepetitionTime SliceThickness ImageType SliceLocation ImagesInAcquisition""".split()


def link(target, name):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    if not os.path.exists(name):
        os.symlink(target, name)


def sort(site, path):
    image = pydicom.dcmread(path)
    image.PixelData  # the original reads it too
    study, series, sop = image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID
    os.makedirs(f"{site}/.arrived", exist_ok=True)
    open(f"{site}/.arrived/SCANNER1 FIONA scanner1 {study} {series}", "w").close()
    link(path, f"{site}/raw/{study}/{series}/{sop}")
    link(f"{site}/raw/{study}", f"{site}/participants/{image.PatientID}/{image.StudyDate}_{image.StudyTime}")
    fields = {word: str(image[word].value) for word in KEYWORDS if word in image}
    fields["Modality"] = [image.Modality]
    fields["IncomingConnection"] = {"AETitleCaller": "SCANNER1", "AETitleCalled": "FIONA", "CallerIP": "scanner1"}
    name = f"{site}/raw/{study}/{series}.json"
    count = 0
    if os.path.exists(name):
        with open(name) as f:
            fields = json.load(f)
        count = int(fields["NumFiles"])
    fields["NumFiles"] = str(count + 1)
    os.makedirs(f"{site}/temp", exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=f"{site}/temp", delete=False) as f:
        json.dump(fields, f, indent=2, sort_keys=True)
    os.rename(f.name, name)


for line in sys.stdin:
    sort(sys.argv[1], line.rstrip("\n"))
