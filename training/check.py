"""Whether the training still works: all stages of a tiny network on drawn faces, resumed once, in a minute or two of one core. See check.sh."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import torch
from safetensors import safe_open
from data import decode, to_tensor
from degrade import RANGES, degrade, degrade_with, draw
from grow import enlarge, grow, shrink
from model import Restorer
from curve import WEIGHTS, curve_of
from slider import between
from train import load_exported, psnr

HERE = os.path.dirname(os.path.abspath(__file__))
TINY = dict(size=256, channels=16, multipliers=[1, 2, 2], res_blocks=1, attention=[16], embedding=16, codebook=32, width=48, heads=4,
            layers=1, mlp=64, fuse=[32, 64], groups=8, patch=4)
GROWN = dict(TINY, size=512, multipliers=[1, 1, 2, 2], fuse=[32, 64, 128])
OFFICIAL = dict(size=512, channels=64, multipliers=[1, 2, 2, 4, 4, 8], res_blocks=2, attention=[16], embedding=256, codebook=1024, width=512,
                heads=8, layers=9, mlp=1024, fuse=[32, 64, 128, 256], groups=32, patch=1)


def draw_faces(folder, count, size=256):
    """Ovals with eyes and a mouth, each a little different."""
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        picture = np.full((256, 256, 3), rng.integers(60, 200, 3), np.uint8)
        cv2.ellipse(picture, (128, 135), (70, 95), 0, 0, 360, rng.integers(120, 230, 3).tolist(), -1)
        for x in (98, 158):
            cv2.circle(picture, (x, 120), int(rng.integers(6, 11)), (40, 30, 30), -1)
        cv2.ellipse(picture, (128, 188), (28, int(rng.integers(4, 12))), 0, 0, 180, (60, 50, 150), -1)
        cv2.imwrite(os.path.join(folder, f'{i}.png'), cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC))


def check(holds, what):
    print('ok  ' if holds else 'FAIL', what, flush=True)
    if not holds:
        sys.exit(1)


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--detector', default=os.path.join(HERE, '..', 'weights', 'detector.safetensors'))
    a.add_argument('--keep', help='folder for what is made (default a temporary one)')
    a = a.parse_args()
    torch.set_num_threads(1)

    with torch.device('meta'):
        state = Restorer(OFFICIAL).state_dict()
    check(len(state) == 515 and sum(v.numel() for v in state.values()) == 94112707, 'the official configuration has the official tensors')

    with tempfile.TemporaryDirectory() as temporary:
        folder = a.keep or temporary
        faces, run = os.path.join(folder, 'faces'), os.path.join(folder, 'run')
        draw_faces(faces, 6)

        def stage(number, minutes, *more):
            command = [sys.executable, os.path.join(HERE, 'train.py'), '--stage', str(number), '--minutes', str(minutes), '--run', run,
                       '--config', json.dumps(TINY), '--data', faces, '--detector', a.detector, '--only', '6', '--batch', '4', *more]
            done = subprocess.run(command, capture_output=True, text=True)
            check(done.returncode == 0, f'stage {number} runs' if done.returncode == 0 else f'stage {number}:\n{done.stdout}{done.stderr}')
            return done.stdout

        check_degradation(faces)
        stage(1, 0.15, '--total', '0.3')
        again = stage(1, 0.15, '--total', '0.3')
        check('stage 1, step 0,' not in again, 'stage 1 goes on where it was')
        stage(2, 0.1)
        stage(3, 0.1, '--resident')
        result = os.path.join(run, 'stage3.safetensors')
        with safe_open(result, 'pt') as file:
            metadata = file.metadata()
            finite = all(torch.isfinite(file.get_tensor(name).float()).all() for name in file.keys())
        check(finite and json.loads(metadata['config']) == TINY and 'licence' in metadata, 'the exported weights are finite and say what they are')
        model = load_exported(result).eval()
        x = torch.from_numpy(cv2.imread(os.path.join(faces, '0.png'))[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.no_grad():
            taps, lq, logits = model.encode(x)
            y = model.decode(logits.argmax(-1), lq, taps, 1)
        error = (y.clamp(-1, 1) - x).abs().mean().item()
        check(error < 0.5, f'a face that was seen comes back in its colours (mean error {error:.3f} of 2)')
        check_growth(folder, a.detector, result)
        check_slider(folder, result)
        check_curve(folder, result)
        check_detector(folder, a.detector)


def check_degradation(faces):
    """Batches are degraded as single pictures are. Noise is left out, as it is drawn in different ways."""
    rng = np.random.default_rng(0)
    picture = cv2.resize(cv2.imread(os.path.join(faces, '0.png')), (512, 512), interpolation=cv2.INTER_CUBIC)
    for kind in RANGES:
        p = {**draw(rng, kind, 512), 'noise': 0}
        single = to_tensor(degrade(picture, rng, kind, p)[None, ..., ::-1])
        numbers = [torch.tensor([float(p[name])]) for name in ('sx', 'sy', 'angle', 'small', 'noise', 'quality')]
        alike = psnr(degrade_with(to_tensor(picture[None, ..., ::-1]), *numbers), single)
        check(alike > 36, f'degraded in a batch as alone: {kind} ({alike:.1f} dB)')


def check_growth(folder, detector, small):
    """A trained network with one level more at each end: it begins as the old one enlarged, and both stages train it."""
    faces, run = os.path.join(folder, 'large'), os.path.join(folder, 'grown')
    draw_faces(faces, 6, 512)
    pictures = []
    for i in range(6):
        with open(os.path.join(faces, f'{i}.png'), 'rb') as file:
            pictures.append(decode(file.read(), 512))
    rng = np.random.default_rng(0)
    bad = to_tensor(np.stack([degrade(p, rng, ('light', 'small', 'large')[i % 3]) for i, p in enumerate(pictures)]))
    old = load_exported(small).eval()
    new = grow(old, GROWN, bad[:4])
    with torch.no_grad():
        for w in (0, 1):
            before, after = old(shrink(bad), w)[0].clamp(-1, 1), new(bad, w)[0].clamp(-1, 1)
            alike = psnr(after, enlarge(before))
            check(alike > 26, f'the grown network begins as the enlarged one at w = {w} ({alike:.1f} dB)')

    def stage(number, *more, run=run):
        command = [sys.executable, os.path.join(HERE, 'train.py'), '--stage', str(number), '--minutes', '0.15', '--run', run, '--data', faces,
                   '--detector', detector, '--only', '2', '--batch', '2', *more]
        done = subprocess.run(command, capture_output=True, text=True)
        check(done.returncode == 0, f'stage {number} runs' if done.returncode == 0 else f'stage {number}:\n{done.stdout}{done.stderr}')
        return done.stdout

    growing = ('--config', json.dumps(GROWN), '--init', small, '--total', '0.3')
    stage(4, *growing)
    check('stage 4, step 0,' not in stage(4, *growing), 'stage 4 goes on where it was')
    stage(5, '--resident')
    result = os.path.join(run, 'stage5.safetensors')
    with safe_open(result, 'pt') as file:
        finite = all(torch.isfinite(file.get_tensor(name).float()).all() for name in file.keys())
        check(finite and json.loads(file.metadata()['config']) == GROWN, 'the grown weights are finite and say what they are')
    broken = os.path.join(folder, 'broken')
    told = stage(5, '--init', result, '--teacher', small, '--rate', 'inf', run=broken)
    before, after = (load_exported(path).state_dict() for path in (result, os.path.join(broken, 'stage5.safetensors')))
    check('diverged' in told and all(torch.equal(before[name], after[name]) for name in before), 'what diverges goes back to what it was')


def check_slider(folder, weights):
    """The fusion learns even steps, codes alone give what they gave before."""
    out = os.path.join(folder, 'slider.safetensors')
    command = [sys.executable, os.path.join(HERE, 'slider.py'), weights, '--data', os.path.join(folder, 'large'), '--only', '2', '--out', out, '--minutes', '0.1']
    done = subprocess.run(command, capture_output=True, text=True)
    check(done.returncode == 0, 'the slider is trained' if done.returncode == 0 else f'slider:\n{done.stdout}{done.stderr}')
    x, codes, whole = (torch.full((1, 3, 8, 8), v) for v in (0.0, 0.5, 1.0))
    ends = [between(codes, whole, x, w).mean().item() for w in (0, 1)]
    check(ends[0] == 0.5 and 0.8 < ends[1] < 1, 'fidelity goes from the codes to the photo')
    before, after = load_exported(weights), load_exported(out)
    with torch.no_grad():
        x = torch.rand(1, 3, 256, 256) * 2 - 1
        check(torch.equal(before(x, 0)[0], after(x, 0)[0]) and not torch.equal(before(x, 1)[0], after(x, 1)[0]), 'fidelity 0 stays as it was')


def check_curve(folder, weights):
    """The fidelity does by steps what it does."""
    falling = -np.square(np.array(WEIGHTS) - 0.5)
    check(curve_of(np.stack([falling, 2 * falling]), 3) == [0, 0.2273, 0.5], 'the curve has the steps that are wanted, up to the top')
    out = os.path.join(folder, 'curve.safetensors')
    command = [sys.executable, os.path.join(HERE, 'curve.py'), weights, '--data', os.path.join(folder, 'large'), '--only', '2', '--out', out, '--faces', '1']
    done = subprocess.run(command, capture_output=True, text=True)
    check(done.returncode == 0, 'the curve is measured' if done.returncode == 0 else f'curve:\n{done.stdout}{done.stderr}')
    with safe_open(out, 'pt') as file:
        curve = json.loads(file.metadata()['config'])['fidelity']
    check(curve[0] == 0 and len(curve) == 9 and sorted(set(curve)) == curve and curve[-1] <= 1, 'the curve rises from 0 to at most 1')


def check_detector(folder, teacher):
    """The detector for some steps from random weights, on drawn faces whose labels are known, resumed once."""
    pictures, labels, run = (os.path.join(folder, name) for name in ('pictures', 'labels.npz', 'detector'))
    draw_faces(pictures, 6)
    rng = np.random.default_rng(1)
    for i in range(6):
        cv2.imwrite(os.path.join(pictures, f'scene-{i}.png'), cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (640, 480)))
    row = [58, 40, 198, 230, 1, 98, 120, 158, 120, 128, 150, 102, 190, 154, 190]
    np.savez(labels, names=np.array([f'{i}.png' for i in range(6)]), rows=np.array([row] * 6, np.float32))

    def train():
        command = [sys.executable, os.path.join(HERE, 'detector', 'train.py'), '--data', pictures, '--labels', labels, '--teacher', teacher,
                   '--run', run, '--minutes', '0.15', '--total', '0.3', '--slots', '16']
        done = subprocess.run(command, capture_output=True, text=True)
        check(done.returncode == 0, 'the detector trains' if done.returncode == 0 else f'detector:\n{done.stdout}{done.stderr}')
        return int(done.stdout.split('done')[1].split()[0])

    check(0 < train() < train(), 'the detector goes on where it was')
    with safe_open(os.path.join(run, 'detector.safetensors'), 'pt') as file:
        with safe_open(teacher, 'pt') as other:
            same = set(file.keys()) == set(other.keys())
        finite = all(torch.isfinite(file.get_tensor(name).float()).all() for name in file.keys())
    check(same and finite, 'the exported detector is finite and has the tensors of the embedded one')


if __name__ == '__main__':
    main()
