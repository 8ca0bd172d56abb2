"""Trains, measures and draws the upscaler by 2: upscaler.py --run DIR --data FOLDERS --minutes 30. See README.md."""
import argparse
import copy
import glob
import json
import math
import os
import tarfile
import time

os.environ.setdefault('OMP_NUM_THREADS', '1')
import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from losses import gradient_loss
from muon import Muon
from precision import autocast

LICENCE = 'Trained on generated faces and photos without people, part of them CC BY-NC-SA 4.0 or for research: non-commercial use only.'
FACES_HELD_OUT, BACKGROUNDS_HELD_OUT = 200, 80      # the last pictures of the last faces tar and of backgrounds.tar
EDGE, SLOPE = 2, 0.2                                # mirrored pixels around the input; of the leaky ReLU
PATCH, MARGIN = 64, 12                              # side of training inputs; what degradations may spoil around them
WARM, AVERAGE, GRADIENT = 50, 0.998, 0.25

# Probability and range of each step. Blur is in pixels of the large picture; noise in 1/255.
TRAINING = dict(clean=0.15, blur=(0.6, 0, 2), noise=(0.6, 0, 10), jpeg=(0.65, 40, 95))
LEVELS = {
    'light': dict(clean=1.0),
    'medium': dict(clean=0.0, blur=(1, 0.5, 1.2), noise=(1, 1, 4), jpeg=(1, 75, 95)),
    'heavy': dict(clean=0.0, blur=(1, 1.0, 2.0), noise=(1, 4, 10), jpeg=(1, 40, 70)),
}
SHRINK = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)


# ---- the network ----

def interpolation():
    """conv_last on the 12 un-shuffled channels as Lanczos interpolation (a = 3, as far as three cells reach): [48,12,3,3]."""
    # Output o of the four of a cell lies at (o - 0.5) / 2 pixels from the cell's first; taps -2 to 3 are those of three cells.
    rows = np.array([[np.sinc(t) * np.sinc(t / 3) * (abs(t) < 3) for t in ((o - 0.5) / 2 - tap for tap in range(-2, 4))] for o in range(4)])
    rows = torch.tensor(rows / rows.sum(1, keepdims=True), dtype=torch.float32)
    w = torch.zeros(3, 4, 4, 3, 2, 2, 3, 3)         # colour, output y and x, colour, pixel of the cell y and x, cell y and x
    taps = rows.view(4, 3, 2).permute(0, 2, 1)      # output, pixel of the cell, cell
    for c in range(3):
        w[c, :, :, c] = torch.einsum('opc,qrd->oqprcd', taps, taps)
    return w.view(48, 12, 3, 3)


class Upscaler(nn.Module):
    """Residual blocks at half the size of the input; begins as Lanczos interpolation. [B,3,H,W] in 0..1, even sides, to [B,3,2H,2W]."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        c = config['channels']
        self.conv_first = nn.Conv2d(12, c, 3, 1, 1)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(dict(conv1=nn.Conv2d(c, c, 3, 1, 1), conv2=nn.Conv2d(c, c, 3, 1, 1))) for _ in range(config['blocks']))
        self.conv_last = nn.Conv2d(c + 12, 48, 3, 1, 1)

    def initialise(self):
        for name, m in self.named_modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, SLOPE)
                nn.init.zeros_(m.bias)
                if name.endswith('conv2'):
                    nn.init.zeros_(m.weight)
        with torch.no_grad():
            self.conv_last.weight[:, :-12] = 0
            self.conv_last.weight[:, -12:] = interpolation()
        return self

    def forward(self, x):
        cells = F.pixel_unshuffle(x, 2)
        h = self.conv_first(cells).float()
        for b in self.blocks:
            h = h + b['conv2'](F.leaky_relu(b['conv1'](h), SLOPE))
        # The picture itself goes through here: bfloat16 would round it.
        with torch.autocast(x.device.type, enabled=False):
            return F.pixel_shuffle(self.conv_last(torch.cat([h, cells], 1)), 4)

    def enlarge(self, x):
        """As the library does it: with EDGE mirrored pixels around, which then go again, for a picture of any size."""
        h, w = x.shape[2:]
        y = self(F.pad(x, (EDGE, EDGE + w % 2, EDGE, EDGE + h % 2), 'reflect'))
        return y[..., 2 * EDGE:2 * (EDGE + h), 2 * EDGE:2 * (EDGE + w)]


def export(path, model, note):
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in model.state_dict().items()}
    save_file(tensors, path + '.part', {'config': json.dumps(model.config), 'licence': LICENCE, **note})
    os.replace(path + '.part', path)
    print(f'exported {os.path.getsize(path) / 1e6:.2f} MB', flush=True)


def load_exported(path):
    with safe_open(path, 'pt') as f:
        model = Upscaler(json.loads(f.metadata()['config']))
    model.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    return model


# ---- pictures ----

def members(path):
    with tarfile.open(path) as tar:
        return [(m.name, np.frombuffer(tar.extractfile(m).read(), np.uint8)) for m in tar if m.isfile()]


def decode(data):
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


class Pictures:
    """Compressed faces and decoded backgrounds, all BGR; the held-out ones apart."""

    def __init__(self, folders):
        tars = sorted(p for f in folders for p in glob.glob(os.path.join(f, 'faces-256-*.tar')))
        faces = [m for p in tars for m in members(p)]
        backgrounds = [m for f in folders for p in glob.glob(os.path.join(f, 'backgrounds.tar')) for m in members(p)]
        self.held_out = dict(faces=faces[-FACES_HELD_OUT:], backgrounds=backgrounds[-BACKGROUNDS_HELD_OUT:])
        self.faces = [d for _, d in faces[:-FACES_HELD_OUT]]
        weights = np.array([0.5 if 'studio' in n else 1.0 for n, _ in faces[:-FACES_HELD_OUT]])
        self.face_weights = weights / weights.sum()
        kept = backgrounds[:-BACKGROUNDS_HELD_OUT]
        self.backgrounds = [decode(d) for _, d in kept]
        weights = np.array([0.35 if 'cloth' in n else 1.0 for n, _ in kept])      # textiles are half of them and much alike
        self.background_weights = weights / weights.sum()

    def draw(self, rng):
        """A picture at least as large as a training crop with its margin."""
        if rng.random() < 0.4:
            return decode(self.faces[rng.choice(len(self.faces), p=self.face_weights)])
        x = self.backgrounds[rng.choice(len(self.backgrounds), p=self.background_weights)]
        least = 2 * (PATCH + 2 * MARGIN)
        scale = max(rng.uniform(0.5, 1), least / min(x.shape[:2]))
        # Smaller pictures are sharper, and free of the marks of their own compression.
        if rng.random() < 0.5 and scale < 1:
            x = cv2.resize(x, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return x


def degrade(x, rng, plan):
    """uint8 BGR with even sides to uint8 of half the size. Every number is drawn whatever is done with it, so that a seed means the same."""
    shrink, clean = SHRINK[rng.integers(len(SHRINK))], rng.random() < plan['clean']
    steps = {k: (rng.random(), rng.random()) for k in ('blur', 'noise', 'jpeg')}
    ratio, grey, full = rng.uniform(0.6, 1), rng.random() < 0.4, rng.random() < 0.3
    chosen = lambda k: None if clean or steps[k][0] >= plan[k][0] else plan[k][1] + steps[k][1] * (plan[k][2] - plan[k][1])
    sigma, noise, quality = chosen('blur'), chosen('noise'), chosen('jpeg')
    x = x.astype(np.float32)
    if sigma is not None and sigma > 0.1:
        x = cv2.GaussianBlur(x, (0, 0), sigma, sigmaY=sigma * ratio)
    x = cv2.resize(x, (x.shape[1] // 2, x.shape[0] // 2), interpolation=shrink)
    if noise is not None:
        n = rng.standard_normal(x.shape, dtype=np.float32)
        x = x + np.float32(noise) * (n[..., :1] if grey else n)
    x = np.rint(np.clip(x, 0, 255)).astype(np.uint8)
    if quality is not None:
        sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
        x = decode(cv2.imencode('.jpg', x, [cv2.IMWRITE_JPEG_QUALITY, int(quality), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling])[1])
    return x


def training_pair(pictures, rng):
    """Small and large crop, uint8 BGR; the grid of the compression lies anywhere in them."""
    x = pictures.draw(rng)
    whole = 2 * (PATCH + 2 * MARGIN)
    top, left = (int(rng.integers(0, s - whole + 1)) for s in x.shape[:2])
    x = x[top:top + whole, left:left + whole]
    if rng.random() < 0.5:
        x = x[:, ::-1]
    if rng.random() < 0.5:
        x = x.transpose(1, 0, 2)
    if rng.random() < 0.1:
        x = x[..., rng.permutation(3)]
    if rng.random() < 0.05:
        x = np.repeat(cv2.cvtColor(np.ascontiguousarray(x), cv2.COLOR_BGR2GRAY)[..., None], 3, 2)
    x = np.ascontiguousarray(x)
    small = degrade(x, rng, TRAINING)
    dy, dx = rng.integers(4, 2 * MARGIN - 3, 2)
    return small[dy:dy + PATCH, dx:dx + PATCH], x[2 * dy:2 * (dy + PATCH), 2 * dx:2 * (dx + PATCH)]


def batch_of(pictures, rng, count):
    pairs = [training_pair(pictures, rng) for _ in range(count)]
    return tuple(to_tensor(np.stack(side)) for side in zip(*pairs))


def to_tensor(bgr):
    return torch.from_numpy(np.ascontiguousarray(bgr[..., ::-1])).permute(0, 3, 1, 2).float() / 255


def to_picture(tensor):
    return np.ascontiguousarray((tensor[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()[..., ::-1])


def validation(pictures, kind, count, level, seed=1):
    """Pairs (name, small, large) of held-out pictures, the same ones every time."""
    held = pictures.held_out[kind]
    for i, (name, data) in enumerate(held[::max(1, len(held) // count)][:count]):
        x = decode(data)
        x = x[:x.shape[0] // 2 * 2, :x.shape[1] // 2 * 2]
        yield name, degrade(x, np.random.default_rng([seed, i]), LEVELS[level]), x


# ---- training ----

class Trainer:
    def __init__(self, a):
        self.a = a
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        torch.set_num_threads(a.threads)
        cv2.setNumThreads(1)
        torch.manual_seed(a.seed)
        os.makedirs(a.run, exist_ok=True)
        self.path = os.path.join(a.run, 'upscaler.pt')
        state = torch.load(self.path, map_location='cpu', weights_only=False) if os.path.exists(self.path) else None
        self.step, self.elapsed, self.minutes = 0, 0.0, a.total or a.minutes
        model = Upscaler(state['config']) if state else Upscaler(dict(channels=a.channels, blocks=a.blocks)).initialise()
        if state:
            model.load_state_dict(state['model'])
        self.model = model.to(self.device, memory_format=torch.channels_last)
        self.ema = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.opt = Muon(list(self.model.named_parameters()), a.rate, a.rate / 100, edges=('conv_first', 'conv_last'))
        if state:
            self.ema.load_state_dict(state['ema'])
            self.opt.load_state_dict(state['opt'])
            self.step, self.elapsed = state['step'], state['elapsed']
            self.minutes = a.total or max(state['minutes'], self.elapsed / 60 + a.minutes if self.elapsed >= state['minutes'] * 60 else 0)
        self.rng = np.random.default_rng(a.seed + self.step)
        self.pictures = Pictures(a.data)
        print(f'{len(self.pictures.faces)} faces, {len(self.pictures.backgrounds)} backgrounds; {self.device}; step {self.step}, '
              f'parameters {sum(p.numel() for p in self.model.parameters()) / 1e6:.3f} M', flush=True)

    def progress(self):
        return self.elapsed / (self.minutes * 60)

    def train_step(self):
        small, large = (t.to(self.device, memory_format=torch.channels_last) for t in batch_of(self.pictures, self.rng, self.a.batch))
        with autocast(self.device):
            y = self.model.enlarge(small)
        loss = ((y - large).square() + 1e-6).sqrt().mean() + GRADIENT * gradient_loss(y, large, 1)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 0.5)
        rate = min(1, (self.step + 1) / WARM) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, self.progress()))))
        self.opt.step(rate)
        self.opt.zero_grad()
        with torch.no_grad():
            d = min(AVERAGE, (1 + self.step) / (20 + self.step))
            torch._foreach_lerp_(list(self.ema.parameters()), [p.data for p in self.model.parameters()], 1 - d)
        self.step += 1
        return float(loss.detach())

    def run(self):
        last = start = time.process_time()
        saved, losses = self.elapsed, []
        while (time.process_time() - start) / self.a.threads < self.a.minutes * 60 and self.progress() < 1:
            losses.append(self.train_step())
            assert math.isfinite(losses[-1]), 'diverged: resume from the last save'
            now = time.process_time()
            self.elapsed += (now - last) / self.a.threads      # a machine that is busy otherwise does not shorten the schedule
            last = now
            if self.step % 250 == 0:
                self.log(step=self.step, minutes=round(self.elapsed / 60, 2), loss=round(sum(losses) / len(losses), 5))
                losses = []
            if self.elapsed - saved > self.a.every * 60:
                self.save()
                saved, last = self.elapsed, time.process_time()
        self.save()

    def log(self, **line):
        print(json.dumps(line), flush=True)
        with open(os.path.join(self.a.run, 'upscaler.jsonl'), 'a') as f:
            f.write(json.dumps(line) + '\n')

    def save(self):
        state = dict(config=self.model.config, model=self.model.state_dict(), ema=self.ema.state_dict(), opt=self.opt.state_dict(),
                     step=self.step, elapsed=self.elapsed, minutes=self.minutes)
        torch.save(state, self.path + '.part')
        os.replace(self.path + '.part', self.path)
        export(os.path.join(self.a.run, 'upscaler.safetensors'), self.ema, dict(steps=str(self.step), minutes=f'{self.elapsed / 60:.1f}'))
        line = dict(validation=self.step)
        for kind in ('faces', 'backgrounds'):
            for level in LEVELS:
                own, other = [], []
                for _, small, large in validation(self.pictures, kind, 6, level):
                    y = self.upscaled(small)
                    own.append(cv2.PSNR(y, large))
                    other.append(cv2.PSNR(lanczos(small), large))
                line[f'{kind} {level}'] = [round(float(np.mean(own)), 2), round(float(np.mean(other)), 2)]
        self.log(**line)

    @torch.no_grad()
    def upscaled(self, small):
        return to_picture(self.ema.enlarge(to_tensor(small[None]).to(self.device)).cpu())


def lanczos(small):
    return cv2.resize(small, None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4)


# ---- what others need of it ----

def write_pairs(pictures, folder, count):
    """Held-out pictures for `evaluate/upscaler.ts`: FOLDER/KIND-LEVEL-NAME.small.png and KIND-NAME.large.png."""
    os.makedirs(folder, exist_ok=True)
    for kind in ('faces', 'backgrounds'):
        for level in LEVELS:
            for name, small, large in validation(pictures, kind, count, level):
                stem = os.path.splitext(os.path.basename(name))[0]
                cv2.imwrite(os.path.join(folder, f'{kind}-{level}-{stem}.small.png'), small)
                cv2.imwrite(os.path.join(folder, f'{kind}-{stem}.large.png'), large)


@torch.no_grad()
def write_example(path):
    """What a tiny network makes of a small picture, both by formulas that the tests of the library know, as JSON: its float outputs."""
    model = Upscaler(dict(channels=8, blocks=2))
    for name, p in model.named_parameters():
        wave = np.sin(0.37 * np.arange(p.numel()) + len(name))
        wave = wave / math.sqrt(p[0].numel()) if p.ndim > 1 else 0.1 * wave + (0.5 if name == 'conv_last.bias' else 0)
        p.copy_(torch.from_numpy(wave).view_as(p))
    width, height = 9, 7
    i = np.arange(width * height * 3)
    bgr = ((7 * i * i + 31 * i) % 256).astype(np.uint8).reshape(height, width, 3)[..., ::-1]
    y = model.enlarge(to_tensor(bgr[None]))[0].flatten().tolist()
    with open(path, 'w') as f:
        json.dump(dict(config=model.config, width=width, height=height, output=[round(v, 5) for v in y]), f, separators=(',', ':'))
        f.write('\n')


def arguments():
    a = argparse.ArgumentParser()
    a.add_argument('--data', nargs='+', help='folders of faces-256-*.tar and backgrounds.tar')
    a.add_argument('--run', help='folder of the state, the log and the exported weights: trains')
    a.add_argument('--minutes', type=float, default=30, help='of this call, in processor time of a thread')
    a.add_argument('--total', type=float, help='the whole schedule over all calls; default: --minutes')
    a.add_argument('--channels', type=int, default=48)
    a.add_argument('--blocks', type=int, default=6)
    a.add_argument('--batch', type=int, default=8)
    a.add_argument('--rate', type=float, default=0.01)
    a.add_argument('--threads', type=int, default=1)
    a.add_argument('--seed', type=int, default=0)
    a.add_argument('--every', type=float, default=2, help='processor minutes between saves and validations')
    a.add_argument('--pairs', help='folder: writes held-out pictures, degraded and clean, for evaluate/upscaler.ts instead of training')
    a.add_argument('--count', type=int, default=24, help='of pictures of each kind and level for --pairs')
    a.add_argument('--example', help='file: writes the JSON that test/models/upscaler.test.ts reads instead of training')
    return a.parse_args()


if __name__ == '__main__':
    a = arguments()
    if a.example:
        write_example(a.example)
    elif a.pairs:
        write_pairs(Pictures(a.data), a.pairs, a.count)
    else:
        Trainer(a).run()
