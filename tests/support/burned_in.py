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


def put_lines(image, pick, setting, lines, sizes=(10, 40), contrast=(60, 255), rotated=False):
    """Writes up to `lines` lines of words into the float image; returns (x0, y0, x1, y1, font size) of the ink
    of each word. A line keeps its distance from the others and from the edge."""
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
        words = [a_word(pick, setting) for _ in range(pick.randint(1, 5))]
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
