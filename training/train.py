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
from data import Faces
from losses import Detector, PatchGAN, distance, gradient_loss, hinge, texture_loss
from model import CONFIGS, Restorer
from muon import Muon

LICENCE = 'Trained on generated faces, part of them CC BY-NC-SA 4.0: non-commercial use only.'
WARM, GAN_FROM = 0.06, {1: 0.4, 3: 0.0}      # stage I: share of the time without codebook; share after which the GAN joins
DECAY, COMMIT, PERCEPTUAL, GRADIENT, GAN, TEXTURE = 0.98, 0.25, 1.0, 1.0, {1: 0.05, 3: 0.05}, {1: 0.0, 3: 0.5}
# Stage III, in turn: degradation and w; None is drawn. With w = 1 only, the colours at 0.5 go wrong; without large ones, fusion adds
# artefacts to strongly degraded faces; w = 0 because the generator moves, too.
TURNS = (('small', 1), ('small', None), ('large', None), ('small', 0), ('small', 1), ('small', None), ('large', None), ('large', 0))
FREE = 0.75     # weight of what compares pixels at w = 0, where codes are chosen from few clues: all of it blurs, a quarter makes pictures harsh
# Stage III: few pixels at the border, by which the generator steers its norms and which come out as coloured marks, are pressed below
# LIMIT deviations.
OUTLIERS, LIMIT = 0.1, 8.0


def arguments():
    a = argparse.ArgumentParser()
    a.add_argument('--stage', type=int, required=True, choices=[1, 2, 3])
    a.add_argument('--minutes', type=float, required=True, help='of this call, in processor time of a thread')
    a.add_argument('--total', type=float, help='the whole stage over all calls (learning rate, GAN); default: --minutes')
    a.add_argument('--run', required=True)
    a.add_argument('--config', default='s', help='name in model.py or JSON')
    a.add_argument('--data', nargs='+', required=True, help='folders of faces-256-*.tar or of pictures')
    a.add_argument('--detector', required=True, help='RetinaFace mobile0.25 checkpoint, for its features')
    a.add_argument('--init', help='safetensors to start from instead of the previous stage in --run')
    a.add_argument('--slim', help='folder: also write the state there without optimiser, in half precision and in pieces of at most 15 MiB, '
                                  'and start from it when --run has no state')
    a.add_argument('--batch', type=int)
    a.add_argument('--rate', type=float)
    a.add_argument('--threads', type=int, default=1)
    a.add_argument('--seed', type=int, default=0)
    a.add_argument('--only', type=int, help='train and validate on the first N pictures, without augmentation (to test)')
    a.add_argument('--compile', action='store_true')
    a.add_argument('--every', type=float, default=5, help='minutes between previews and saves')
    return a.parse_args()


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
            model.load_state_dict(state['model'])
        elif a.init:
            model = load_exported(a.init)
        elif before:
            model = Restorer(before['config'])
            model.load_state_dict(before['ema'])
            teacher = before.get('teacher')
        else:
            assert a.stage == 1, 'stages 2 and 3 need the stage before, or --init'
            model = Restorer(CONFIGS[a.config] if a.config in CONFIGS else json.loads(a.config)).initialise()
        # The clean-picture encoder whose codes are the targets: that of stage I.
        if a.stage > 1:
            if state:
                teacher = state['teacher']
            elif a.init or teacher is None:
                assert a.stage == 2 or not a.init, 'stage 3 needs stage2.pt (the encoder of stage I is in it)'
                teacher = copy.deepcopy(model.encoder.state_dict())
            self.teacher = copy.deepcopy(model.encoder).to(self.device).requires_grad_(False)
            self.teacher.load_state_dict(teacher)
        layout = torch.channels_last if self.cuda else torch.contiguous_format
        self.model = model.to(self.device, memory_format=layout)
        self.ema = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.detector = Detector(a.detector).to(self.device, memory_format=layout).requires_grad_(False)
        m = self.model
        m.requires_grad_(False)
        parts = {1: [m.encoder, m.generator], 2: [m.encoder, m.feat_emb, m.ft_layers, m.idx_pred_layer],
                 3: [m.encoder, m.feat_emb, m.ft_layers, m.idx_pred_layer, m.generator, m.fuse_convs_dict]}[a.stage]
        self.parameters = [p for part in parts for p in part.parameters()] + ([m.position_emb] if a.stage > 1 else [])
        for p in self.parameters:
            p.requires_grad_(True)
        named = [(n, p) for n, p in m.named_parameters() if p.requires_grad]
        self.batch = a.batch or (64 if self.cuda else 4)
        self.rate = a.rate or {1: 0.02, 2: 0.01, 3: 0.01}[a.stage]
        slow = {1: {}, 2: {'encoder': 0.5}, 3: {'fuse': 1.0, 'generator': 0.1, '': 0.3}}[a.stage]     # what was trained before moves slower
        self.opt = Muon(named, self.rate, self.rate / 20, slow, ('generator',) if a.stage == 3 else ())
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
            self.ema.load_state_dict(state['ema'])
            if 'opt' in state:
                self.opt.load_state_dict(state['opt'])
                self.opt_d.load_state_dict(state['opt_d'])
            self.disc.load_state_dict(state['disc'])
            self.count, self.total = state['count'].to(self.device), state['total'].to(self.device)
            for n in ('ready', 'step', 'images', 'elapsed', 'minutes'):
                setattr(self, n, state[n])
            self.minutes = a.total or max(self.minutes, self.elapsed / 60 + a.minutes if self.elapsed >= self.minutes * 60 else 0)
            seed += self.step
        elif a.stage == 3 and (first := load_state(a, 1)):
            self.disc.load_state_dict(first['disc'])
        t = time.time()
        self.faces = Faces(a.data, self.device, seed, a.only)
        print(f'{len(self.faces.pictures)} pictures in {time.time() - t:.1f} s; {self.device}; stage {a.stage}, step {self.step}, '
              f'batch {self.batch}, rate {self.rate}, parameters {sum(p.numel() for p in m.parameters()) / 1e6:.2f} M', flush=True)
        if a.stage == 3:
            if not state:
                self.model.balance(self.faces.validation(8, 'small')[1].to(self.device))
                self.ema.load_state_dict(self.model.state_dict())
            self.excess = []
            for block in self.model.generator.blocks[:-2]:
                block.register_forward_hook(lambda _, __, h: self.excess.append((h.abs() - LIMIT).relu().float().square().mean()))
        self.values, self.n = {}, 0
        self.encode = torch.compile(m.encoder) if a.compile else m.encoder
        self.generate = torch.compile(m.generator) if a.compile and a.stage == 1 else m.generator

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16)

    def note(self, **values):
        for k, v in values.items():
            v = v.detach() if torch.is_tensor(v) else v
            self.values[k] = self.values.get(k, 0.0) + v

    def progress(self):
        return self.elapsed / (self.minutes * 60)

    # ---- image losses ----

    def window(self, *pictures):
        """The same random crop of each: no pattern that is fixed to the pixel grid of strided features pays."""
        dy, dx = self.faces.rng.integers(0, 17, 2)
        return [p[..., dy:dy + 240, dx:dx + 240] for p in pictures]

    def backward(self, y, x, extra, fidelity=1.0):
        """Backpropagates the image losses of y against x, those of pixels times `fidelity`, and the `extra` scalar."""
        half = slice(0, max(1, len(x) // 2))     # the detector is costly: on half of the batch
        leaf = y.detach().float().requires_grad_()
        l1, grad = (leaf - x).abs().mean(), gradient_loss(leaf, x)
        with self.autocast():
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
        g, = torch.autograd.grad(loss, leaf)
        if self.progress() >= GAN_FROM[self.stage]:
            with self.autocast():
                adversarial = -self.disc(self.window(leaf)[0]).float().mean()
            h, = torch.autograd.grad(adversarial, leaf)
            ramp = min(1.0, (self.progress() - GAN_FROM[self.stage]) / 0.05)
            g = g + GAN[self.stage] * ramp * h
            self.note(gan=adversarial)
        roots = [(y, g.to(y.dtype))] + ([(extra, None)] if extra.requires_grad else [])
        torch.autograd.backward(*map(list, zip(*roots)))
        return leaf.detach()

    def update_disc(self, x, y):
        if self.progress() < GAN_FROM[self.stage] - 0.03:
            return
        with self.autocast():
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
        with self.autocast():
            z = self.encode(x).float()
            q, commit = self.quantise(z)
            y = self.generate(q)
        self.note(commit=commit)
        y = self.backward(y, x, COMMIT * commit)
        self.apply()
        self.update_disc(x, y)

    def codes(self, x, lq, logits):
        """Feature and cross-entropy losses against the codes of the clean pictures."""
        with torch.no_grad(), self.autocast():
            idx = self.model.quantize.nearest(self.teacher(x))
        target = self.model.quantize.lookup(idx)
        feature = (lq.float() - target).square().mean()
        entropy = F.cross_entropy(logits.float().flatten(0, 1), idx.flatten())
        self.note(feature=feature, entropy=entropy, accuracy=(logits.argmax(-1) == idx).float().mean())
        return feature + 0.5 * entropy

    def stage2(self):
        x = self.faces.clean(self.batch)
        small = self.batch // 4
        bad = torch.cat([self.faces.degraded(x[:small], 'small'), self.faces.degraded(x[small:], 'large')])
        with self.autocast():
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
        with self.autocast():
            lq = self.model.encoder(bad, taps).float()
            logits = self.model.logits(lq)
            y = self.model.decode(logits.argmax(-1), lq, taps, w)
        outliers, self.excess = sum(self.excess), []
        self.note(outliers=outliers)
        y = self.backward(y, x, self.codes(x, lq, logits) + OUTLIERS * outliers, FREE if w == 0 else 1.0)
        self.apply()
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
        start = last = time.process_time()
        saved = logged = time.time()
        images = 0
        while (time.process_time() - start) / self.a.threads < self.a.minutes * 60 and self.progress() < 1:
            step()
            self.step += 1
            self.images += self.batch
            images += self.batch
            self.n += 1
            if self.step % 50 == 0 or time.time() - logged > 30:
                if self.cuda:
                    torch.cuda.synchronize()
                values = {k: float(v) / self.n for k, v in self.values.items()}
                now = time.time()
                line = dict(stage=self.stage, step=self.step, images=self.images, minutes=round(self.elapsed / 60, 1),
                            rate=round(images / (now - logged), 2), **{k: round(v, 4) for k, v in values.items()})
                with open(os.path.join(self.a.run, 'log.jsonl'), 'a') as f:
                    f.write(json.dumps(line) + '\n')
                print(json.dumps(line), flush=True)
                assert all(math.isfinite(v) for v in values.values()), 'diverged: resume from the last save'
                self.values, self.n, images, logged = {}, 0, 0, now
            cpu = time.process_time()
            self.elapsed += (cpu - last) / self.a.threads      # a machine that is busy otherwise does not shorten the schedule
            last, now = cpu, time.time()
            if now - saved > self.a.every * 60:
                self.finish()
                saved = time.time()
                logged += saved - now
                last = time.process_time()
        self.finish()

    def finish(self):
        self.preview()
        state = dict(config=self.model.config, model=self.model.state_dict(), ema=self.ema.state_dict(), opt=self.opt.state_dict(),
                     opt_d=self.opt_d.state_dict(), disc=self.disc.state_dict(), count=self.count, total=self.total, ready=self.ready,
                     step=self.step, images=self.images, elapsed=self.elapsed, minutes=self.minutes)
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
        rows = []
        for kind in ('small', 'large'):
            x, bad = self.faces.validation(self.a.only or 24, kind)
            with self.autocast():
                if self.stage == 1:
                    z = m.encoder(x).float()
                    q = m.quantize.lookup(m.quantize.nearest(z)) if self.ready else z
                    columns = [m.generator(q).float()]
                    names = ['clean']
                else:
                    taps, lq, logits = m.encode(bad)
                    idx, lq = logits.argmax(-1), lq.float()
                    columns = [m.decode(idx, lq, taps, w).float() for w in (0, 0.5, 1)]
                    names = ['w0', 'w05', 'w1']
                    best = m.quantize.nearest(self.teacher(x))
                    line[kind + ' accuracy'] = round((idx == best).float().mean().item(), 4)
                    line[kind + ' degraded'] = round(psnr(bad, x), 2)
                f = self.detector(x)
                for name, y in zip(names, columns):
                    line[f'{kind} {name}'] = round(psnr(y, x), 2)
                    line[f'{kind} {name} distance'] = round(distance(self.detector(y), f).mean().item(), 4)
                    line[f'{kind} {name} sharpness'] = round(sharpness(y, x), 3)
            columns = [bad] + columns + [x] if self.stage > 1 else [x] + columns
            rows.append(torch.cat([c.float()[:6] for c in columns], 3).cpu())
            if self.stage == 1:
                break
        print(json.dumps(line), flush=True)
        with open(os.path.join(self.a.run, 'log.jsonl'), 'a') as f:
            f.write(json.dumps(line) + '\n')
        grid = torch.cat([r for rs in rows for r in (rs if self.stage == 1 else rs[:4])], 1)
        grid = ((grid.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).flip(2).numpy()
        cv2.imwrite(os.path.join(self.a.run, 'preview', f'stage{self.stage}-{self.step:07d}.png'), np.ascontiguousarray(grid))


if __name__ == '__main__':
    Trainer(arguments()).run()
