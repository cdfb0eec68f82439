# SPDX-License-Identifier: MIT
"""Synthetic pictures with burned-in text, and where every word of it is.

Used by make-burned-in (files to measure with) and by scripts/train-text-detector (patches to learn
from). The two settings share neither fonts nor seeds nor vocabulary: what is tuned on `tune` is reported on
`report`. Nothing here comes from a patient."""
import random
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONT_ROOT = "/usr/share/fonts/truetype/"
FONTS = {
    "tune": ["dejavu/DejaVuSans.ttf", "dejavu/DejaVuSans-Bold.ttf", "dejavu/DejaVuSansMono.ttf",
             "dejavu/DejaVuSerif.ttf", "dejavu/DejaVuSansCondensed.ttf", "freefont/FreeSans.ttf",
             "freefont/FreeMonoBold.ttf", "freefont/FreeSerifBold.ttf", "freefont/FreeSansBoldOblique.ttf",
             "croscore/Cousine-Regular.ttf", "croscore/Arimo-Bold.ttf", "noto/NotoSans-Regular.ttf",
             "noto/NotoSans-Bold.ttf", "roboto/unhinted/RobotoTTF/Roboto-Regular.ttf",
             "roboto/unhinted/RobotoTTF/Roboto-Medium.ttf", "dejavu/DejaVuSerif-Bold.ttf"],
    "report": ["liberation2/LiberationSans-Regular.ttf", "liberation2/LiberationSans-Bold.ttf",
               "liberation2/LiberationMono-Regular.ttf", "liberation2/LiberationMono-Bold.ttf",
               "liberation2/LiberationSerif-Regular.ttf", "liberation2/LiberationSans-Italic.ttf",
               "inconsolata/Inconsolata.otf", "noto/NotoSerif-Regular.ttf"],
}
WORDS = {
    "tune": "Hansen Olsen Nordmann KARI OLA Fjell Berg Lunde Patient Name Born Sex Male Female Hospital Ward "
            "Radiology Thorax Abdomen Knee Left Right Brain Pelvis Accession Dr. Prof. Tech Study Series Image "
            "kV mAs mm cm Gain TIS MI Freq MHz Depth Zoom Protocol Contrast Dose mGy Haukeland Oslo Sykehus "
            "Åsen Øyvind Bjørg Sæther Name: ID: DOB: Date: Age: Time:".split(),
    "report": "Johansen Pettersen Lindqvist INGRID ERIK Dahl Moen Solberg Pasient Navn Født Kjønn Mann Kvinne "
              "Klinikk Avdeling Lunge Hode Skulder Hip Spine Liver Kidney Referring Operator Exam Slice Frame "
              "Power Range Filter Map Persist Stavanger Tromsø Bodø Ålesund Referrer: MRN: Birth: Sex: St. Win Lev "
              "Physician Screen Report Page Total".split(),
}
BACKGROUNDS = ("black", "white", "ultrasound", "ct", "noise")


class BitmapFace:
    """The letters of old machines: a small bitmap, each dot `scale` pixels wide and high."""

    def __init__(self, scale):
        self.scale, self.small = scale, ImageFont.load_default()

    def getbbox(self, text):
        return tuple(v * self.scale for v in self.small.getbbox(text))

    def getlength(self, text):
        return self.small.getlength(text) * self.scale

    def draw(self, mask, at, text):
        width, height = self.small.getbbox(text)[2:]
        word = Image.new("L", (width, height), 0)
        ImageDraw.Draw(word).text((0, 0), text, font=self.small, fill=255)
        ink = word.getbbox() or (0, 0, width, height)
        word = word.resize((width * self.scale, height * self.scale), Image.NEAREST)
        mask.paste(word, (int(at[0]), int(at[1])))
        return tuple(at[i % 2] + ink[i] * self.scale for i in range(4))


@lru_cache(maxsize=None)
def font(setting, index, size):
    return ImageFont.truetype(FONT_ROOT + FONTS[setting][index], size)


def smooth_noise(rng, shape, cell):
    """Noise with features of about `cell` pixels, 0..1."""
    height, width = shape
    small = rng.random((max(2, height // cell + 2), max(2, width // cell + 2)))
    image = Image.fromarray((small * 255).astype(np.uint8)).resize((width, height), Image.BICUBIC)
    return np.asarray(image, np.float32) / 255


def ellipses(rng, shape, image, count, levels):
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(count):
        cy, cx = rng.uniform(0.15, 0.85) * height, rng.uniform(0.15, 0.85) * width
        ry, rx = rng.uniform(0.01, 0.3) * height, rng.uniform(0.01, 0.3) * width
        turn = rng.uniform(0, 3.14)
        u, v = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn), (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        d = (u / rx) ** 2 + (v / ry) ** 2
        level = rng.uniform(*levels)
        if rng.random() < 0.4:  # a thin wall: bone, skin, vessel
            image[(d < 1) & (d > 0.85)] = level
        else:
            image[d < 1] = level
    return image


def background(kind, rng, shape):
    """A picture without text, float32 0..255."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    if kind == "black":
        return np.full(shape, rng.choice([0, 0, 0, rng.uniform(0, 30)]), np.float32)
    if kind == "white":
        return np.full(shape, rng.choice([255, 255, rng.uniform(200, 255)]), np.float32)
    if kind == "noise":
        image = np.full(shape, rng.uniform(20, 190), np.float32) + 40 * (smooth_noise(rng, shape, 90) - 0.5)
        return np.clip(image + rng.normal(0, rng.uniform(8, 35), shape), 0, 255).astype(np.float32)
    if kind == "ct":
        image = np.full(shape, rng.choice([0, 0, 20]), np.float32)
        d = ((x - width / 2) / (width * rng.uniform(0.35, 0.48))) ** 2 + ((y - height / 2) / (height * rng.uniform(0.3, 0.46))) ** 2
        image[d < 1] = rng.uniform(90, 140)
        image[(d < 1.02) & (d > 0.97)] = rng.uniform(150, 255)
        image = ellipses(rng, shape, image, int(rng.integers(6, 40)), (0, 255))
        image = np.asarray(Image.fromarray(image.astype(np.uint8)).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 1.6)))), np.float32)
        if rng.random() < 0.5:  # tissue: mottle of several sizes
            for cell in (3, 6, 12, 30):
                image += (smooth_noise(rng, shape, cell) - 0.5) * rng.uniform(0, 60) * (d < 1)
        grain = rng.normal(0, rng.uniform(2, 14), shape)
        return np.clip(image + grain, 0, 255).astype(np.float32)
    # a fan of speckle of several grain sizes, with layers, on black
    r, angle = np.hypot(x - width / 2, y + 40), np.arctan2(x - width / 2, y + 40)
    fan = (r > 90) & (r < height * rng.uniform(0.8, 1.05)) & (abs(angle) < rng.uniform(0.5, 0.9))
    grain = int(rng.integers(1, 4))
    speckle = rng.rayleigh(rng.uniform(15, 50), (height // grain + 1, width // grain + 1))
    speckle = speckle.repeat(grain, 0).repeat(grain, 1)[:height, :width]
    if rng.random() < 0.6:
        speckle = np.asarray(Image.fromarray(np.clip(speckle, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 1.5)))), np.float32)
    layers = 1 + 0.6 * np.sin(r / rng.uniform(8, 40) + 4 * smooth_noise(rng, shape, 120))
    image = np.where(fan, speckle * layers * (0.3 + 1.2 * smooth_noise(rng, shape, 100)), 0)
    if rng.random() < 0.7:  # grey bar and ruler ticks at the side, as on every machine
        image[60:min(height, 220), width - 18:width - 8] = np.linspace(255, 0, min(height, 220) - 60)[:, None]
        image[40::20, 4:10] = 160
    return np.clip(image, 0, 255).astype(np.float32)


def streaked_fan(rng, shape):
    """A fan whose speckle lies along its arcs, as that of real transducers does."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    top = float(rng.uniform(10, 120))
    r, angle = np.hypot(x - width / 2, y + top), np.arctan2(x - width / 2, y + top)
    rows, columns = int(r.max() / rng.uniform(1.2, 3.5)) + 2, int(rng.uniform(60, 400))
    polar = rng.rayleigh(1.0, (rows, columns))
    polar = np.asarray(Image.fromarray(np.clip(polar * 70, 0, 255).astype(np.uint8)).resize((columns * 2, rows * 2), Image.BICUBIC), np.float32)
    u = np.clip((angle + 1.6) / 3.2 * (columns * 2 - 1), 0, columns * 2 - 1).astype(int)
    v = np.clip(r / r.max() * (rows * 2 - 1), 0, rows * 2 - 1).astype(int)
    echoes = smooth_noise(rng, shape, int(rng.integers(15, 90))) ** rng.uniform(1, 4)
    image = polar[v, u] * echoes * rng.uniform(0.5, 2.5)
    for _ in range(int(rng.integers(0, 5))):  # walls and fascias
        at, thick = rng.uniform(0.2, 1) * r.max(), rng.uniform(1, 7)
        image += np.exp(-((r - at - 12 * (smooth_noise(rng, shape, 60) - 0.5)) / thick) ** 2) * polar[v, u] * rng.uniform(0.5, 2)
    return np.clip(np.where((abs(angle) < rng.uniform(0.4, 0.9)) & (r > top + 10) & (r < rng.uniform(0.8, 1.1) * height + top), image, 0), 0, 255).astype(np.float32)


def fibres(rng, shape):
    """Muscle and tendon under a linear transducer: speckle drawn out along the skin."""
    height, width = shape
    long, thick = rng.uniform(4, 30), rng.uniform(1.0, 4)
    grain = rng.rayleigh(1.0, (int(height / thick) + 2, int(width / long) + 2))
    image = np.asarray(Image.fromarray(np.clip(grain * 70, 0, 255).astype(np.uint8)).resize((width, height), Image.BICUBIC), np.float32)
    image *= 0.2 + rng.uniform(0.5, 1.8) * smooth_noise(rng, shape, int(rng.integers(20, 100)))
    top, bottom = int(rng.uniform(0, 0.3) * height), int(rng.uniform(0.6, 1) * height)
    image[:top] = 0
    image[bottom:] = 0
    return np.clip(image, 0, 255).astype(np.float32)


def vessels(rng, image):
    """Colour Doppler as grey: flow in patches and trees, bright and even, with ragged edges, in a frame."""
    height, width = image.shape
    x0, y0 = int(rng.uniform(0, 0.5) * width), int(rng.uniform(0, 0.5) * height)
    x1, y1 = min(width, x0 + int(rng.uniform(60, 300))), min(height, y0 + int(rng.uniform(50, 220)))
    shape = (y1 - y0, x1 - x0)
    if rng.random() < 0.5:
        field = smooth_noise(rng, shape, int(rng.integers(5, 30))) + 0.5 * smooth_noise(rng, shape, int(rng.integers(2, 8)))
        flow = field > np.quantile(field, rng.uniform(0.5, 0.95))
    else:
        layer = Image.new("L", (shape[1], shape[0]), 0)
        draw = ImageDraw.Draw(layer)
        branches = [(rng.uniform(0, shape[1]), rng.uniform(0, shape[0]), rng.uniform(0, 6.28), rng.uniform(2, 11)) for _ in range(int(rng.integers(2, 14)))]
        for _ in range(400):
            if not branches:
                break
            x, y, angle, thick = branches.pop(0)
            angle += rng.normal(0, 0.4)
            u, v = x + np.cos(angle) * rng.uniform(4, 14), y + np.sin(angle) * rng.uniform(4, 14)
            draw.line((x, y, u, v), fill=255, width=max(1, int(thick)))
            if thick > 1.2:
                branches.append((u, v, angle, thick * rng.uniform(0.75, 1)))
                if rng.random() < 0.25:
                    branches.append((u, v, angle + rng.choice((-1, 1)) * rng.uniform(0.5, 1.2), thick * 0.7))
        flow = np.asarray(layer) > 0
        if rng.random() < 0.5:
            flow &= smooth_noise(rng, shape, 5) > 0.35
    dots = int(rng.integers(1, 4))
    flow = flow[::dots, ::dots].repeat(dots, 0).repeat(dots, 1)[:shape[0], :shape[1]]
    level = rng.uniform(60, 255) * (1 - rng.uniform(0, 0.6) * smooth_noise(rng, shape, int(rng.integers(3, 30))))
    part = image[y0:y1, x0:x1]
    part[flow] = level[flow]
    if rng.random() < 0.6:
        image[y0:y1, [x0, x1 - 1]] = 255
        image[[y0, y1 - 1], x0:x1] = 255


def mosaic(rng, shape):
    """Slices of a head side by side, as magnetic resonance stores them."""
    height, width = shape
    tile = int(rng.integers(48, 130))
    image = np.zeros(shape, np.float32)
    y, x = np.mgrid[0:tile, 0:tile].astype(np.float32) / tile - 0.5
    fold, bright = int(rng.integers(3, 10)), rng.uniform(80, 220)
    for top in range(0, height - tile // 2, tile):
        for left in range(0, width - tile // 2, tile):
            d = (x / rng.uniform(0.3, 0.42)) ** 2 + (y / rng.uniform(0.36, 0.47)) ** 2
            one = np.where(d < 1, bright * (0.4 + 0.8 * smooth_noise(rng, (tile, tile), fold)), 0)
            one[(d < 1) & (d > 0.85)] *= rng.uniform(0.2, 1.6)
            one += (np.abs(x) < 0.02) * (d < 0.7) * rng.uniform(-60, 60)
            part = image[top:top + tile, left:left + tile]
            part[:] = one[:part.shape[0], :part.shape[1]]
    return np.clip(image + np.abs(rng.normal(0, rng.uniform(1, 14), shape)), 0, 255).astype(np.float32)


def bars(pick, image, sizes):
    """Grey bars and keys of a console, with frames, round signs and dim words; boxes as put_lines."""
    height, width = image.shape
    layer = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(layer)
    boxes = []
    for _ in range(pick.randint(1, 5)):
        size = pick.randint(max(8, sizes[0]), max(9, (sizes[0] + sizes[1]) // 2))
        high = int(size * pick.uniform(1.2, 2))
        y, x, end, grey = pick.randint(0, height - high), pick.randint(0, width // 2), pick.randint(width // 2, width), pick.randint(8, 140)
        if pick.random() < 0.3:
            y = height - high
        if any(y < b[3] + 4 and b[1] < y + high + 4 for b in boxes):
            continue
        draw.rectangle((x, y, end, y + high), fill=grey, outline=grey + pick.randint(0, 60))
        face = font("tune", pick.randrange(len(FONTS["tune"])), size)
        ink = grey + pick.randint(25, 110) if pick.random() < 0.8 else max(0, grey - pick.randint(30, 110))
        while x < end:
            draw.line((x, y, x, y + high), fill=max(0, grey + pick.randint(-40, 60)))
            if pick.random() < 0.3:
                draw.ellipse((x + 4, y + high // 4, x + 4 + high // 2, y + high * 3 // 4), outline=grey + 50)
            at = (x + pick.randint(3, 3 + high), y + pick.randint(0, max(1, high - size)) - size // 8)
            word = a_short_word(pick) if pick.random() < 0.5 else a_word(pick, "tune")
            x += pick.randint(3 * size, 10 * size)
            if at[0] + face.getlength(word) < min(x, end) - 2:
                draw.text(at, word, font=face, fill=ink)
                boxes.append(tuple(draw.textbbox(at, word, font=face)) + (size,))
    image[:] = np.asarray(layer, np.float32)
    return boxes


def a_short_word(pick):
    """Depths, frequencies, keys of a menu: what stands alone."""
    return pick.choice(("%d" % pick.randint(0, 99), "-%d" % pick.randint(0, 20), "+ %.1f" % pick.uniform(0, 99), "%.1f" % pick.uniform(0, 20),
                        "%d" % pick.randint(100, 999), "".join(pick.choice("ABCDEFGHKLMNPRSTUVWXYZ") for _ in range(pick.randint(2, 3))),
                        pick.choice(("Gen", "On", "Off", "cm", "Hz", "dB", "MI", "TIs", "Age", "kg", "ID", "bpm", "M", "F"))))


def hard_picture(seed, shape, lines, sizes):
    """For the training alone: what picture() does not draw, anatomy that looks like writing, words that hardly
    do. (uint8 image, boxes)."""
    pick = random.Random("hard/%d" % seed)
    rng = np.random.default_rng(pick.randrange(1 << 60))
    kind = pick.choice(("fan", "fan", "fibres", "mosaic", "ct", "black", "black"))
    image = {"fan": streaked_fan, "fibres": fibres, "mosaic": mosaic}[kind](rng, shape) if kind in ("fan", "fibres", "mosaic") else background(kind, rng, shape)
    if kind in ("fan", "fibres") and pick.random() < 0.6:
        for _ in range(pick.randint(1, 3)):
            vessels(rng, image)
    for _ in range(pick.choice((0, 1, 2))):  # traces, rulers and frames are on nearly every screen
        clutter(image, rng)
    if pick.random() < 0.5:
        boxes = bars(pick, image, sizes)
        image = np.clip(image, 0, 255)
        return (255 - image if pick.random() < 0.1 else image).astype(np.uint8), boxes
    dim = pick.random() < 0.5
    short = (lambda: [a_short_word(pick)]) if pick.random() < 0.5 else None
    boxes = put_lines(image, pick, "tune", lines, sizes, (24, 70) if dim else (60, 255), pick.random() < 0.08, short)
    image = np.clip(image, 0, 255)
    if pick.random() < 0.1:
        image = 255 - image
    return image.astype(np.uint8), boxes


def a_word(pick, setting):
    kind = pick.random()
    if kind < 0.55:
        word = pick.choice(WORDS[setting])
        return word.upper() if pick.random() < 0.3 else word
    if kind < 0.7:
        return "%02d.%02d.%04d" % (pick.randint(1, 28), pick.randint(1, 12), pick.randint(1920, 2024))
    if kind < 0.8:
        return "%02d:%02d:%02d" % (pick.randint(0, 23), pick.randint(0, 59), pick.randint(0, 59))
    if kind < 0.9:
        return "".join(pick.choice("0123456789") for _ in range(pick.randint(4, 11)))
    return "".join(pick.choice("ABCDEFGHKLMNPRSTUVWXYZ0123456789-/") for _ in range(pick.randint(4, 9)))


def strokes(draw, rng, kind, grey, at, size):
    """Long lines of any direction, arcs, heart traces, blobs, short dashes."""
    (x, y), (width, height) = at, size
    thick = int(rng.integers(1, 4))
    if kind == 8:  # the edges of a sector, a measuring line
        for _ in range(int(rng.integers(1, 4))):
            angle, length = rng.uniform(0, 3.14), rng.uniform(40, 400)
            draw.line((x, y, x + length * np.cos(angle), y + length * np.sin(angle)), fill=grey, width=thick)
    elif kind == 9:  # a table, a bowel, a skin line
        radius, start = rng.uniform(20, 500), rng.uniform(0, 360)
        for i in range(int(rng.integers(1, 4))):
            r = radius + i * rng.uniform(4, 14)
            draw.arc((x - r, y - r, x + r, y + r), start, start + rng.uniform(15, 120), fill=grey, width=thick)
    elif kind == 10:  # electrocardiogram
        period, high = int(rng.integers(30, 90)), float(rng.uniform(8, 40))
        points = []
        for i in range(0, width):
            phase = i % period
            spike = high if phase == 5 else -high / 3 if phase == 8 else high / 5 if 15 < phase < 22 else 0
            points.append((i, y - spike + float(rng.normal(0, 0.7))))
        draw.line(points, fill=grey, width=int(rng.integers(1, 3)))
    elif kind == 11:  # vessels, calcifications
        for _ in range(int(rng.integers(5, 60))):
            px, py = x + float(rng.normal(0, 50)), y + float(rng.normal(0, 50))
            rx, ry = float(rng.uniform(1, 6)), float(rng.uniform(1, 6))
            draw.ellipse((px - rx, py - ry, px + rx, py + ry), fill=int(np.clip(grey + rng.normal(0, 30), 0, 255)))
    else:  # a ruler of dots or dashes along any direction, far apart
        angle, step = rng.uniform(0, 3.14), rng.uniform(8, 40)
        for i in range(int(rng.integers(3, 15))):
            px, py = x + i * step * np.cos(angle), y + i * step * np.sin(angle)
            draw.line((px, py, px + float(rng.uniform(1, 8)), py), fill=grey, width=thick)


def clutter(image, rng):
    """What is drawn on pictures and is no text: rulers, grids, curves, frames, bars, dots."""
    height, width = image.shape
    layer = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(layer)
    for _ in range(int(rng.choice([0, 1, 2, 3, 4, 6, 9]))):
        grey = int(rng.integers(0, 256))
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = int(rng.integers(10, 200)), int(rng.integers(10, 200))
        kind = int(rng.integers(0, 13))
        if kind >= 8:
            strokes(draw, rng, kind, grey, (x, y), (width, height))
        elif kind == 0:  # ruler
            step, long = int(rng.integers(4, 24)), int(rng.integers(3, 10))
            for i in range(0, h, step):
                draw.line((x, y + i, x + (long * 2 if i % (5 * step) == 0 else long), y + i), fill=grey)
        elif kind == 1:
            step, long = int(rng.integers(4, 24)), int(rng.integers(3, 10))
            for i in range(0, w, step):
                draw.line((x + i, y, x + i, y + (long * 2 if i % (5 * step) == 0 else long)), fill=grey)
        elif kind == 2:
            draw.rectangle((x, y, x + w, y + h), outline=grey, width=int(rng.integers(1, 4)))
        elif kind == 3:  # a trace
            steps = np.cumsum(rng.normal(0, rng.uniform(0.5, 6), w))
            draw.line([(x + i, y + float(v)) for i, v in enumerate(steps)], fill=grey, width=int(rng.integers(1, 3)))
        elif kind == 4:
            draw.ellipse((x, y, x + w, y + h), outline=grey, width=int(rng.integers(1, 4)))
        elif kind == 5:
            draw.line((x, y, x + w, y + int(rng.integers(-100, 100))), fill=grey, width=int(rng.integers(1, 5)))
        elif kind == 6:  # dotted measure line with crosses
            for i in range(0, w, int(rng.integers(4, 12))):
                draw.point((x + i, y + i // 3), fill=grey)
            for px, py in ((x, y), (x + w, y + w // 3)):
                draw.line((px - 4, py, px + 4, py), fill=grey)
                draw.line((px, py - 4, px, py + 4), fill=grey)
        else:  # a bar of grey steps
            for i in range(0, h, 12):
                draw.rectangle((x, y + i, x + 14, y + i + 12), fill=int(255 * i / h))
    if rng.random() < 0.4:  # as reconstructed or scaled by a machine
        layer = layer.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.4, 1.2))))
        image[:] = np.asarray(layer, np.float32) + rng.normal(0, rng.uniform(0, 4), image.shape)
        return
    image[:] = np.asarray(layer, np.float32)


def plain_letters(word):
    return word.translate(str.maketrans("ÅØÆåøæö", "AOAaoao"))


def put_lines(image, pick, setting, lines, sizes=(10, 40), contrast=(60, 255), rotated=False, words_of=None):
    """Writes up to `lines` lines of words into the float image; returns (x0, y0, x1, y1, font size) of the ink
    of each word. A line keeps its distance from the others and from the edge. `words_of`: gives the words of a line."""
    canvas = np.rot90(image).copy() if rotated else image
    height, width = canvas.shape
    ink = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(ink)
    taken, boxes = [], []
    for _ in range(lines * 4):
        if len(taken) >= lines:
            break
        size = pick.choice([pick.randint(*sizes), pick.randint(sizes[0], (sizes[0] + sizes[1]) // 2)])
        face = font(setting, pick.randrange(len(FONTS[setting])), size)
        if pick.random() < 0.12:
            face = BitmapFace(max(1, size // 11))
            size = 10 * face.scale
        words = words_of() if words_of else [a_word(pick, setting) for _ in range(pick.randint(1, 5))]
        if isinstance(face, BitmapFace):
            words = [plain_letters(word) for word in words]
        total = face.getbbox(" ".join(words))
        if total[2] + 12 > width or total[3] + 12 > height:
            continue
        x, y = pick.randint(4, width - total[2] - 6), pick.randint(4, height - total[3] - 6)
        area = (x - 6, y - 6, x + total[2] + 6, y + total[3] + 6)
        if any(area[0] < t[2] and t[0] < area[2] and area[1] < t[3] and t[1] < area[3] for t in taken):
            continue
        here = canvas[max(0, y):y + total[3], max(0, x):x + total[2]]
        mean, noise = float(here.mean()), float(here.std())
        # legible: the ink stands out from the mean and from the grain around it
        least = max(contrast[0], 2.0 * noise)
        wanted = pick.uniform(least, max(least, contrast[1]))
        level = mean + wanted if (mean + wanted <= 255 or mean < 128) else mean - wanted
        level = min(255.0, max(0.0, level))
        parts = np.array_split(here, max(1, here.shape[1] // max(8, size * 3)), axis=1)
        if min(abs(level - float(part.mean())) for part in parts) < least * 0.8:
            continue  # some of its words could not be read
        taken.append(area)
        at = x
        mask = Image.new("L", (width, height), 0)
        pen = ImageDraw.Draw(mask)
        pen.fontmode = "1" if pick.random() < 0.2 else "L"
        for word in words:
            if isinstance(face, BitmapFace):
                boxes.append(face.draw(mask, (at, y), word) + (size,))
            else:
                pen.text((at, y), word, font=face, fill=255)
                boxes.append(pen.textbbox((at, y), word, font=face) + (size,))
            at += face.getlength(word + " ")
        alpha = np.asarray(mask, np.float32) / 255
        canvas[:] = canvas * (1 - alpha) + level * alpha
    if rotated:
        image[:] = np.rot90(canvas, -1)
        # rot90 turns (x, y) of the upright picture into (y, W-1-x); back again:
        boxes = [(image.shape[1] - b[3], b[0], image.shape[1] - b[1], b[2], b[4]) for b in boxes]
    return [tuple(int(round(v)) for v in b) for b in boxes]


def picture(setting, kind, seed, shape=(384, 512), lines=6, sizes=(10, 40), rotated=None):
    """(uint8 image, boxes). Words may stand over the anatomy as well as beside it."""
    pick = random.Random("%s/%s/%d" % (setting, kind, seed))
    rng = np.random.default_rng(pick.randrange(1 << 60))
    image = background(kind, rng, shape)
    clutter(image, rng)
    if rotated is None:
        rotated = pick.random() < 0.12
    boxes = put_lines(image, pick, setting, pick.randint(0 if lines < 2 else 2, lines), sizes, rotated=rotated)
    image = np.clip(image, 0, 255)
    if pick.random() < 0.1:
        image = 255 - image
    return image.astype(np.uint8), boxes
