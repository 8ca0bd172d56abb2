"""Perceptual features of the RetinaFace mobile detector, losses of gradients and texture, small PatchGAN."""
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from precision import constant

PLAN = {1: [(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)], 2: [(64, 128, 2)] + [(128, 128, 1)] * 5, 3: [(128, 256, 2), (256, 256, 1)]}
TAPS = {'stage1.1', 'stage1.3', 'stage1.5', 'stage2.5', 'stage3.1'}


class Detector(nn.Module):
    """The backbone of RetinaFace mobile0.25, batch norm folded, frozen. Input RGB in [-1,1]."""

    def __init__(self, path):
        super().__init__()
        sd = load_file(path) if path.endswith('.safetensors') else torch.load(path, map_location='cpu', weights_only=True)
        sd = {k.removeprefix('module.'): v.float() for k, v in sd.items()}
        self.steps = []

        def add(key, bn, stride, depthwise, name=None):
            w = sd[key + '.weight']
            g = sd[bn + '.weight'] / (sd[bn + '.running_var'] + 1e-5).sqrt()
            i = len(self.steps)
            self.register_buffer(f'w{i}', w * g.view(-1, 1, 1, 1))
            self.register_buffer(f'b{i}', sd[bn + '.bias'] - sd[bn + '.running_mean'] * g)
            self.steps.append((stride, w.shape[-1] // 2, w.shape[0] if depthwise else 1, name))
        add('body.stage1.0.0', 'body.stage1.0.1', 2, False)
        for stage, blocks in PLAN.items():
            for j, (_, _, stride) in enumerate(blocks):
                n = f'stage{stage}.{j + (stage == 1)}'
                add(f'body.{n}.0', f'body.{n}.1', stride, True)
                add(f'body.{n}.3', f'body.{n}.4', 1, False, n if n in TAPS else None)
        self.register_buffer('mean', torch.tensor([123.0, 117.0, 104.0]).view(1, 3, 1, 1))

    def forward(self, x):
        x = ((x.float() + 1) * 127.5 - self.mean).flip(1)
        out = []
        for i, (stride, pad, groups, name) in enumerate(self.steps):
            x = F.leaky_relu(F.conv2d(x, getattr(self, f'w{i}'), getattr(self, f'b{i}'), stride, pad, 1, groups), 0.1)
            if name:
                out.append(x)
        return out


def distance(a, b):
    """Mean over layers of the squared distance of channel-normalised features (LPIPS without learned weights); one per picture."""
    unit = lambda t: t / (t.square().sum(1, keepdim=True) + 1e-3).sqrt()
    return sum((unit(x.float()) - unit(y.float())).square().sum(1).mean((1, 2)) for x, y in zip(a, b)) / len(a)


def gradient_loss(a, b, scales=3):
    """L1 of the finite differences at halved sizes."""
    d, total = a - b, 0.0
    for i in range(scales):
        total = total + (d[..., 1:] - d[..., :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean()
        d = F.avg_pool2d(d, 2)
    return total / scales


def texture_loss(a, b, scales=2):
    """L1 between the mean absolute gradients of windows of 16 pixels, at halved sizes: as much texture, not the same texture."""
    def amount(t):
        t = t.float().mean(1, keepdim=True)
        return F.avg_pool2d((t[..., 1:, 1:] - t[..., 1:, :-1]).abs() + (t[..., 1:, 1:] - t[..., :-1, 1:]).abs(), 16, 8)
    total = 0.0
    for _ in range(scales):
        total = total + (amount(a) - amount(b)).abs().mean()
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return total / scales


def colour_loss(a, b, window=16):
    """L1 between mean colours of windows, as luminance and twice as much as differences from it."""
    d = F.avg_pool2d(a - b, window * a.shape[-1] // 512)
    grey = (d * constant((0.299, 0.587, 0.114), d.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    return grey.abs().mean() + 2 * (d - grey).abs().mean()


class PatchGAN(nn.Module):
    """Spectral norm, because without it it wins within 300 steps and teaches nothing more."""

    def __init__(self, c=32):
        super().__init__()
        layers = []
        for i, o, k, stride in ((3, c, 4, 2), (c, 2 * c, 4, 2), (2 * c, 4 * c, 4, 2), (4 * c, 4 * c, 3, 1)):
            layers += [spectral_norm(nn.Conv2d(i, o, k, stride, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(4 * c, 1, 3, 1, 1)))

    def forward(self, x):
        return self.layers(x)


def hinge(real, fake):
    return F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()
