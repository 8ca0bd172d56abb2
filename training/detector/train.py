"""Trains the detector on composed scenes with a MultiBox loss and the outputs of teachers. Resumable, CPU or CUDA.

train.py --data FOLDERS --labels LABELS.npz --teacher FILES --run RUN --minutes 50
Minutes are processor time of one thread, as for the restorer; with the same --run it goes on where it stopped.
Writes RUN/last.pt (state) and RUN/detector.safetensors (averaged weights, float16).
"""
import argparse
import math
import multiprocessing
import os
import sys
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from compose import Composer
from model import VARIANCE, RetinaFace, load_weights, priors, to_input
from safetensors.torch import save_file

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from precision import autocast

LICENCE = 'Trained on generated faces, part of them CC BY-NC-SA 4.0: non-commercial use only.'
# Height, width, batch, share of the steps, smallest and largest face.
GROUPS = ((320, 320, 16, 0.55, 14, 300), (256, 384, 16, 0.15, 14, 240), (384, 256, 16, 0.15, 14, 240),
          (640, 640, 4, 0.15, 40, 620))


def overlap(prior, boxes):
    """IoU [A,n] of priors (cx,cy,w,h) and boxes (x1,y1,x2,y2)."""
    low, high = prior[:, None, :2] - prior[:, None, 2:] / 2, prior[:, None, :2] + prior[:, None, 2:] / 2
    cut = (np.minimum(high, boxes[None, :, 2:]) - np.maximum(low, boxes[None, :, :2])).clip(0).prod(-1)
    return cut / (prior[:, None, 2:].prod(-1) + (boxes[:, 2:] - boxes[:, :2]).prod(-1)[None] - cut)


def targets(height, width, boxes, points, ignore):
    """label [A] (1 face, 0 none, -1 no loss), near [A] (IoU >= 0.2), indices of the faces' anchors, loc and landmark targets."""
    prior = priors(height, width).numpy()
    label, near = np.zeros(len(prior), np.int8), np.zeros(len(prior), bool)
    if not len(boxes):
        return label, near, np.zeros(0, np.int64), np.zeros((0, 4), np.float32), np.zeros((0, 10), np.float32)
    size = np.array((width, height), np.float32)
    boxes = boxes / np.tile(size, 2)
    points = points.reshape(-1, 5, 2) / size
    iou = overlap(prior, boxes)
    best, which = iou.max(1), iou.argmax(1)
    for g, a in enumerate(iou.argmax(0)):
        if iou[a, g] >= 0.2:
            best[a], which[a] = 2, g
    near = best >= 0.2
    label[best >= 0.35] = 1
    label[near & ignore[which]] = -1
    at = np.flatnonzero(label == 1)
    p, b = prior[at], boxes[which[at]]
    loc = np.concatenate([((b[:, :2] + b[:, 2:]) / 2 - p[:, :2]) / (VARIANCE[0] * p[:, 2:]),
                          np.log((b[:, 2:] - b[:, :2]) / p[:, 2:]) / VARIANCE[1]], 1)
    landms = (points[which[at]] - p[:, None, :2]) / (VARIANCE[0] * p[:, None, 2:])
    return label, near, at, loc.astype(np.float32), landms.reshape(-1, 10).astype(np.float32)


def compose(composer, seed, height, width, smallest, largest, count=None):
    image, boxes, points, _, ignore, _ = composer.scene(np.random.default_rng(seed), height, width, smallest, largest,
                                                        count=count)
    return image, targets(height, width, boxes, points, ignore)


def in_worker(*args):
    return compose(COMPOSER, *args)


class Pool:
    """Composed scenes of one size with their targets and the teacher's outputs; a few are replaced before each batch."""

    def __init__(self, composer, teachers, group, slots, device, rng, workers=None):
        self.composer, self.teachers, self.device, self.rng = composer, teachers, device, rng
        self.height, self.width, self.batch, _, self.smallest, self.largest = group
        self.slots, self.next, self.items = slots, 0, []
        self.workers, self.ahead = workers, deque()

    def made(self, count, faces=None):
        """Newly composed scenes (with that many faces each, None: any); with workers the next ones are begun ahead."""
        def args():
            return int(self.rng.integers(1 << 62)), self.height, self.width, self.smallest, self.largest, faces
        if not self.workers:
            return [compose(self.composer, *args()) for _ in range(count)]
        if faces is not None:
            return list(self.workers.map(in_worker, *zip(*(args() for _ in range(count)))))
        while len(self.ahead) < 4 * count:
            self.ahead.append(self.workers.submit(in_worker, *args()))
        return [self.ahead.popleft().result() for _ in range(count)]

    def mine(self, model, tries=8):
        """The scene without faces, out of a few, where the detector being trained is most sure of one."""
        made = self.made(tries, 0)
        model.eval()
        with torch.inference_mode(), autocast(self.device):
            x = to_input(np.stack([m[0] for m in made]), self.device).contiguous(memory_format=torch.channels_last)
            logits = model(x)[1]
        model.train()
        return made[int((logits[..., 1] - logits[..., 0]).amax(1).argmax())]

    def refresh(self, count, model=None, mined=0.25):
        made = self.made(count)
        if model is not None:
            made = [self.mine(model) if self.rng.random() < mined else m for m in made]
        images = np.stack([m[0] for m in made])
        with torch.inference_mode(), autocast(self.device):
            outs = [t(to_input(images, self.device).contiguous(memory_format=torch.channels_last)) for t in self.teachers]
        score = sum(o[1].softmax(-1)[..., 1] for o in outs) / len(outs)
        loc = sum(o[0] for o in outs) / len(outs)
        for i, (image, (label, near, at, t_loc, t_landms)) in enumerate(made):
            p = score[i].float().cpu().numpy()
            label[(label == 0) & near & (p > 0.5)] = -1
            # The teacher's score counts where it does not contradict the composition.
            trust = np.where(label == 1, p > 0.5, (p < 0.5) | near) & (label >= 0) | (label < 0) & near & (p > 0.5)
            sure = p[at] > 0.7
            item = (image, label, np.where(trust, p, -1).astype(np.float16), at, t_loc, t_landms, sure,
                    loc[i].cpu().numpy()[at[sure]])
            if len(self.items) < self.slots:
                self.items.append(item)
            else:
                self.items[self.next] = item
            self.next = (self.next + 1) % self.slots

    def fill(self):
        while len(self.items) < self.slots:
            self.refresh(min(8, self.slots - len(self.items)))

    def sample(self):
        chosen = [self.items[i] for i in self.rng.choice(len(self.items), self.batch, replace=len(self.items) < self.batch)]
        anchors = len(chosen[0][1])
        at = np.concatenate([c[3] + k * anchors for k, c in enumerate(chosen)])
        sure = np.concatenate([(c[3] + k * anchors)[c[6]] for k, c in enumerate(chosen)])
        arrays = [np.stack([c[0] for c in chosen]), np.stack([c[1] for c in chosen]).astype(np.int64),
                  np.stack([c[2] for c in chosen]).astype(np.float32), at,
                  *(np.concatenate([c[k] for c in chosen]) for k in (4, 5)), sure,
                  np.concatenate([c[7] for c in chosen])]
        return [torch.from_numpy(a).to(self.device, non_blocking=True) for a in arrays]


def loss_of(out, batch):
    """Scalar loss and its parts: class, box, points, teacher's score, teacher's boxes."""
    loc, logits, landms = out
    _, label, soft, at, t_loc, t_landms, sure, d_loc = batch
    logit = logits[..., 1] - logits[..., 0]
    count = max(1, len(at))
    hard = F.binary_cross_entropy_with_logits(logit, (label == 1).float(), reduction='none')
    with torch.no_grad():
        # Hardest negatives per picture, 7 per positive, at least 20.
        wanted = ((label == 1).sum(1) * 7).clamp(20, label.shape[1] - 1)
        rank = hard.masked_fill(label != 0, -1).argsort(1, descending=True).argsort(1)
        used = (label == 1) | (label == 0) & (rank < wanted[:, None])
        used = used * torch.where((label == 1).any(1, keepdim=True), 1.0, 2.0)
    parts = [(hard * used).sum() / count,
             F.smooth_l1_loss(loc.flatten(0, 1)[at], t_loc, reduction='sum') / count,
             # Nearly the absolute error: with the quadratic one, small errors do not count.
             F.smooth_l1_loss(landms.flatten(0, 1)[at], t_landms, reduction='sum', beta=0.1) / count]
    target = soft.clamp(0, 1)
    entropy = F.binary_cross_entropy(target, target, reduction='none')
    taught = (F.binary_cross_entropy_with_logits(logit, target, reduction='none') - entropy) * (soft >= 0)
    parts.append(taught.sum() / count)
    parts.append(F.smooth_l1_loss(loc.flatten(0, 1)[sure], d_loc, reduction='sum') / count)
    return parts[0] + 2 * parts[1] + parts[2] + parts[3] + 0.5 * parts[4], parts


def export(state, path):
    tensors = {k: (v.half() if v.is_floating_point() else v).contiguous().cpu() for k, v in state.items()}
    save_file(tensors, path + '.part', {'licence': LICENCE})
    os.replace(path + '.part', path)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--data', nargs='+', required=True, help='folders of faces-256-*.tar and backgrounds.tar, or of pictures')
    parser.add_argument('--labels', required=True, help='written by label.py')
    parser.add_argument('--teacher', nargs='+', required=True, help='RetinaFace mobile0.25 checkpoints')
    parser.add_argument('--run', required=True)
    parser.add_argument('--minutes', type=float, required=True, help='of this call, in processor time of a thread')
    parser.add_argument('--total', type=float, help='the whole training over all calls (learning rate); default: --minutes')
    parser.add_argument('--init', help='weights to start from instead of random ones')
    parser.add_argument('--rate', type=float, default=3e-3)
    parser.add_argument('--batch-scale', type=int, default=1, help='multiplies the batch of every group')
    parser.add_argument('--slots', type=int, default=640, help='scenes kept of the most frequent size')
    parser.add_argument('--reuse', type=float, default=6, help='how often a scene is used')
    parser.add_argument('--workers', type=int, default=0, help='processes for composing (0: in this one)')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    return parser.parse_args()


def main():
    global COMPOSER
    args = arguments()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(0)
    os.makedirs(args.run, exist_ok=True)

    COMPOSER, workers = Composer(args.data, args.labels), None
    print(len(COMPOSER.faces), 'faces', len(COMPOSER.backgrounds), 'backgrounds', flush=True)
    if args.workers:  # forked before CUDA starts
        workers = ProcessPoolExecutor(args.workers, multiprocessing.get_context('fork'))
        workers.submit(int).result()

    model = RetinaFace()
    if args.init:
        load_weights(model, args.init)
    else:
        for head in model.ClassHead:
            head.conv1x1.bias.data.copy_(torch.tensor((2.0, -2.0) * 2))
    model = model.to(args.device, memory_format=torch.channels_last).train()
    ema = {k: v.clone() for k, v in model.state_dict().items()}
    teachers = [load_weights(RetinaFace(), t).eval().to(args.device, memory_format=torch.channels_last) for t in args.teacher]
    decays = [p for p in model.parameters() if p.ndim > 1]
    optimizer = torch.optim.AdamW([{'params': decays, 'weight_decay': 0.02},
                                   {'params': [p for p in model.parameters() if p.ndim <= 1], 'weight_decay': 0}],
                                  lr=args.rate, betas=(0.9, 0.99))
    elapsed, step, last = 0.0, 0, os.path.join(args.run, 'last.pt')
    if os.path.exists(last):
        saved = torch.load(last, map_location=args.device, weights_only=True)
        model.load_state_dict(saved['model'])
        optimizer.load_state_dict(saved['optimizer'])
        ema, elapsed, step = saved['ema'], saved['elapsed'], saved['step']

    def save():
        torch.save({'model': model.state_dict(), 'ema': ema, 'optimizer': optimizer.state_dict(), 'elapsed': elapsed, 'step': step}, last + '.part')
        os.replace(last + '.part', last)
        export(ema, os.path.join(args.run, 'detector.safetensors'))

    rng = np.random.default_rng(step)
    groups = [(g[0], g[1], g[2] * args.batch_scale, *g[3:]) for g in GROUPS]
    share = np.array([g[3] for g in groups])
    pools = [Pool(COMPOSER, teachers, g, max(g[2], int(args.slots * g[3] / 0.55 * g[2] / groups[0][2])), args.device, rng, workers) for g in groups]
    for pool in pools:
        pool.fill()
    print('pools filled', [len(p.items) for p in pools], flush=True)

    total, end = args.total or args.minutes, min(args.total or args.minutes, elapsed + args.minutes)
    before, clock, saved_at, shown, seen, sums = elapsed, time.process_time(), time.time(), time.time(), 0, np.zeros(6)
    while elapsed < end:
        pool = pools[rng.choice(len(pools), p=share / share.sum())]
        due = pool.batch / args.reuse
        pool.refresh(int(due) + (rng.random() < due % 1) or 1, model)
        batch = pool.sample()
        progress = elapsed / total
        rate = args.rate * min(1, (progress + 0.001) / 0.03) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, progress))))
        for group in optimizer.param_groups:
            group['lr'] = rate
        x = to_input(batch[0], args.device).contiguous(memory_format=torch.channels_last)
        with autocast(args.device):
            out = model(x)
        loss, parts = loss_of(out, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10)
        optimizer.step()
        step += 1
        keep = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            state = model.state_dict()
            floats = [k for k, v in state.items() if v.is_floating_point()]
            torch._foreach_lerp_([ema[k] for k in floats], [state[k] for k in floats], 1 - keep)
            for k in state.keys() - floats:
                ema[k].copy_(state[k])
        elapsed = before + (time.process_time() - clock) / 60 / args.threads
        seen += len(batch[0])
        sums += [loss.item(), *(p.item() for p in parts)]
        if step % 50 == 0:
            print('step %d min %.1f rate %.1e loss %.3f | class %.3f box %.3f points %.3f | taught class %.3f boxes %.3f | %.1f img/s'
                  % (step, elapsed, rate, *(sums / 50), seen / (time.time() - shown)), flush=True)
            shown, seen, sums = time.time(), 0, np.zeros(6)
        if time.time() - saved_at > 120:
            save()
            saved_at = time.time()
    save()
    print('done', step, 'steps', flush=True)


if __name__ == '__main__':
    main()
