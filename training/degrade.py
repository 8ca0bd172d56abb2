"""The degradation model of CodeFormer's training (blur, shrinking, noise, JPEG), scaled to the picture size: with cv2 per picture and with torch per batch."""
import math
import cv2
import numpy as np
import torch
import torch.nn.functional as F
from precision import constant

# Ranges for 512 px; sigma of the blur and the downsampling factor scale with the size, noise and JPEG quality do not.
RANGES = {
    'large': dict(blur=(1, 15), down=(4, 30), noise=(0, 20), jpeg=(30, 80)),
    'small': dict(blur=(0.1, 10), down=(1, 12), noise=(0, 15), jpeg=(60, 100)),
    'light': dict(blur=(0.1, 2), down=(1, 2.5), noise=(0, 6), jpeg=(75, 100)),
}


def draw(rng, kind, size=256):
    """The random parameters of one picture; rng: numpy Generator."""
    r, s = RANGES[kind], size / 512
    b0, b1 = (v * s for v in r['blur'])
    d0, d1 = (max(1.0, v * s) for v in r['down'])
    iso = rng.random() < 0.5
    sx = rng.uniform(b0, b1)
    return dict(sx=sx, sy=sx if iso else rng.uniform(b0, b1), angle=0.0 if iso else rng.uniform(-math.pi, math.pi),
                small=max(1, int(size // rng.uniform(d0, d1))), noise=rng.uniform(*r['noise']), quality=int(rng.uniform(*r['jpeg'])))


def kernel(sx, sy, angle, size=256):
    """Normalised Gaussian with covariance R diag(sx^2, sy^2) R^T on 41 taps for 512 px, 21 for 256 px."""
    h = 20 * size // 512
    y, x = np.mgrid[-h:h + 1, -h:h + 1].astype(np.float32)
    c, s = math.cos(angle), math.sin(angle)
    u, v = x * c + y * s, -x * s + y * c
    k = np.exp(-0.5 * ((u / sx) ** 2 + (v / sy) ** 2))
    return k / k.sum()


def degrade(picture, rng, kind, p=None):
    """uint8 [H,W,3] (BGR) -> uint8, same size."""
    size = picture.shape[0]
    p = p or draw(rng, kind, size)
    x = picture.astype(np.float32) / 255
    if max(p['sx'], p['sy']) > 0.15:
        if p['sx'] == p['sy']:
            n = 2 * (20 * size // 512) + 1
            x = cv2.GaussianBlur(x, (n, n), p['sx'])
        else:
            x = cv2.filter2D(x, -1, kernel(p['sx'], p['sy'], p['angle'], size))
    x = cv2.resize(x, (p['small'], p['small']), interpolation=cv2.INTER_LINEAR)
    x = x + rng.standard_normal(x.shape, dtype=np.float32) * np.float32(p['noise'] / 255)
    x = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    x = cv2.imdecode(cv2.imencode('.jpg', x, [cv2.IMWRITE_JPEG_QUALITY, p['quality']])[1], cv2.IMREAD_COLOR)
    x = cv2.resize(x.astype(np.float32) / 255, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)


# ---- batch-wise, on any device ----

LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)
CHROMA = tuple((17, 18, 24, 47, 18, 21, 26, 66, 24, 26, 56, 99, 47, 66, 99, 99)[4 * y + x] if max(x, y) < 4 else 99 for y in range(8) for x in range(8))
DCT = tuple(tuple(math.sqrt((1 if k == 0 else 2) / 8) * math.cos((2 * n + 1) * k * math.pi / 16) for n in range(8)) for k in range(8))
RGB_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
YCC_RGB = tuple(map(tuple, np.linalg.inv(np.array(RGB_YCC)).tolist()))


def _quantise(x, table):
    """x [B,C,H,W] around 0, table [B,8,8]: through the 8x8 DCT and back."""
    b, c, h, w = x.shape
    d = constant(DCT, x.device)
    t = table[:, None, None, None]
    x = x.reshape(b, c, h // 8, 8, w // 8, 8).transpose(3, 4)
    x = d.T @ (torch.round(d @ x @ d.T / t) * t) @ d
    return x.transpose(3, 4).reshape(b, c, h, w)


def jpeg(x, quality):
    """x [B,3,H,W] in 0..255 (RGB), H and W multiples of 16, quality [B]."""
    scale = torch.where(quality < 50, torch.floor(5000 / quality), 200 - 2 * quality).view(-1, 1, 1)
    tables = [torch.floor((constant(t, x.device).view(8, 8) * scale + 50) / 100).clamp(1, 255) for t in (LUMA, CHROMA)]
    m = constant(RGB_YCC, x.device)
    ycc = torch.einsum('ij,bjhw->bihw', m, x)
    y = _quantise(torch.round(ycc[:, :1]) - 128, tables[0]) + 128
    c = _quantise(torch.round(F.avg_pool2d(ycc[:, 1:], 2)), tables[1])
    c = F.interpolate(c, scale_factor=2, mode='bilinear', align_corners=False)
    out = torch.einsum('ij,bjhw->bihw', constant(YCC_RGB, x.device), torch.cat([y, c], 1))
    return out.round().clamp(0, 255)


def _resize(n_in, n_out, rows):
    """Bilinear matrices [B,rows,cols] (half-pixel centres, no antialiasing) from n_in [B] to n_out [B] samples; rows past n_out repeat the last."""
    i = torch.minimum(torch.arange(rows, device=n_out.device)[None].float(), n_out[:, None] - 1)
    at = ((i + 0.5) * (n_in / n_out)[:, None] - 0.5).clamp(min=0)
    at = torch.minimum(at, n_in[:, None] - 1)
    cols = torch.arange(rows, device=n_out.device)[None, None].float()
    return (1 - (at[..., None] - cols).abs()).clamp(min=0)


def degrade_batch(x, kind, generator=None):
    """float [B,3,S,S] in [-1,1] (RGB), S a multiple of 16, on any device -> the same. kind: a name, or a list of one per picture."""
    b, _, size, _ = x.shape
    dev, s = x.device, size / 512
    kinds = (kind,) if isinstance(kind, str) else tuple(kind)

    def uniform(name, factor=1.0, low=0.0):
        r = constant(tuple(tuple(max(low, v * factor) for v in map(float, RANGES[k][name])) for k in kinds), dev)
        return r[:, 0] + (r[:, 1] - r[:, 0]) * torch.rand(b, device=dev, generator=generator)
    sx, sy = uniform('blur', s), uniform('blur', s)
    iso = torch.rand(b, device=dev, generator=generator) < 0.5
    sy = torch.where(iso, sx, sy)
    angle = torch.rand(b, device=dev, generator=generator) * 2 * math.pi
    small = torch.floor(size / uniform('down', s, 1.0))
    noise, quality = uniform('noise') / 255, torch.floor(uniform('jpeg'))
    return degrade_with(x, sx, sy, angle, small, noise, quality, generator)


def degrade_with(x, sx, sy, angle, small, noise, quality, generator=None):
    b, _, size, _ = x.shape
    dev = x.device
    x = (x.float() + 1) / 2
    # Blur by FFT, with the reflected border of cv2.
    h = 20 * size // 512
    t = torch.arange(-h, h + 1, device=dev).float()
    v = lambda a: a.view(-1, 1, 1)
    c, n = v(angle.cos()), v(angle.sin())
    u0, u1 = t[None, None] * c + t[None, :, None] * n, -t[None, None] * n + t[None, :, None] * c
    k = torch.exp(-0.5 * ((u0 / v(sx)) ** 2 + (u1 / v(sy)) ** 2))
    k = k / k.sum((1, 2), keepdim=True)
    p = F.pad(x, (h, h, h, h), 'reflect')
    full = p.shape[-1]
    f = torch.fft.rfft2(p) * torch.fft.rfft2(k, s=(full, full))[:, None]
    x = torch.fft.irfft2(f, s=(full, full))[..., 2 * h:, 2 * h:]
    # Down, noise, JPEG on a canvas of the full size whose part past `small` repeats the edge, up.
    whole = torch.full_like(small, size)
    d = _resize(whole, small, size)[:, None]
    x = d @ x @ d.transpose(2, 3)
    x = x + torch.randn(x.shape, device=dev, generator=generator) * noise.view(-1, 1, 1, 1)
    i = torch.minimum(torch.arange(size, device=dev)[None], small.long()[:, None] - 1)
    x = x.gather(2, i[:, None, :, None].expand_as(x)).gather(3, i[:, None, None].expand_as(x))
    x = jpeg((x.clamp(0, 1) * 255).round(), quality) / 255
    w = _resize(small, whole, size)[:, None]
    x = w @ x @ w.transpose(2, 3)
    return (x.clamp(0, 1) * 255).round() / 127.5 - 1
