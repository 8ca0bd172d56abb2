"""Training scenes: aligned 256 px faces pasted on pictures without people, then degraded.

Composer(data, labels, held_out).scene(rng, height, width) gives a uint8 BGR picture, boxes [n,4], points [n,10],
sizes [n] (square root of the unclipped box area, px) and ignore [n] (too cropped or too degraded to be a target).
Boxes follow the teacher: upright, clipped to the picture; a turned face gets the bounds of its turned inscribed ellipse.
`python compose.py --data FOLDERS --labels LABELS.npz --sheet OUT.png` draws a sheet of scenes.
"""
import argparse
import zlib

import cv2
import numpy as np
from pictures import decode, read, warp

SIDE = 256
SWAP = [2, 3, 0, 1, 4, 5, 8, 9, 6, 7]


def held(name, share):
    return zlib.crc32(name.encode()) % 1000 < share * 1000


def smooth_noise(rng, shape, cells):
    return cv2.resize(rng.standard_normal((cells, cells)).astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)


def make_mattes(rng, box, count=400, side=64):
    """Soft outlines in the aligned frame: ellipses, heads with neck, and whole squares (hard or feathered)."""
    y, x = (np.mgrid[:side, :side].astype(np.float32) + 0.5) * SIDE / side
    cx, cy, a, b = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
    out = []
    for _ in range(count):
        kind, feather = rng.random(), rng.uniform(0.02, 0.35)
        grow, power = rng.uniform(0.95, 1.5), rng.uniform(1.6, 4)
        r = (np.abs((x - cx) / (a * grow * rng.uniform(0.95, 1.2))) ** power
             + np.abs((y - cy + b * rng.uniform(0, 0.25)) / (b * grow * rng.uniform(0.95, 1.2))) ** power) ** (1 / power)
        if kind < 0.45:
            distance = 1 - r
        elif kind < 0.75:
            neck = 1 - np.maximum(np.abs(x - cx) / (a * rng.uniform(0.5, 1.4)), (cy - y) / b + 1)
            distance = np.maximum(1 - r, neck)
        else:
            distance = np.minimum(np.minimum(x, SIDE - x), np.minimum(y, SIDE - y)) / 128
            feather *= rng.choice([0.02, 0.3])
        if kind < 0.75:
            distance = distance + smooth_noise(rng, x.shape, int(rng.integers(3, 9))) * rng.uniform(0, 0.12)
        edge = np.minimum(np.minimum(x, SIDE - x), np.minimum(y, SIDE - y)) / 128
        soft = np.clip(distance / feather + (0.5 if kind < 0.75 else 1), 0, 1)
        if kind < 0.75:
            soft *= np.clip(edge / 0.04, 0, 1)
        out.append(soft.astype(np.float32))
    return out


class Composer:
    def __init__(self, data, labels, held_out=False, seed=0):
        labels, faces = np.load(labels), read(data, False)
        keep = [i for i, n in enumerate(labels['names']) if held(n, 0.05) == held_out]
        self.names = [str(labels['names'][i]) for i in keep]
        self.rows = labels['rows'][keep]
        self.faces = [faces[n] for n in self.names]
        weight = np.array([0.5 if n.startswith('studio') else 1.0 for n in self.names])
        self.weight = np.cumsum(weight / weight.sum())
        self.backgrounds = [decode(b) for n, b in read(data, True).items() if held(n, 0.1) == held_out]
        rng = np.random.default_rng(seed)
        self.mattes = make_mattes(rng, self.rows[:, :4].mean(0))
        self.noise = rng.standard_normal((1 << 21) + 7919).astype(np.float32)

    def face(self, rng):
        i = min(int(np.searchsorted(self.weight, rng.random())), len(self.faces) - 1)
        image = decode(self.faces[i])
        row = self.rows[i]
        box, points = row[:4].copy(), row[5:].copy()
        if rng.random() < 0.5:
            image, box, points = image[:, ::-1], box[[2, 1, 0, 3]], points[SWAP]
            box[[0, 2]] = SIDE - box[[0, 2]]
            points[::2] = SIDE - points[::2]
        return image, box, points

    def background(self, rng, height, width):
        if rng.random() < 0.04:
            image = np.empty((height, width, 3), np.uint8)
            image[:] = rng.integers(0, 256, 3)
            return image
        image = self.backgrounds[rng.integers(len(self.backgrounds))]
        cover = max(height / image.shape[0], width / image.shape[1])
        scale = cover * np.exp(rng.uniform(0, 0.9))
        h, w = min(image.shape[0], int(height / scale)), min(image.shape[1], int(width / scale))
        y, x = rng.integers(image.shape[0] - h + 1), rng.integers(image.shape[1] - w + 1)
        image = cv2.resize(image[y:y + h, x:x + w], (width, height),
                           interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        return np.ascontiguousarray(image[:, ::-1]) if rng.random() < 0.5 else image

    @staticmethod
    def colour(rng, image, amount):
        """Gamma, contrast, gain per channel and saturation by tables."""
        v = np.arange(256, dtype=np.float32) / 255
        table = np.empty((256, 1, 3), np.float32)
        gamma, contrast, shift = np.exp(amount * rng.normal(0, 0.35)), np.exp(amount * rng.normal(0, 0.2)), amount * rng.normal(0, 0.07)
        for c in range(3):
            table[:, 0, c] = ((v ** gamma - 0.5) * contrast + 0.5 + shift) * np.exp(amount * rng.normal(0, 0.1))
        image = cv2.LUT(image, np.clip(table * 255 + 0.5, 0, 255).astype(np.uint8))
        if rng.random() < 0.3 * amount:
            gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
            mix = rng.uniform(0, 1.2)
            image = cv2.addWeighted(image, 1 - mix, gray, mix, 0)
        return image

    def paste(self, scene, image, matte, matrix):
        """Blend image (in the aligned frame) with its matte into scene under matrix (frame to scene)."""
        side = image.shape[0]
        corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float64) @ matrix[:, :2].T + matrix[:, 2]
        low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
        x1, y1 = np.maximum(low, 0)
        x2, y2 = np.minimum(high, (scene.shape[1], scene.shape[0]))
        if x2 - x1 < 2 or y2 - y1 < 2:
            return
        colour = warp(image, matrix, (x1, y1, x2, y2))
        k = side / matte.shape[0]
        small = np.concatenate([matrix[:, :2] * k, matrix[:, 2:]], 1)
        small[:, 2] += small[:, :2] @ (0.5, 0.5) - 0.5 - (x1, y1)
        alpha = cv2.warpAffine(matte, small, (x2 - x1, y2 - y1), flags=cv2.INTER_LINEAR, borderValue=0)
        # Cut what lies outside the pasted square, also for mattes that do not fade.
        view = scene[y1:y2, x1:x2]
        view[:] = cv2.blendLinear(colour, view, alpha, 1 - alpha)

    @staticmethod
    def matrix(centre_from, centre_to, scale, degrees, aspect=1.0):
        c, s = np.cos(np.radians(degrees)) * scale, np.sin(np.radians(degrees)) * scale
        a = np.array([[c * aspect, -s], [s * aspect, c]])
        return np.concatenate([a, (np.asarray(centre_to) - a @ centre_from)[:, None]], 1)

    def occlude(self, rng, image, box):
        """Cover a part of the face in the aligned frame: a side, the lower half, a bar or blobs."""
        image = image.copy()
        x1, y1, x2, y2 = box
        w, h = x2 - x1, y2 - y1
        if rng.random() < 0.6:
            patch = cv2.resize(self.background(rng, 64, 64), (SIDE, SIDE))
        else:
            patch = np.full((SIDE, SIDE, 3), rng.integers(0, 256, 3), np.uint8)
        mask = np.zeros((SIDE, SIDE), np.float32)
        kind = rng.random()
        if kind < 0.3:  # one side
            cut = x1 + w * rng.uniform(0.1, 0.35)
            points = [(0, 0), (cut, 0), (cut + rng.normal(0, 20), SIDE), (0, SIDE)]
            points = [(SIDE - x, y) for x, y in points] if rng.random() < 0.5 else points
            cv2.fillPoly(mask, [np.array(points, np.int32)], 1)
        elif kind < 0.5:  # below the nose
            cut = y1 + h * rng.uniform(0.62, 0.85)
            cv2.fillPoly(mask, [np.array([(0, cut), (SIDE, cut + rng.normal(0, 12)), (SIDE, SIDE), (0, SIDE)], np.int32)], 1)
        elif kind < 0.7:  # eyes or forehead
            y = y1 + h * rng.uniform(0.0, 0.35)
            cv2.rectangle(mask, (int(x1 - 10), int(y)), (int(x2 + 10), int(y + h * rng.uniform(0.08, 0.2))), 1, -1)
        else:
            for _ in range(rng.integers(1, 4)):
                cv2.ellipse(mask, (int(rng.uniform(x1, x2)), int(rng.uniform(y1, y2))),
                            (int(w * rng.uniform(0.08, 0.25)), int(h * rng.uniform(0.08, 0.25))), rng.uniform(0, 180), 0, 360, 1, -1)
        if rng.random() < 0.5:
            mask = cv2.blur(mask, (9, 9))
        return cv2.blendLinear(image, patch, 1 - mask, mask)

    @staticmethod
    def limbs(rng, side=64):
        """Matte and shading [side,side(,3)] of a palm with fingers or of an arm."""
        fingers = int(rng.integers(0, 6))
        shapes = []
        if fingers < 2 or rng.random() < 0.8:
            shapes.append((32, rng.uniform(34, 50), rng.uniform(-20, 20), rng.uniform(8, 16), rng.uniform(10, 20)))
        spread, thick = rng.uniform(2, 14), rng.uniform(2.5, 5)
        for f in range(fingers):
            k = f - (fingers - 1) / 2
            shapes.append((32 + k * thick * rng.uniform(1.6, 2.3), rng.uniform(18, 30), k * spread + rng.normal(0, 4),
                           thick, rng.uniform(10, 20)))
        y, x = np.mgrid[:side, :side].astype(np.float32)
        depth = np.zeros((side, side), np.float32)
        for cx, cy, turn, a, b in shapes:
            c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
            u, v = ((x - cx) * c + (y - cy) * s) / a, (-(x - cx) * s + (y - cy) * c) / b
            depth = np.maximum(depth, 1 - (u * u + v ** 4))
        light = rng.uniform(0.2, 0.8)
        shade = (1 - light + light * np.sqrt(np.clip(depth, 0, 1))) * (1 + smooth_noise(rng, depth.shape, 4) * 0.08)
        return np.clip(depth / rng.uniform(0.05, 0.3), 0, 1).astype(np.float32), np.repeat(shade[..., None], 3, 2).astype(np.float32)

    def distractor(self, rng, scene):
        """Paste something that is not a face: background, hair, cheek, a shuffled face, or limbs with fingers."""
        height, width = scene.shape[:2]
        size = np.exp(rng.uniform(np.log(20), np.log(0.6 * min(height, width))))
        matte, kind = self.mattes[rng.integers(len(self.mattes))], rng.random()
        if kind < 0.3:
            image = cv2.resize(self.background(rng, 96, 96), (SIDE, SIDE))
        elif kind < 0.45:
            image, box, _ = self.face(rng)
            x1, y1, x2, y2 = np.clip(box + (-8, -16, 8, 8), 0, SIDE).astype(int)
            n = int(rng.integers(2, 5))
            parts = cv2.resize(image[y1:y2, x1:x2], (60 * n, 60 * n)).reshape(n, 60, n, 60, 3).swapaxes(1, 2)
            moved = parts.reshape(n * n, 60, 60, 3)[np.roll(rng.permutation(n * n), 1)]
            moved = [np.rot90(m, rng.integers(4)) for m in moved]
            image = cv2.resize(np.stack(moved).reshape(n, n, 60, 60, 3).swapaxes(1, 2).reshape(60 * n, 60 * n, 3), (SIDE, SIDE))
        else:
            face, box, points = self.face(rng)
            side = int(rng.uniform(28, 46))
            spot = rng.random()
            if spot < 0.5:  # cheek
                x, y = (points[0] + points[6]) / 2 - side / 2 - 6, (points[1] + points[7]) / 2 - side / 2
            elif spot < 0.75:  # corner above
                x, y = rng.choice([0, SIDE - side]), rng.uniform(0, 60)
            else:  # neck or shoulder
                x, y = rng.uniform(0, SIDE - side), SIDE - side
            x, y = int(np.clip(x, 0, SIDE - side)), int(np.clip(y, 0, SIDE - side))
            image = cv2.resize(np.ascontiguousarray(face[y:y + side, x:x + side]), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            if kind > 0.65:
                matte, shade = self.limbs(rng)
                image = cv2.multiply(image, cv2.resize(shade, (SIDE, SIDE)), dtype=cv2.CV_8U)
        matrix = self.matrix((SIDE / 2, SIDE / 2), (rng.uniform(0, width), rng.uniform(0, height)), size / SIDE,
                             rng.uniform(-180, 180), np.exp(rng.normal(0, 0.3)))
        self.paste(scene, self.colour(rng, image, 0.6), matte, matrix)

    def degrade(self, rng, image, level, sizes):
        """Blur, down-up scaling, noise, JPEG. level 0..1. Returns the picture and the loss of resolution (factor)."""
        height, width = image.shape[:2]
        lost = 1.0
        largest = max(sizes, default=80.0)
        limit = np.clip(largest / 16, 1, 20)  # the largest face keeps at least about 16 px of resolution
        if rng.random() < 0.75 * level:
            factor = np.exp(rng.uniform(0, np.log(limit))) if rng.random() < 0.5 else rng.uniform(1, min(limit, 3))
            sigma = factor * 0.45
            kind = rng.random()
            if kind < 0.6:
                image = cv2.GaussianBlur(image, (0, 0), sigma)
            elif kind < 0.85:
                image = cv2.GaussianBlur(image, (0, 0), sigma * 1.3, sigmaY=sigma * 0.5 + 0.05)
            else:
                n = 2 * int(factor) + 1
                kernel = np.zeros((n, n), np.float32)
                t = rng.uniform(0, np.pi)
                d = np.array((np.cos(t), np.sin(t))) * n / 2
                cv2.line(kernel, tuple((n / 2 - d).astype(int).tolist()), tuple((n / 2 + d).astype(int).tolist()), 1)
                image = cv2.filter2D(image, -1, kernel / kernel.sum())
            lost = factor
        small = None
        if rng.random() < 0.6 * level:
            factor = np.exp(rng.uniform(0, np.log(limit))) if rng.random() < 0.5 else rng.uniform(1, min(limit, 3))
            small = max(8, round(width / factor)), max(8, round(height / factor))
            image = cv2.resize(image, small, interpolation=int(rng.choice([cv2.INTER_AREA, cv2.INTER_LINEAR])))
            lost = np.hypot(lost, factor) if lost > 1 else factor
        if rng.random() < 0.6 * level:
            n = image.size
            sigma = rng.uniform(1, 22)
            start = rng.integers(len(self.noise) - n) if n < len(self.noise) else 0
            if rng.random() < 0.7:
                noise = self.noise[start:start + n].reshape(image.shape)
                image = cv2.add(image, noise * sigma, dtype=cv2.CV_8U)
            else:
                noise = self.noise[start:start + n // 3].reshape(*image.shape[:2], 1) * sigma
                image = cv2.add(image, np.repeat(noise, 3, 2), dtype=cv2.CV_8U)
        if rng.random() < 0.8 * level:
            quality = int(rng.uniform(15, 95) if rng.random() < 0.7 else rng.uniform(60, 95))
            image = cv2.imdecode(cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_COLOR)
        if small:
            image = cv2.resize(image, (width, height), interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])))
        return image, lost

    def scene(self, rng, height, width, smallest=14, largest=300, level=None, count=None):
        boxes, points, sizes, shown, degraded = [], [], [], [], []
        largest = min(largest, 0.95 * min(height, width))
        portrait = count is None and rng.random() < 0.22
        if level is None:
            level = 0.0 if rng.random() < 0.2 else rng.uniform(0.3, 1)

        def place(box, pts, matrix):
            a = matrix[:, :2]
            centre = a @ ((box[:2] + box[2:]) / 2) + matrix[:, 2]
            half = np.sqrt((a ** 2) @ (((box[2:] - box[:2]) / 2) ** 2))
            full = np.concatenate([centre - half, centre + half])
            clipped = np.clip(full, 0, (width, height, width, height))
            area = np.prod(2 * half)
            return full, clipped, max(0, clipped[2] - clipped[0]) * max(0, clipped[3] - clipped[1]) / area, \
                (pts.reshape(5, 2) @ a.T + matrix[:, 2]).ravel(), np.sqrt(area)

        def add(clipped, visible, pts, size, lost):
            boxes.append(clipped)
            points.append(pts)
            sizes.append(size)
            shown.append(visible)
            degraded.append(lost)

        if portrait:
            image, box, pts = self.face(rng)
            size = np.exp(rng.uniform(np.log(max(40, 0.2 * min(height, width))), np.log(largest)))
            scale = size / np.sqrt(np.prod(box[2:] - box[:2]))
            centre = np.array((width, height)) * rng.uniform(0.3, 0.7, 2)
            matrix = self.matrix((box[:2] + box[2:]) / 2, centre, scale, np.clip(rng.normal(0, 10), -35, 35),
                                 np.exp(rng.normal(0, 0.05)))
            image = np.ascontiguousarray(image)
            if rng.random() < 0.2:
                image = self.occlude(rng, image, box)
            # Beyond the picture: a flat colour or the smeared border.
            border = cv2.BORDER_REPLICATE if rng.random() < 0.5 else cv2.BORDER_CONSTANT
            scene = warp(image, matrix, (0, 0, width, height), border, tuple(int(v) for v in rng.integers(0, 256, 3)))
            _, clipped, visible, pts, size = place(box, pts, matrix)
            add(clipped, visible, pts, size, 1.0)
            wanted = 0
        else:
            scene = self.background(rng, height, width)
            wanted = count if count is not None else int(rng.choice([0, 1, 2, 3, 4, 5, 6], p=[.1, .2, .2, .18, .14, .1, .08]))
        if rng.random() < 0.5:
            for _ in range(rng.integers(1, 5)):
                if not portrait:
                    self.distractor(rng, scene)
        taken = []
        chosen = sorted((np.exp(rng.uniform(np.log(smallest), np.log(largest))) for _ in range(wanted)), reverse=True)
        for size in chosen:
            image, box, pts = self.face(rng)
            scale = size / np.sqrt(np.prod(box[2:] - box[:2]))
            for _ in range(8):
                margin = size * rng.choice([0.15, 0.5], p=[0.2, 0.8])
                spot = rng.uniform(margin, width - margin) if width > 2 * margin else width / 2, \
                    rng.uniform(margin, height - margin) if height > 2 * margin else height / 2
                matrix = self.matrix((box[:2] + box[2:]) / 2, spot, scale, np.clip(rng.normal(0, 13), -35, 35),
                                     np.exp(rng.normal(0, 0.06)))
                full, clipped, visible, moved, true = place(box, pts, matrix)
                grown = full + np.array((-0.12, -0.2, 0.12, 0.12)) * true
                if visible > 0.4 and all(grown[2] < t[0] or grown[0] > t[2] or grown[3] < t[1] or grown[1] > t[3] for t in taken):
                    break
            else:
                continue
            taken.append(full)
            image = np.ascontiguousarray(image)
            lost = 1.0
            if level and rng.random() < 0.25:  # a face softer than its surroundings
                keep = np.exp(rng.uniform(np.log(14), np.log(110))) * SIDE / np.sqrt(np.prod(box[2:] - box[:2]))
                if keep < SIDE:
                    image = cv2.resize(cv2.resize(image, (int(keep), int(keep)), interpolation=cv2.INTER_AREA), (SIDE, SIDE))
                    lost = max(1.0, SIDE / keep * scale)
            if level and rng.random() < 0.7:
                image = self.colour(rng, image, 0.7)
            if level and rng.random() < 0.2:
                image = self.occlude(rng, image, box)
            self.paste(scene, image, self.mattes[rng.integers(len(self.mattes))], matrix)
            add(clipped, visible, moved, true, lost)
        lost = 1.0
        if level:
            if rng.random() < 0.7:
                scene = self.colour(rng, scene, level)
            scene, lost = self.degrade(rng, scene, level, sizes)
        n = len(boxes)
        boxes = np.array(boxes, np.float32).reshape(n, 4)
        points = np.array(points, np.float32).reshape(n, 10)
        sizes = np.array(sizes, np.float32)
        resolution = sizes / np.maximum(lost, np.array(degraded, np.float32)) if n else sizes
        ignore = (np.array(shown) < 0.6) | (resolution < 9) if n else np.zeros(0, bool)
        return np.ascontiguousarray(scene), boxes, points, sizes, ignore, float(lost)


def draw(image, boxes, points, colours):
    image = image.copy()
    for box, pts, colour in zip(boxes, points, colours):
        cv2.rectangle(image, tuple(int(v) for v in box[:2]), tuple(int(v) for v in box[2:4]), colour, 1)
        for x, y in pts.reshape(5, 2):
            cv2.circle(image, (int(x), int(y)), 1, (0, 255, 255), -1)
    return image


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--data', nargs='+', required=True)
    parser.add_argument('--labels', required=True)
    parser.add_argument('--sheet', required=True)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    composer = Composer(args.data, args.labels)
    rng = np.random.default_rng(1)
    scenes = [composer.scene(rng, 320, 320) for _ in range(24)]
    drawn = [draw(s[0], s[1], s[2], [(0, 0, 255) if i else (0, 255, 0) for i in s[4]]) for s in scenes]
    cv2.imwrite(args.sheet, np.vstack([np.hstack(drawn[i:i + 6]) for i in range(0, 24, 6)]))
