"""Trains one stage for some minutes, resumable: train.py --stage 1 --minutes 30 --run DIR. See README.md."""
import argparse
import copy
import glob
import io
import json
import math
import os
import time

os.environ.setdefault('OMP_NUM_THREADS', '1')
import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from data import Faces, LargeFaces
from grow import enlarge, ends, grow, is_new, shrink, smaller
from losses import Detector, PatchGAN, colour_loss, distance, gradient_loss, hinge, texture_loss
from model import CONFIGS, Encoder, Restorer
from muon import Muon
from precision import autocast
from slider import between

LICENCE = 'Trained on generated faces, part of them CC BY-NC-SA 4.0: non-commercial use only.'
WARM, GAN_FROM = 0.06, {1: 0.4, 3: 0.0, 4: 0.0, 5: 0.0}      # stage I: share of the time without codebook; share after which the GAN joins
DECAY, COMMIT, PERCEPTUAL, GRADIENT, GAN = 0.98, 0.25, 1.0, 1.0, 0.05
TEXTURE, COLOUR = {1: 0.0, 3: 0.5, 4: 0.5, 5: 0.5}, {1: 0.0, 3: 0.0, 4: 1.0, 5: 1.0}
# Stage III, in turn: degradation and w; None is drawn. With w = 1 only, the colours at 0.5 go wrong; without large ones, fusion adds
# artefacts to strongly degraded faces; w = 0 because the generator moves, too.
TURNS = (('small', 1), ('small', None), ('large', None), ('small', 0), ('small', 1), ('small', None), ('large', None), ('large', 0))
FREE = 0.75     # weight of what compares pixels at w = 0, where codes are chosen from few clues: all of it blurs, a quarter makes pictures harsh
# Stage III: few pixels at the border, by which the generator steers its norms and which come out as coloured marks, are pressed below
# LIMIT deviations.
OUTLIERS, LIMIT = 0.1, 8.0
# Stages IV and V: share of steps with pictures of 512 pixels, the others teach all but the finest level; share of each degradation.
LARGE, KINDS = 0.6, {'light': 0.15, 'small': 0.45, 'large': 0.4}
FITTED = 12         # pictures from which the new levels are set first
SLIDER = (0, 0.25, 0.5, 0.75, 1)


def arguments():
    a = argparse.ArgumentParser()
    a.add_argument('--stage', type=int, required=True, choices=[1, 2, 3, 4, 5])
    a.add_argument('--minutes', type=float, required=True, help='of this call, in processor time of a thread; on a GPU by the clock')
    a.add_argument('--total', type=float, help='the whole stage over all calls (learning rate, GAN); default: --minutes')
    a.add_argument('--run', required=True)
    a.add_argument('--config', default='s', help='name in model.py or JSON')
    a.add_argument('--data', nargs='+', required=True, help='folders of faces-256-*.tar (and faces-512*.tar for stages 4 and 5) or of pictures')
    a.add_argument('--detector', required=True, help='RetinaFace mobile0.25 checkpoint, for its features')
    a.add_argument('--init', help='safetensors to start from instead of the previous stage in --run; in stage 4 what is grown')
    a.add_argument('--teacher', help='safetensors whose encoder chooses the codes of clean pictures in stages 4 and 5 (default in stage 4: that of --init)')
    a.add_argument('--slim', help='folder: also write the state there without optimiser, in half precision and in pieces of at most 15 MiB, '
                                  'and start from it when --run has no state')
    a.add_argument('--batch', type=int)
    a.add_argument('--rate', type=float)
    a.add_argument('--threads', type=int, default=1)
    a.add_argument('--seed', type=int, default=0)
    a.add_argument('--only', type=int, help='train and validate on the first N pictures, without augmentation (to test)')
    a.add_argument('--resident', action='store_true', help='pictures lie on the device and are degraded there in batches: always so on a GPU')
    a.add_argument('--compile', action='store_true')
    a.add_argument('--every', type=float, default=5, help='minutes between previews and saves')
    return a.parse_args()


def named(config):
    return CONFIGS[config] if config in CONFIGS else json.loads(config)


def save(path, state):
    torch.save(state, path + '.part')
    os.replace(path + '.part', path)


def halve(tensors):
    return {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}


def save_pieces(path, state, size=15 << 20):
    with io.BytesIO() as f:
        torch.save(state, f)
        data = f.getvalue()
    for old in glob.glob(path + '.[0-9]*'):
        os.remove(old)
    for i in range(0, len(data), size):
        with open(f'{path}.{i // size:02d}', 'wb') as f:
            f.write(data[i:i + size])


def load_state(a, stage):
    path = os.path.join(a.run, f'stage{stage}.pt')
    pieces = sorted(glob.glob(os.path.join(a.slim, f'stage{stage}.slim.[0-9]*'))) if a.slim else []
    if not os.path.exists(path) and not pieces:
        return None
    file = path if os.path.exists(path) else io.BytesIO(b''.join(open(p, 'rb').read() for p in pieces))
    state = torch.load(file, map_location='cpu', weights_only=False)
    return {**state, **{k: {n: v.float() for n, v in state[k].items()} for k in ('model', 'ema', 'disc', 'teacher') if k in state}}


def export(path, model, note):
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in model.state_dict().items()}
    save_file(tensors, path + '.part', {'config': json.dumps(model.config), 'licence': LICENCE, **note})
    os.replace(path + '.part', path)
    size = os.path.getsize(path) / 1e6
    print(f'exported {size:.1f} MB' + (' - more than 24 MB' if size > 24 else ''), flush=True)


def load_exported(path):
    with safe_open(path, 'pt') as f:
        model = Restorer(json.loads(f.metadata()['config']))
    model.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    return model


def load_encoder(path):
    """The tensors of the encoder alone."""
    with safe_open(path, 'pt') as f:
        return {k.removeprefix('encoder.'): f.get_tensor(k).float() for k in f.keys() if k.startswith('encoder.')}


@torch.no_grad()
def kmeans(x, k, steps=12):
    """Centres of x [N,C]; empty ones restart at random points."""
    centres = x[torch.randperm(len(x), device=x.device)[:k]].clone()
    for _ in range(steps):
        near = (centres.square().sum(1) - 2 * x @ centres.T).argmin(1)
        count = torch.bincount(near, minlength=k).float()[:, None]
        total = torch.zeros_like(centres).index_add_(0, near, x)
        centres = torch.where(count > 0, total / count.clamp(min=1), x[torch.randint(len(x), (k,), device=x.device)])
    return centres


def psnr(a, b):
    return 10 * torch.log10(4 / (a.clamp(-1, 1).float() - b.float()).square().mean((1, 2, 3))).mean().item()


def sharpness(a, b):
    """Mean absolute gradient of the luminance of a over that of b."""
    luma = torch.tensor([0.299, 0.587, 0.114], device=b.device).view(1, 3, 1, 1)
    energy = lambda t: sum(torch.diff((t.clamp(-1, 1).float() * luma).sum(1), dim=d).abs().mean() for d in (1, 2))
    return (energy(a) / energy(b)).item()


class Trainer:
    def __init__(self, a):
        self.a, self.stage = a, a.stage
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        self.cuda = self.device.type == 'cuda'
        torch.set_num_threads(a.threads)
        cv2.setNumThreads(1)
        torch.manual_seed(a.seed)
        torch.backends.cudnn.benchmark = True
        os.makedirs(os.path.join(a.run, 'preview'), exist_ok=True)
        self.path = os.path.join(a.run, f'stage{a.stage}.pt')
        state = load_state(a, a.stage)
        before = None if state or a.init or a.stage == 1 else load_state(a, a.stage - 1)
        if state:
            model = Restorer(state['config'])
        elif a.stage == 4:
            assert a.init, 'stage 4 needs --init: what is grown to --config'
            old = load_exported(a.init)
            faces = LargeFaces(a.data, torch.device('cpu'), a.seed, a.only)
            seen = [faces.degraded(faces.clean(1), kind) for kind in list(KINDS) * (FITTED // len(KINDS))]
            model, teacher = grow(old, named(a.config), torch.cat(seen)), old.encoder.state_dict()
            if a.teacher:
                teacher = load_encoder(a.teacher)
        elif a.init:
            model = load_exported(a.init)
            if a.stage == 5:
                assert a.teacher, 'stage 5 needs --teacher with --init'
                teacher = load_encoder(a.teacher)
        elif before:
            model = Restorer(before['config'])
            model.load_state_dict(before['ema'])
            teacher = before.get('teacher')
        else:
            assert a.stage == 1, 'stages 2, 3 and 5 need the stage before, or --init'
            model = Restorer(named(a.config)).initialise()
        # The clean-picture encoder whose codes are the targets: that of stage I.
        if a.stage > 1:
            if state:
                teacher = state['teacher']
            elif a.stage < 4 and (a.init or teacher is None):
                assert a.stage == 2 or not a.init, 'stage 3 needs stage2.pt (the encoder of stage I is in it)'
                teacher = copy.deepcopy(model.encoder.state_dict())
            below = model.config if a.stage < 4 else smaller(model.config)
            self.teacher = Encoder(below).to(self.device).requires_grad_(False)
            self.teacher.load_state_dict(teacher)
        layout = torch.channels_last if self.cuda else torch.contiguous_format
        self.model = model.to(self.device, memory_format=layout)
        self.ema = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.detector = Detector(a.detector).to(self.device, memory_format=layout).requires_grad_(False)
        m = self.model
        m.requires_grad_(False)
        everything = [m.encoder, m.feat_emb, m.ft_layers, m.idx_pred_layer, m.generator, m.fuse_convs_dict]
        parts = {1: [m.encoder, m.generator], 2: everything[:4]}.get(a.stage, everything)
        self.parameters = [p for part in parts for p in part.parameters()] + ([m.position_emb] if a.stage > 1 else [])
        if a.stage == 4:
            fresh = is_new(m)
            self.parameters = [p for n, p in m.named_parameters() if fresh(n)]
        for p in self.parameters:
            p.requires_grad_(True)
        parameters = [(n, p) for n, p in m.named_parameters() if p.requires_grad]
        self.batch = a.batch or (4 if not self.cuda else 64 if a.stage < 4 else 24)
        self.rate = a.rate or {1: 0.02, 2: 0.01, 3: 0.01, 4: 0.005, 5: 0.0003}[a.stage]
        # What was trained before moves slower, and by shares of its size.
        slow, relative = {1: {}, 2: {'encoder': 0.5}, 3: {'fuse': 1.0, 'generator': 0.1, '': 0.3}, 4: {}, 5: {}}[a.stage], ()
        if a.stage == 3:
            relative = ('generator',)
        elif a.stage > 3:
            (first, last), count = ends(m.config), len(m.generator.blocks)
            fitted = (f'encoder.blocks.{first - 1}.', f'generator.blocks.{count + last}.', f'generator.blocks.{count - 1}.')
            if a.stage == 4:
                slow, relative = dict.fromkeys(fitted, 0.5), fitted
            else:
                fresh = is_new(m)
                slow = {n: 1.0 if fresh(n) or n.startswith('fuse') else 0.25 for n, _ in parameters}
                relative = ('encoder', 'generator', 'fuse', 'ft_layers', 'feat_emb')
        self.opt = Muon(parameters, self.rate, self.rate / 20, slow, relative)
        self.disc = PatchGAN().to(self.device, memory_format=layout)
        self.opt_d = torch.optim.Adam(self.disc.parameters(), 2e-4, (0.5, 0.99), fused=True)
        k, c = m.config['codebook'], m.config['embedding']
        self.count, self.total = torch.zeros(k, device=self.device), torch.zeros(k, c, device=self.device)
        self.ready = a.stage > 1 or bool(a.init)
        self.gathered, self.step, self.images, self.elapsed, self.minutes = [], 0, 0, 0.0, a.total or a.minutes
        if self.ready:
            self.count += 1
            self.total += m.quantize.embedding.weight.detach()
        seed = a.seed
        if state:
            self.load(state)
            for n in ('ready', 'step', 'images', 'elapsed', 'minutes'):
                setattr(self, n, state[n])
            self.minutes = a.total or max(self.minutes, self.elapsed / 60 + a.minutes if self.elapsed >= self.minutes * 60 else 0)
            seed += self.step
        elif a.stage in (3, 5) and (earlier := load_state(a, 1 if a.stage == 3 else 4)):
            self.disc.load_state_dict(earlier['disc'])
        t = time.time()
        self.faces = (Faces if a.stage < 4 else LargeFaces)(a.data, self.device, seed, a.only, self.cuda or a.resident)
        print(f'{self.faces.count} pictures in {time.time() - t:.1f} s; {self.device}; stage {a.stage}, step {self.step}, '
              f'batch {self.batch}, rate {self.rate}, parameters {sum(p.numel() for p in m.parameters()) / 1e6:.2f} M', flush=True)
        if a.stage == 3:
            if not state:
                self.model.balance(self.faces.validation(8, 'small')[1].to(self.device))
                self.ema.load_state_dict(self.model.state_dict())
        if a.stage > 2:
            self.excess = []
            for block in self.model.generator.blocks[:-2]:
                block.register_forward_hook(lambda _, __, h: self.excess.append((h.abs() - LIMIT).relu().float().square().mean()))
        self.values, self.n = {}, 0
        self.encode = torch.compile(m.encoder) if a.compile else m.encoder
        self.generate = torch.compile(m.generator) if a.compile and a.stage == 1 else m.generator

    def note(self, **values):
        for k, v in values.items():
            v = v.detach() if torch.is_tensor(v) else v
            self.values[k] = self.values.get(k, 0.0) + v

    def progress(self):
        return self.elapsed / (self.minutes * 60)

    def clock(self):
        """Seconds: by the clock where a GPU works, else of a thread, so that a machine that is busy otherwise does not shorten the schedule."""
        return time.perf_counter() if self.cuda else time.process_time() / self.a.threads

    # ---- image losses ----

    def window(self, *pictures):
        """The same random crop of each: no pattern that is fixed to the pixel grid of strided features pays."""
        dy, dx = self.faces.rng.integers(0, pictures[0].shape[-1] - 239, 2)
        return [p[..., dy:dy + 240, dx:dx + 240] for p in pictures]

    def backward(self, y, x, extra, fidelity=1.0, target=None, adversarial=True):
        """
        Backpropagates the image losses of y against x, those of pixels times `fidelity` and against `target` where it differs, and the
        `extra` scalar.
        """
        half = slice(0, max(1, len(x) // 2))     # the detector is costly: on half of the batch
        leaf, target = y.detach().float().requires_grad_(), x if target is None else target
        l1, grad = (leaf - target).abs().mean(), gradient_loss(leaf, target)
        with autocast(self.device):
            near, clean = self.window(leaf[half], x[half])
            with torch.no_grad():
                fx = self.detector(clean)
            perceptual = distance(self.detector(near), fx).mean()
        loss = fidelity * (l1 + GRADIENT * grad) + PERCEPTUAL * perceptual
        self.note(l1=l1, grad=grad, perc=perceptual)
        if TEXTURE[self.stage]:
            texture = texture_loss(leaf, x)
            loss = loss + TEXTURE[self.stage] * texture
            self.note(texture=texture)
        if COLOUR[self.stage]:
            colour = colour_loss(leaf, target)
            loss = loss + COLOUR[self.stage] * colour
            self.note(colour=colour)
        g, = torch.autograd.grad(loss, leaf)
        if adversarial and self.progress() >= GAN_FROM[self.stage]:
            with autocast(self.device):
                realism = self.disc(self.window(leaf)[0]).float().mean()
            h, = torch.autograd.grad(-realism, leaf)
            ramp = min(1.0, (self.progress() - GAN_FROM[self.stage]) / 0.05)
            g = g + GAN * ramp * h
            self.note(gan=-realism)
        roots = [(y, g.to(y.dtype))] + ([(extra, None)] if extra.requires_grad else [])
        torch.autograd.backward(*map(list, zip(*roots)))
        return leaf.detach()

    def update_disc(self, x, y):
        if self.progress() < GAN_FROM[self.stage] - 0.03:
            return
        with autocast(self.device):
            loss = hinge(*map(self.disc, self.window(x, y)))
        self.opt_d.zero_grad(set_to_none=True)
        loss.backward()
        self.opt_d.step()
        self.note(disc=loss)

    # ---- stages ----

    def quantise(self, z):
        """Straight-through codes; the codebook follows by moving averages, codes out of use restart at vectors of the batch."""
        book = self.model.quantize
        if not self.ready:
            if self.progress() >= WARM:
                self.gathered.append(z.detach().float().permute(0, 2, 3, 1).flatten(0, 2))
                if sum(len(v) for v in self.gathered) >= 32 * len(self.count) or self.a.only:
                    with torch.autocast(self.device.type, enabled=False):
                        centres = kmeans(torch.cat(self.gathered), len(self.count))
                    book.embedding.weight.copy_(centres)
                    self.ema.quantize.embedding.weight.copy_(centres)
                    self.count.fill_(z[:, 0].numel() / len(self.count))
                    self.total.copy_(centres * self.count[:, None])
                    self.ready, self.gathered = True, []
                    print('codebook initialised at step', self.step, flush=True)
            return z, z.new_zeros(())
        idx = book.nearest(z)
        q = book.lookup(idx)
        flat, i = z.detach().float().permute(0, 2, 3, 1).flatten(0, 2), idx.flatten()
        count = torch.zeros_like(self.count).index_add_(0, i, torch.ones_like(i, dtype=torch.float32))
        self.count.mul_(DECAY).add_(count, alpha=1 - DECAY)
        self.total.mul_(DECAY).add_(torch.zeros_like(self.total).index_add_(0, i, flat), alpha=1 - DECAY)
        mean = len(flat) / len(self.count)
        dead = self.count < 0.1 * mean
        fresh = flat[torch.randint(len(flat), (len(self.count),), device=z.device)]
        self.count.copy_(torch.where(dead, mean, self.count))
        self.total.copy_(torch.where(dead[:, None], fresh * mean, self.total))
        book.embedding.weight.copy_(self.total / self.count[:, None])
        p = self.count / self.count.sum()
        self.note(perplexity=torch.exp(-(p * (p + 1e-9).log()).sum()), dead=dead.sum().float())
        return z + (q - z).detach(), (z - q.detach()).square().mean()

    def stage1(self):
        x = self.faces.clean(self.batch)
        with autocast(self.device):
            z = self.encode(x).float()
            q, commit = self.quantise(z)
            y = self.generate(q)
        self.note(commit=commit)
        y = self.backward(y, x, COMMIT * commit)
        self.apply()
        self.update_disc(x, y)

    def codes(self, x, lq, logits):
        """Feature and cross-entropy losses against the codes of the clean pictures."""
        with torch.no_grad(), autocast(self.device):
            idx = self.model.quantize.nearest(self.teacher(x if self.stage < 4 else shrink(x)))
        target = self.model.quantize.lookup(idx)
        feature = (lq.float() - target).square().mean()
        entropy = F.cross_entropy(logits.float().flatten(0, 1), idx.flatten())
        self.note(feature=feature, entropy=entropy, accuracy=(logits.argmax(-1) == idx).float().mean())
        return feature + 0.5 * entropy

    def stage2(self):
        x = self.faces.clean(self.batch)
        small = self.batch // 4
        bad = torch.cat([self.faces.degraded(x[:small], 'small'), self.faces.degraded(x[small:], 'large')])
        with autocast(self.device):
            lq = self.encode(bad).float()
            logits = self.model.logits(lq)
        self.codes(x, lq, logits).backward()
        self.apply()

    def stage3(self):
        x = self.faces.clean(self.batch)
        kind, w = TURNS[self.step % len(TURNS)]
        if w is None:
            w = 0.2 + 0.8 * float(self.faces.rng.random())
        bad = self.faces.degraded(x, kind)
        taps = {}
        with autocast(self.device):
            lq = self.model.encoder(bad, taps).float()
            logits = self.model.logits(lq)
            y = self.model.decode(logits.argmax(-1), lq, taps, w)
        outliers, self.excess = sum(self.excess), []
        self.note(outliers=outliers)
        y = self.backward(y, x, self.codes(x, lq, logits) + OUTLIERS * outliers, FREE if w == 0 else 1.0)
        self.apply()
        self.update_disc(x, y)

    def stage4(self):
        """The new levels alone: nothing flows back through the others but the losses of codes through the encoder."""
        self.enlarged(True)

    def stage5(self):
        self.enlarged(False)

    def enlarged(self, frozen):
        rng = self.faces.rng
        large, kind = rng.random() < LARGE, rng.choice(list(KINDS), p=list(KINDS.values()))
        w = float(rng.choice([0, 1, rng.random()], p=[0.2, 0.2, 0.6]))
        x = self.faces.clean(self.batch, large)
        if not large:
            x = enlarge(x).clamp(-1, 1)
        bad = self.faces.degraded(x, kind)
        taps, size = {}, self.model.config['size'] // self.model.config['patch']
        with autocast(self.device):
            lq = self.model.encoder(bad, taps).float()
            logits = self.model.logits(lq)
            idx, style = logits.argmax(-1), lq.detach() if frozen else lq
            if frozen:
                taps = {s: t if s >= size // 2 else t.detach() for s, t in taps.items()}
            y, target = self.model.decode(idx, style, taps, w), x
            if w > 0:
                with torch.no_grad():
                    target = between(self.model.decode(idx, lq).float(), x, bad, w)
        outliers, self.excess = sum(self.excess), []
        self.note(outliers=outliers)
        extra = self.codes(x, lq, logits) + OUTLIERS * outliers
        if not large:       # the finest level is not judged by pictures that lack it
            y, x, target = shrink(y.float()), shrink(x), shrink(target)
        y = self.backward(y, x, extra, FREE + (1 - FREE) * w, target, large)
        self.apply()
        if large:
            self.update_disc(x, y)

    # ---- loop ----

    def apply(self):
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        warm = min(1.0, (self.step + 1) / 50)
        self.opt.step(warm * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress())))))
        self.opt.zero_grad()
        d = min(0.998, (1 + self.step) / (20 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self.averaged, self.sources, 1 - d)
            self.ema.quantize.embedding.weight.copy_(self.model.quantize.embedding.weight)

    def run(self):
        trained = {id(p) for p in self.parameters}
        pairs = [(e, p) for e, p in zip(self.ema.parameters(), self.model.parameters()) if id(p) in trained]
        self.averaged, self.sources = [e for e, _ in pairs], [p.data for _, p in pairs]
        step = getattr(self, f'stage{self.stage}')
        start = last = self.clock()
        saved = logged = time.time()
        images, self.good = 0, self.snapshot()
        while self.clock() - start < self.a.minutes * 60 and self.progress() < 1:
            step()
            self.step += 1
            self.images += self.batch
            images += self.batch
            self.n += 1
            if self.step % 50 == 0 or time.time() - logged > 30:
                values = {k: float(v) / self.n for k, v in self.values.items()}
                now = time.time()
                line = dict(stage=self.stage, step=self.step, images=self.images, minutes=round(self.elapsed / 60, 1),
                            rate=round(images / (now - logged), 2), **{k: round(v, 4) for k, v in values.items()})
                self.log(line)
                self.settle()
                self.values, self.n, images, logged = {}, 0, 0, now
            seconds = self.clock()
            self.elapsed += seconds - last
            last, now = seconds, time.time()
            if now - saved > self.a.every * 60:
                self.finish()
                saved = time.time()
                logged += saved - now
                last = self.clock()
        self.finish()

    def log(self, line):
        with open(os.path.join(self.a.run, 'log.jsonl'), 'a') as f:
            f.write(json.dumps(line) + '\n')
        print(json.dumps(line), flush=True)

    def state(self):
        return dict(config=self.model.config, model=self.model.state_dict(), ema=self.ema.state_dict(), opt=self.opt.state_dict(),
                    opt_d=self.opt_d.state_dict(), disc=self.disc.state_dict(), count=self.count, total=self.total, ready=self.ready,
                    step=self.step, images=self.images, elapsed=self.elapsed, minutes=self.minutes)

    def snapshot(self):
        return copy.deepcopy(self.state())

    @torch.no_grad()
    def settle(self):
        """Keeps a copy of what was trained, or goes back to the last one when it is not finite any more."""
        norms = torch._foreach_norm([*self.parameters, *self.disc.parameters(), self.total])
        if not torch.stack(norms).isfinite().all():
            print('diverged: back to the last good state', flush=True)
            self.load(self.good)
        self.good = self.snapshot()

    def load(self, state):
        """What is trained, not how far it is. The optimisers may keep tensors of `state`."""
        self.model.load_state_dict(state['model'])
        self.ema.load_state_dict(state['ema'])
        if 'opt' in state:
            self.opt.load_state_dict(state['opt'])
            self.opt_d.load_state_dict(state['opt_d'])
        self.disc.load_state_dict(state['disc'])
        self.count.copy_(state['count'])
        self.total.copy_(state['total'])

    def finish(self):
        self.settle()
        self.preview()
        state = self.state()
        if self.stage > 1:
            state['teacher'] = self.teacher.state_dict()
        save(self.path, state)
        if self.a.slim:
            os.makedirs(self.a.slim, exist_ok=True)
            state['ema'] = state['model'] = halve(state['ema'])
            state['disc'] = halve(state['disc'])
            if 'teacher' in state:
                state['teacher'] = halve(state['teacher'])
            state.pop('opt'), state.pop('opt_d')
            save_pieces(os.path.join(self.a.slim, f'stage{self.stage}.slim'), state)
        export(os.path.join(self.a.run, f'stage{self.stage}.safetensors'), self.ema, dict(stage=str(self.stage), images=str(self.images)))

    @torch.no_grad()
    def preview(self):
        m, line = self.ema, dict(validation=self.stage, step=self.step, images=self.images)
        rows, later = [], self.stage > 1
        fidelities = (0, 0.5, 1) if self.stage < 4 else SLIDER
        for kind in ('small', 'large') if later else ('clean',):
            x, bad = self.faces.validation(self.a.only or (24 if self.stage < 4 else 8), kind if later else 'small')
            results = {}
            for one, other in zip(x.split(4), bad.split(4)):
                with autocast(self.device):
                    if later:
                        taps, lq, logits = m.encode(other)
                        idx, lq = logits.argmax(-1), lq.float()
                        made = {f'w{w:g}': m.decode(idx, lq, taps, w).float() for w in fidelities}
                        best = m.quantize.nearest(self.teacher(one if self.stage < 4 else shrink(one)))
                        results.setdefault('accuracy', []).append((idx == best).float())
                    else:
                        z = m.encoder(one).float()
                        q = m.quantize.lookup(m.quantize.nearest(z)) if self.ready else z
                        made = {'codes': m.generator(q).float()}
                for name, y in made.items():
                    results.setdefault(name, []).append(y)
            columns = {name: torch.cat(parts) for name, parts in results.items() if name != 'accuracy'}
            if later:
                line[kind + ' accuracy'] = round(torch.cat(results['accuracy']).mean().item(), 4)
                line[kind + ' degraded'] = round(psnr(bad, x), 2)
            with autocast(self.device):
                features = self.detector(x)
                for name, y in columns.items():
                    line[f'{kind} {name}'] = round(psnr(y, x), 2)
                    line[f'{kind} {name} input'] = round(psnr(y, bad), 2)
                    line[f'{kind} {name} distance'] = round(distance(self.detector(y), features).mean().item(), 4)
                    line[f'{kind} {name} sharpness'] = round(sharpness(y, x), 3)
            shown = [*([bad] if later else [x]), *columns.values(), *([x] if later else [])]
            rows.append(torch.cat([c.float()[:4 if later else 6] for c in shown], 3).cpu())
        self.log(line)
        grid = torch.cat([r for rs in rows for r in rs], 1)
        grid = ((grid.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).flip(2).numpy()
        cv2.imwrite(os.path.join(self.a.run, 'preview', f'stage{self.stage}-{self.step:07d}.jpg'), np.ascontiguousarray(grid))


if __name__ == '__main__':
    Trainer(arguments()).run()
