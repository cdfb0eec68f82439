#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""png_edge FILE COLUMNS: width, height and the number of colours in the last COLUMNS of a PNG of 8 bits a channel.

A page that is wider than its window shows something there; one that fits only its background."""
import struct
import sys
import zlib


def rows_of(data):
    position, packed = 8, b""
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position:position + 8])
        chunk = data[position + 8:position + 8 + length]
        if kind == b"IHDR":
            width, height, _, colours = struct.unpack(">IIBB", chunk[:10])
        elif kind == b"IDAT":
            packed += chunk
        position += length + 12
    samples = {2: 3, 6: 4}[colours]
    raw, stride = zlib.decompress(packed), width * samples
    before, rows = bytearray(stride), []
    for y in range(height):
        method = raw[y * (stride + 1)]
        row = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):  # PNG specification 9.2
            left = row[i - samples] if i >= samples else 0
            up, corner = before[i], before[i - samples] if i >= samples else 0
            estimate = left + up - corner
            nearest = min((abs(estimate - left), 0, left), (abs(estimate - up), 1, up),
                          (abs(estimate - corner), 2, corner))[2]
            row[i] = (row[i] + (0, left, up, (left + up) // 2, nearest)[method]) & 255
        rows.append(row)
        before = row
    return width, height, samples, rows


width, height, samples, rows = rows_of(open(sys.argv[1], "rb").read())
edge = width - int(sys.argv[2])
colours = {bytes(row[x * samples:x * samples + samples]) for row in rows for x in range(edge, width)}
print(width, height, len(colours))
