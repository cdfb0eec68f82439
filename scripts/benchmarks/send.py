# SPDX-License-Identifier: MIT
"""send: 2,000 MR images over 1 association to DCMTK's storescp: fiona's sender (fiona-s2m, which reads and
checks each header first) beside storescu, to the peer as packaged and with Nagle's algorithm off on both sides."""
import json, os, tempfile

from kit import Program, all_images, in_turn, make_phantoms, program, run, stop
from servers import Storescp, rate_of_receiving


def fiona_sends(images, count, work, nodelay):
    """Every run has a site of its own: what was sent is not sent again."""
    with Storescp(work, nodelay) as peer:
        root = tempfile.mkdtemp(prefix="sender-", dir=work)
        config = os.path.join(root, "config.json")
        with open(config, "w", encoding="utf-8") as f:
            json.dump({"ROOT": root, "DICOMIP": "127.0.0.1", "DICOMPORT": peer.port, "DICOMAETITLE": "PEER"}, f)
        seconds, _ = run([program("fiona-s2m"), "--config", config, "--quiet", images])
        if peer.stored() != count:
            stop(f"fiona-s2m sent {peer.stored()} of {count}")
    return count / seconds


def rows(options):
    work, images = options.work, os.path.join(options.work, "images")
    make_phantoms(images, "--set", "bench", "--images", str(int(2000 * options.share)))
    files = all_images(images)
    few = files[:200]
    return (in_turn("send, peer as packaged", Program("fiona's sender", lambda: fiona_sends(images, len(files), work, False)),
                    [Program(f"storescu as packaged, {len(few)} of them",
                             lambda: rate_of_receiving(Storescp(work, False), few, 1, False), 40)], options.rounds)
            + in_turn("send, peer without Nagle", Program("fiona's sender", lambda: fiona_sends(images, len(files), work, True)),
                      [Program("storescu, TCP_NODELAY", lambda: rate_of_receiving(Storescp(work), files, 1, True), 1.3)],
                      options.rounds))
