"""Measures what the fidelity does in a trained restorer and writes the curve that makes its steps visible: curve.py WEIGHTS --data FOLDERS --out FILE."""
import argparse
import json
import os

os.environ.setdefault('OMP_NUM_THREADS', '1')
import numpy as np
import torch
from safetensors import safe_open
from data import LargeFaces
from train import export, load_exported, psnr, sharpness

KINDS = ('small', 'large')
# Most of what happens happens early.
WEIGHTS = (0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1)
# What has happened at fidelities in equal steps. By the middle, which is the default, as much as gives a picture nearly as close to the clean
# one as it gets.
SHARES = (0, 0.35, 0.7, 0.82, 1)


@torch.no_grad()
def measure(model, faces, count, large):
    """Of each kind of degradation: PSNR to the input, PSNR to the clean picture and sharpness at each of WEIGHTS: [kinds, weights, 3]."""
    sums = np.zeros((len(KINDS), len(WEIGHTS), 3))
    for _ in range(count):
        clean = faces.clean(1, large)
        for k, kind in enumerate(KINDS):
            bad = faces.degraded(clean, kind)
            taps, lq, logits = model.encode(bad)
            idx = logits.argmax(-1)
            for i, w in enumerate(WEIGHTS):
                y = model.decode(idx, lq, taps, w)
                sums[k, i] += psnr(y, bad), psnr(y, clean), sharpness(y, clean)
    return sums / count


def curve_of(to_input, points):
    """
    Weights at which the PSNR to the input has risen by SHARES of all that it rises, on the mean over the kinds, up to the first weight
    after which it rises no more.
    @param to_input: [kinds, weights]
    """
    risen = np.maximum.accumulate(to_input, 1) - to_input[:, :1]
    share = (risen / risen[:, -1:]).mean(0)
    end = share.argmax() + 1
    wanted = np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(SHARES)), SHARES)
    curve = np.interp(wanted, share[:end], WEIGHTS[:end])
    return [round(float(w), 4) for w in curve]


def main():
    a = argparse.ArgumentParser()
    a.add_argument('weights', help='safetensors of a trained restorer')
    a.add_argument('--data', nargs='+', required=True, help='folders of faces-256-*.tar and faces-512*.tar')
    a.add_argument('--out', required=True, help='safetensors')
    a.add_argument('--faces', type=int, default=12)
    a.add_argument('--points', type=int, default=9)
    a.add_argument('--threads', type=int, default=1)
    a.add_argument('--seed', type=int, default=0)
    a.add_argument('--only', type=int, help='measure on the first N pictures, without augmentation (to test)')
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    model = load_exported(a.weights).eval()
    with safe_open(a.weights, 'pt') as file:
        note = {k: v for k, v in file.metadata().items() if k not in ('config', 'licence')}
    faces = LargeFaces(a.data, torch.device('cpu'), a.seed, a.only)
    measured = measure(model, faces, a.faces, model.config['size'] == 512)
    for k, kind in enumerate(KINDS):
        for w, (to_input, to_clean, sharp) in zip(WEIGHTS, measured[k]):
            print(f'{kind} weight {w}: PSNR to the input {to_input:.2f}, to the clean picture {to_clean:.2f}, sharpness {sharp:.3f}', flush=True)
    model.config['fidelity'] = curve_of(measured[..., 0], a.points)
    print(json.dumps(model.config['fidelity']))
    export(a.out, model, note)


if __name__ == '__main__':
    main()
