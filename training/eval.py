"""Degrades clean 256 px faces with a seed, restores them at w = 0, 0.5, 1 and compares: eval.py MODEL --faces FOLDER [--sheet PNG]."""
import argparse
import os
import sys

os.environ.setdefault('OMP_NUM_THREADS', '1')
import cv2
import numpy as np
import torch
from data import read
from degrade import degrade
from losses import Detector, distance
from model import Restorer
from train import load_exported


def ssim(a, b):
    """Of luminance in 0..255, Gaussian window 11, sigma 1.5."""
    a, b = (cv2.cvtColor(x, cv2.COLOR_RGB2GRAY).astype(np.float64) for x in (a, b))
    f = lambda x: cv2.GaussianBlur(x, (11, 11), 1.5)
    ma, mb = f(a), f(b)
    va, vb, c = f(a * a) - ma * ma, f(b * b) - mb * mb, f(a * b) - ma * mb
    return (((2 * ma * mb + 6.5025) * (2 * c + 58.5225)) / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225))).mean()


def energy(x):
    x = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY).astype(np.float64)
    return np.square(np.diff(x, axis=0)).mean() + np.square(np.diff(x, axis=1)).mean()


def to_tensor(x):
    return torch.from_numpy(x).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_bytes(x):
    return ((x.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


@torch.no_grad()
def main():
    a = argparse.ArgumentParser()
    a.add_argument('model', help='safetensors written by train.py')
    a.add_argument('--faces', nargs='+', required=True, help='folders of pictures, or of the training tars')
    a.add_argument('--last', type=int, default=200, help='only the last N pictures (200 of the tars are never trained on); 0: all')
    a.add_argument('--seed', type=int, default=0)
    a.add_argument('--kinds', nargs='+', default=['small', 'large'])
    a.add_argument('--detector', required=True, help='RetinaFace mobile0.25 checkpoint, for its features')
    a.add_argument('--sheet', help='contact sheet: degraded, w = 0, 0.5, 1, clean')
    a.add_argument('--rows', type=int, default=8)
    a = a.parse_args()
    torch.set_num_threads(1)
    model, detector = load_exported(a.model).eval(), Detector(a.detector)
    _, clean = read(a.faces)
    clean = clean[-a.last:]
    sheet = []
    print(f'{len(clean)} pictures   PSNR   SSIM  sharpness  distance')
    for kind in a.kinds:
        rng = np.random.default_rng(a.seed)
        bad = np.stack([degrade(np.ascontiguousarray(x[..., ::-1]), rng, kind)[..., ::-1] for x in clean])
        results = {k: [] for k in ('degraded', 'w=0', 'w=0.5', 'w=1', 'w=0 plain')}
        restored = {k: [] for k in results}
        for i in range(0, len(clean), 8):
            x, y = to_tensor(clean[i:i + 8]), to_tensor(bad[i:i + 8].copy())
            taps, lq, logits = model.encode(y)
            idx = logits.argmax(-1)
            out = {'degraded': y, **{f'w={w:g}': model.decode(idx, lq, taps, w) for w in (0, 0.5, 1)},
                   'w=0 plain': model.decode(idx, lq, taps, 0, False)}      # plain: without AdaIN
            fx = detector(x)
            for name, z in out.items():
                z8 = to_bytes(z)
                d = distance(detector(to_tensor(z8)), fx).tolist()
                restored[name] += list(z8)
                for j, v in enumerate(z8):
                    c = clean[i + j]
                    mse = np.square(v.astype(np.float64) - c).mean()
                    results[name].append((10 * np.log10(255 ** 2 / max(mse, 1e-9)), ssim(v, c), energy(v) / energy(c), d[j]))
        for name, r in results.items():
            p, s, e, d = np.mean(r, 0)
            print(f'{kind:6} {name:10} {p:6.2f} {s:6.3f} {e:10.3f} {d:9.4f}', flush=True)
        n = a.rows // len(a.kinds)
        for i in np.linspace(0, len(clean) - 1, n).astype(int):
            sheet.append(np.concatenate([restored[k][i] for k in ('degraded', 'w=0', 'w=0.5', 'w=1')] + [clean[i]], 1))
    if a.sheet:
        cv2.imwrite(a.sheet, np.concatenate(sheet, 0)[..., ::-1])


if __name__ == '__main__':
    main()
