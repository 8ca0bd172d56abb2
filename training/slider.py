"""Teaches the fusions of a trained restorer that the fidelity counts by equal steps: slider.py WEIGHTS --data FOLDERS --out FILE."""
import argparse
import copy
import json
import math
import os
import time

os.environ.setdefault('OMP_NUM_THREADS', '1')
import torch
from safetensors import safe_open
from data import LargeFaces
from losses import gradient_loss, texture_loss
from muon import Muon

# How fast the clean end is reached; share of the input in the picture at fidelity 1.
BEND, LOYAL = 1.6, 0.1
KINDS = ('small', 'large', 'light')
EARLIER = 0.3       # how fast fusions before the last one move, in shares of their size
RATE, TEXTURE, WARM = 0.01, 0.5, 20


def between(codes, whole, bad, w):
    """
    What a picture should be at fidelity w: from that at 0, made of codes alone, to `whole` and a little of the input.
    Steps of the PSNR to the input are alike then, and half of the way is nearly as good as the whole.
    """
    share = LOYAL * w * w
    return (1 - share) * torch.lerp(codes, whole, 1 - (1 - w) ** BEND) + share * bad


def main():
    from train import export, load_exported
    a = argparse.ArgumentParser()
    a.add_argument('weights', help='safetensors of a trained restorer')
    a.add_argument('--data', nargs='+', required=True, help='folders of faces-256-*.tar and faces-512*.tar')
    a.add_argument('--out', required=True, help='safetensors')
    a.add_argument('--minutes', type=float, default=10, help='in processor time of a thread')
    a.add_argument('--rate', type=float, default=RATE)
    a.add_argument('--batch', type=int, default=2)
    a.add_argument('--threads', type=int, default=1)
    a.add_argument('--seed', type=int, default=0)
    a.add_argument('--only', type=int, help='train on the first N pictures, without augmentation (to test)')
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    before = load_exported(a.weights).eval().requires_grad_(False)
    with safe_open(a.weights, 'pt') as file:
        note = {k: v for k, v in file.metadata().items() if k not in ('config', 'licence')}
    faces = LargeFaces(a.data, torch.device('cpu'), a.seed, a.only)
    large = before.config['size'] == 512
    model = copy.deepcopy(before)
    model.even_fusion(torch.cat([faces.degraded(faces.clean(1, large), kind) for kind in KINDS]))
    fusions, last = model.fuse_convs_dict.requires_grad_(True), str(model.config['size'] // model.config['patch'])
    earlier = dict.fromkeys((size + '.' for size in fusions if size != last), EARLIER)
    opt = Muon(list(fusions.named_parameters()), a.rate, a.rate / 20, earlier, tuple(earlier))
    start, step, total, progress = time.process_time(), 0, 0.0, 0.0
    while progress < 1:
        bad = faces.degraded(faces.clean(a.batch, large), KINDS[step % len(KINDS)])
        w = 1.0 if step % 4 == 0 else float(faces.rng.random())
        with torch.no_grad():
            taps, lq, logits = before.encode(bad)
            idx = logits.argmax(-1)
            target = between(before.decode(idx, lq), before.decode(idx, lq, taps, 1.0), bad, w)
        y = model.decode(idx, lq, taps, w)
        loss = (y - target).abs().mean() + gradient_loss(y, target) + TEXTURE * texture_loss(y, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(fusions.parameters(), 1.0)
        opt.step(min(1.0, (step + 1) / WARM) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * progress))))
        opt.zero_grad()
        step, total = step + 1, total + loss.item()
        progress = (time.process_time() - start) / a.threads / 60 / a.minutes
        if step % 20 == 0 or progress >= 1:
            print(json.dumps(dict(step=step, progress=round(progress, 3), loss=round(total / ((step - 1) % 20 + 1), 4))), flush=True)
            total = 0.0
    export(a.out, model, note)


if __name__ == '__main__':
    main()
