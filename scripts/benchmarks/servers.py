# SPDX-License-Identifier: MIT
"""Who receives: fiona, DCMTK, Orthanc. Each stands in a directory of its own for one measurement."""
import json, os, signal, subprocess, tempfile, time, urllib.request

from kit import all_files, end, free_port, program, stop, wait_for_port


class Receiver:
    """`with` starts it; stored() counts what it has."""
    name = ""

    def __init__(self, work):
        self.work = work
        self.root, self.port, self.process = "", 0, None

    def start(self, arguments, **more):
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *_):
        end(self.process)


class Fiona(Receiver):
    name = "fiona-storescp (durable)"

    def __enter__(self):
        self.root, self.port = tempfile.mkdtemp(prefix="fiona-", dir=self.work), free_port()
        config = os.path.join(self.root, "config.json")
        with open(config, "w", encoding="utf-8") as f:
            json.dump({"ROOT": self.root, "DICOMPORT": self.port,
                       "RECEIVER": {"bind": "127.0.0.1", "soft_free_bytes": 0, "soft_free_share": 0.0, "hard_free_bytes": 0,
                                    "hard_free_share": 0.0}}, f)
        os.makedirs(os.path.join(self.root, "data/site/archive"))
        return self.start([program("fiona-storescp"), "run", "--config", config, "--quiet"])

    def stored(self):
        return sum(1 for f in all_files(os.path.join(self.root, "data/site/archive")) if not os.path.basename(f).startswith("."))


class Storescp(Receiver):
    name = "DCMTK storescp --fork +B (no sync)"

    def __init__(self, work, nodelay=True):
        super().__init__(work)
        self.nodelay = nodelay

    def __enter__(self):
        self.root, self.port = tempfile.mkdtemp(prefix="storescp-", dir=self.work), free_port()
        return self.start(["storescp", "--fork", "+B", "-od", self.root, str(self.port)],
                          env=dict(os.environ, TCP_NODELAY="1" if self.nodelay else "0"))

    def stored(self):
        return len(all_files(self.root))


class Orthanc(Receiver):
    """Syncs what it stores, as fiona does."""
    name = "Orthanc, synced"

    def __enter__(self):
        self.root, self.port, self.http = tempfile.mkdtemp(prefix="orthanc-", dir=self.work), free_port(), free_port()
        config = os.path.join(self.root, "orthanc.json")
        with open(config, "w", encoding="utf-8") as f:
            json.dump({"StorageDirectory": self.root, "IndexDirectory": self.root, "HttpPort": self.http, "DicomPort": self.port,
                       "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "SyncStorageArea": True, "Plugins": [],
                       "DicomAlwaysAllowStore": True, "OverwriteInstances": True}, f)
        self.start(["Orthanc", config])
        wait_for_port(self.http, self.process)
        return self

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data)) as answer:
            return json.loads(answer.read())

    def stored(self):
        return self.ask("/statistics")["CountInstances"]


def split(files, parts, root):
    """Directories with links to every parts-th file, one for each sender."""
    result = []
    for p in range(parts):
        d = os.path.join(root, str(p))
        os.makedirs(d)
        for f in files[p::parts]:
            os.symlink(f, os.path.join(d, os.path.basename(f)))
        result.append(d)
    return result


def storescu(port, directories, nodelay):
    """Seconds of one sender for each directory, all at once."""
    env = dict(os.environ, TCP_NODELAY="1" if nodelay else "0")
    t0 = time.perf_counter()
    senders = [subprocess.Popen(["storescu", "-aec", "FIONA", "+sd", "+r", "127.0.0.1", str(port), d], env=env,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for d in directories]
    if any(s.wait() for s in senders):
        stop("storescu failed")
    return time.perf_counter() - t0


def rate_of_receiving(server, files, senders, nodelay):
    parts = tempfile.mkdtemp(prefix="parts-", dir=server.work)
    with server as running:
        seconds = storescu(running.port, split(files, senders, parts), nodelay)
        if running.stored() != len(files):
            stop(f"{server.name} stored {running.stored()} of {len(files)}")
    return len(files) / seconds
