"""Compares detectors side by side: held-out composed scenes, held-out backgrounds, photos.

evaluate.py --data FOLDERS --labels LABELS.npz NAME=WEIGHTS [NAME=WEIGHTS ...] [--photos FILES]
A face counts as found when a detection overlaps it with IoU >= 0.4. Error of the points: mean distance of the five over the
distance of the eyes.
"""
import argparse
import os

import cv2
import numpy as np
import torch

from compose import Composer, draw
from model import RetinaFace, detect, detect_twice, iou, load_weights, resize_short_side

SIZES = ((14, 24), (24, 48), (48, 96), (96, 192), (192, 640))


def points_error(a, b):
    """Mean distance of the points in eye distances of b."""
    a, b = a.reshape(-1, 5, 2), b.reshape(-1, 5, 2)
    return np.linalg.norm(a - b, axis=-1).mean(-1) / np.linalg.norm(b[:, 0] - b[:, 1], axis=-1)


def scenes(composer, count, seed=5):
    """Fixed scenes: (image, boxes, points, sizes, ignore, lost, clean)."""
    out = []
    for k in range(count):
        rng = np.random.default_rng((seed, k))
        clean, large = k % 3 == 0, k % 6 == 5
        side = 640 if large else 320
        out.append((*composer.scene(rng, side, side, 40 if large else 14, 600 if large else 300,
                                    0.0 if clean else rng.uniform(0.3, 1)), clean))
    return out


def measure(find, tests, thresholds):
    """Table of rows per true face: size, lost, clean, score of its detection (0: none), landmark error; false alarms."""
    faces, wrong, right = [], {t: 0 for t in thresholds}, {t: 0 for t in thresholds}
    for image, boxes, points, sizes, ignore, lost, clean in tests:
        rows = find(image)
        cover = iou(rows, boxes) if len(rows) and len(boxes) else np.zeros((len(rows), len(boxes)))
        owner = np.full(len(boxes), -1)
        for r in range(len(rows)):
            hit = [g for g in np.argsort(-cover[r]) if cover[r, g] >= 0.4 and owner[g] < 0]
            if hit:
                owner[hit[0]] = r
            elif not (len(boxes) and cover[r].max() >= 0.3 and ignore[cover[r].argmax()]):
                for t in thresholds:
                    wrong[t] += rows[r, 4] > t
        for g in range(len(boxes)):
            if ignore[g]:
                continue
            r = owner[g]
            faces.append((sizes[g], lost, clean, rows[r, 4] if r >= 0 else 0,
                          points_error(rows[r, 5:], points[g])[0] if r >= 0 else np.nan,
                          cover[r, g] if r >= 0 else np.nan))
            for t in thresholds:
                right[t] += r >= 0 and rows[r, 4] > t
    return np.array(faces, float), {t: right[t] / max(1, right[t] + wrong[t]) for t in thresholds}


def finder(net, once):
    return lambda image: detect(net, image[None], 0.3)[0] if once else detect_twice(net, image, 0.3)


def background_scores(find, backgrounds):
    """Highest score on each background, with its short side at 640 and at 400."""
    highest = []
    for image in backgrounds:
        for side in (640, 400):
            scale = side / min(image.shape[:2])
            rows = find(cv2.resize(image, None, fx=scale, fy=scale))
            highest.append(rows[:, 4].max(initial=0))
    return np.array(highest)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--data', nargs='+', required=True)
    parser.add_argument('--labels', required=True)
    parser.add_argument('--photos', nargs='*', default=[], help='photos, compared with the first of the detectors')
    parser.add_argument('--count', type=int, default=300)
    parser.add_argument('--thresholds', type=float, nargs='+', default=(0.5, 0.6, 0.7, 0.8))
    parser.add_argument('--once', action='store_true', help='one look alone, as in the reference; default: as the library')
    parser.add_argument('--seed', type=int, default=5, help='of the scenes')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--draw', help='folder for drawn photos')
    parser.add_argument('nets', nargs='+', help='NAME=WEIGHTS')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    nets = {}
    for given in args.nets:
        name, path = given.split('=', 1)
        net = load_weights(RetinaFace(), path).eval().to(memory_format=torch.channels_last)
        nets[name] = finder(net, args.once)
    composer = Composer(args.data, args.labels, held_out=True)
    tests = scenes(composer, args.count, args.seed)
    results = {name: measure(find, tests, args.thresholds) for name, find in nets.items()}
    print(f'## {args.count} held-out scenes, {len(next(iter(results.values()))[0])} faces; {len(composer.backgrounds)} held-out backgrounds at two sizes')
    for name, (faces, precision) in results.items():
        highest = background_scores(nets[name], composer.backgrounds)
        for t in args.thresholds:
            large = faces[faces[:, 0] >= 24]
            found = large[large[:, 3] > t]
            print(f'{name:12} score > {t:.2f}: recall >= 24 px {100 * len(found) / len(large):.1f} %, precision {100 * precision[t]:.1f} %, points mean '
                  f'{found[:, 4].mean():.4f} median {np.median(found[:, 4]):.4f}, IoU {found[:, 5].mean():.3f}, backgrounds with an alarm '
                  f'{100 * (highest > t).mean():.1f} %')

    kinds = {'clean': lambda f: f[:, 2] == 1, 'soft < 2.5x': lambda f: (f[:, 2] == 0) & (f[:, 1] < 2.5),
             'soft >= 2.5x': lambda f: (f[:, 2] == 0) & (f[:, 1] >= 2.5)}
    cuts = {**{'%d-%d px' % s: (lambda f, s=s: (f[:, 0] >= s[0]) & (f[:, 0] < s[1])) for s in SIZES},
            **{k + ', >= 24 px': (lambda f, v=v: v(f) & (f[:, 0] >= 24)) for k, v in kinds.items()}}
    first, last = args.thresholds[0], args.thresholds[-1]
    print('\n| faces | n |' + ''.join(f' {n} recall {first} | {last} | points |' for n in nets))
    print('|---|---|' + '---|---|---|' * len(nets))
    for cut, pick in cuts.items():
        line = ''
        for name in nets:
            f = results[name][0][pick(results[name][0])]
            line += f' {100 * (f[:, 3] > first).mean():.1f} | {100 * (f[:, 3] > last).mean():.1f} | {np.nanmean(f[f[:, 3] > first, 4]):.3f} |'
        print(f'| {cut} | {len(f)} |{line}')

    for photo in args.photos:
        image, _ = resize_short_side(cv2.imread(photo))
        found = {name: find(image) for name, find in nets.items()}
        found = {name: rows[rows[:, 4] > first] for name, rows in found.items()}
        want = next(iter(found.values()))
        for name, rows in found.items():
            cover = iou(want, rows) if len(rows) and len(want) else np.zeros((len(want), 1))
            hit = [(w, c.argmax()) for w, c in enumerate(cover) if c.max() >= 0.4]
            print(f'{os.path.basename(photo):16} {name:10} found {len(hit)}/{len(want)}, others {len(rows) - len(hit)}, scores',
                  ' '.join('%.2f' % rows[r, 4] for _, r in hit), 'points',
                  ' '.join('%.3f' % points_error(rows[r:r + 1, 5:], want[w:w + 1, 5:])[0] for w, r in hit))
            if args.draw:
                os.makedirs(args.draw, exist_ok=True)
                colours = [(0, 255, 0) if s > last else (0, 0, 255) for s in rows[:, 4]]
                name = os.path.splitext(os.path.basename(photo))[0] + f'-{name}.png'
                cv2.imwrite(os.path.join(args.draw, name), draw(image, rows[:, :4], rows[:, 5:], colours))


if __name__ == '__main__':
    main()
