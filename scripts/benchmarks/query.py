# SPDX-License-Identifier: MIT
"""query: 20,000 studies of one object each, two for each patient, a quarter of them on one day; Orthanc answers
at most 500 at once. fiona-what-is-in-ids7 --from-pacs into an empty table of the embedded REDCap beside what the
original does: one findscu process for each patient, which writes a file for each answer; on a sample of the
patients. Its queries that find the patients, its sleeps, and the import are not counted."""
import json, os, random, statistics, subprocess, tempfile, time

from kit import Row, end, free_port, program, stop, wait_for_port

SAMPLE = 200
LIMIT = 500


def start_orthanc(work, limit, **environment):
    port = free_port()
    os.makedirs(f"{work}/storage", exist_ok=True)
    configuration = {"StorageDirectory": f"{work}/storage", "IndexDirectory": f"{work}/storage", "Plugins": [],
                     "HttpServerEnabled": False, "DicomPort": port, "DicomAlwaysAllowStore": True,
                     "DicomAlwaysAllowFind": True, "DicomCheckCalledAet": False, "LimitFindResults": limit,
                     "StorageAccessOnFind": "Never", "SyncStorageArea": False}
    with open(f"{work}/orthanc.json", "w") as f:
        json.dump(configuration, f)
    server = subprocess.Popen(["/usr/sbin/Orthanc", f"{work}/orthanc.json"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env={**os.environ, **environment})
    wait_for_port(port, server)
    return server, port


def patient(i):
    return f"DEMO_{i // 2:05}"


def fill(work, port, studies):
    from pydicom.dataset import FileDataset, FileMetaDataset
    directory = f"{work}/objects"
    os.makedirs(directory)
    for i in range(studies):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
        meta.MediaStorageSOPInstanceUID = f"2.25.7.{i}.1.1"
        meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        data.is_little_endian, data.is_implicit_VR = True, False
        data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID = f"2.25.7.{i}", f"2.25.7.{i}.1"
        data.PatientID = data.PatientName = patient(i)
        data.StudyDate = "20240615" if i % 4 == 0 else f"20{5 + i % 20:02}{1 + i % 12:02}{1 + i % 28:02}"
        data.StudyTime, data.Modality, data.InstitutionName, data.StudyID = "120000", "SR", "DEMO", str(i)
        data.save_as(f"{directory}/{i}.dcm", write_like_original=False)
    subprocess.run(["storescu", "+sd", "-aec", "ORTHANC", "127.0.0.1", str(port), directory], check=True,
                   env={**os.environ, "TCP_NODELAY": "1"})


def run_fiona(work, port, number):
    root = f"{work}/site{number}"
    subprocess.run([program("fiona-redcapd"), "init", "--db", f"{root}.db", "--tokens-file", f"{root}.tokens"],
                   check=True, stdout=subprocess.DEVNULL)
    redcap_port = free_port()
    server = subprocess.Popen([program("fiona-redcapd"), "serve", "--db", f"{root}.db", "--plain-http", "--listen",
                               f"127.0.0.1:{redcap_port}"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f"{root}.json", "w") as f:
        json.dump({"ROOT": root, "RESEARCH_PACS": {"host": "127.0.0.1", "port": port, "aet": "ORTHANC"},
                   "REDCAP": {"url": f"http://127.0.0.1:{redcap_port}/api/", "tokens_file": f"{root}.tokens"}}, f)
    try:
        while subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{redcap_port}/api/"], check=False).returncode:
            time.sleep(0.05)
        begin = time.monotonic()
        run = subprocess.run([program("fiona-what-is-in-ids7"), "--from-pacs", "--json", "--config", f"{root}.json"],
                             capture_output=True, check=True)
        return time.monotonic() - begin, json.loads(run.stdout)
    finally:
        end(server)


def run_findscu(work, port, studies):
    """Seconds for each patient."""
    keys = ["PatientID", "PatientName", "StudyInstanceUID", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances",
            "StudyDescription", "InstitutionName", "ReferringPhysicianName", "StudyDate", "StudyTime", "ModalitiesInStudy"]
    patients = random.Random(1).sample(range(0, studies, 2), min(SAMPLE, studies // 2))
    begin = time.monotonic()
    for i in patients:
        with tempfile.TemporaryDirectory(dir=work) as directory:
            words = ["findscu", "-aec", "ORTHANC", "-S", "-k", "QueryRetrieveLevel=STUDY", "-X", "-od", directory]
            for key in keys:
                words += ["-k", f"PatientID={patient(i)}" if key == "PatientID" else key]
            subprocess.run([*words, "127.0.0.1", str(port)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if len(os.listdir(directory)) != 2:
                stop("findscu has not found the studies of a patient")
    return (time.monotonic() - begin) / len(patients)


def rows(options):
    studies = max(2 * SAMPLE, int(20000 * options.share))
    work = tempfile.mkdtemp(prefix="query-", dir=options.work)
    server, port = start_orthanc(work, LIMIT, TCP_NODELAY="1")  # 80 ms less for each object
    try:
        fill(work, port, studies)
        end(server)
        server, port = start_orthanc(work, LIMIT)  # as it is by itself
        ours, theirs, report = [], [], {}
        for number in range(options.rounds):
            seconds, report = run_fiona(work, port, number)
            if report["added"] != studies:
                stop(f"{report['added']} of {studies} studies were found")
            ours.append(seconds)
            theirs.append(run_findscu(work, port, studies) * studies / 2)
    finally:
        end(server)
    mine, other = statistics.median(ours), statistics.median(theirs)
    return [Row(f"inventory of {studies:,} studies, {LIMIT} answers at once", "fiona-what-is-in-ids7 --from-pacs",
                f"{mine:.1f} s, {report['queries']:,} queries"),
            Row("", "findscu, one process per patient (from a sample)", f"{other:.0f} s", other / mine, 20)]
