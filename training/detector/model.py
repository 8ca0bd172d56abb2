"""RetinaFace mobile0.25 in PyTorch with the official state-dict names, its priors, decoding and NMS.

Input: float32 [N,3,H,W], BGR minus MEAN. Output: loc [N,A,4], logits [N,A,2], landms [N,A,10].
"""
import math
from functools import lru_cache

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from pictures import warp
from torch import nn

MEAN = (104.0, 117.0, 123.0)
MIN_SIZES = ((16, 32), (64, 128), (256, 512))
STEPS = (8, 16, 32)
VARIANCE = (0.1, 0.2)
FIRST, LEAST, SAME = 0.3, 0.02, 0.3     # scores of what is looked at again and of what counts then, its least overlap
LOOK, SEEN = 224, 140        # side of the second look, and of the face in it


class Conv(nn.Conv2d):
    """In training on a CPU a strided depthwise layer is computed densely and thinned: its own gradient is 5 times slower."""

    def forward(self, x):
        if self.training and self.groups > 1 and self.stride[0] == 2 and x.device.type == 'cpu':
            return F.conv2d(x, self.weight, None, 1, self.padding, 1, self.groups)[..., ::2, ::2]
        return super().forward(x)


def conv(ci, co, k=3, stride=1, groups=1, act=True):
    layers = [Conv(ci, co, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(co)]
    return nn.Sequential(*layers, nn.LeakyReLU(0.1, inplace=True)) if act else nn.Sequential(*layers)


def conv_dw(ci, co, stride=1):
    return nn.Sequential(*conv(ci, ci, 3, stride, groups=ci), *conv(ci, co, 1))


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1 = nn.Sequential(conv(3, 8, 3, 2), conv_dw(8, 16), conv_dw(16, 32, 2), conv_dw(32, 32),
                                    conv_dw(32, 64, 2), conv_dw(64, 64))
        self.stage2 = nn.Sequential(conv_dw(64, 128, 2), *(conv_dw(128, 128) for _ in range(5)))
        self.stage3 = nn.Sequential(conv_dw(128, 256, 2), conv_dw(256, 256))

    def forward(self, x):
        c3 = self.stage1(x)
        c4 = self.stage2(c3)
        return c3, c4, self.stage3(c4)


class Fpn(nn.Module):
    def __init__(self, oc=64):
        super().__init__()
        self.output1, self.output2, self.output3 = conv(64, oc, 1), conv(128, oc, 1), conv(256, oc, 1)
        self.merge1, self.merge2 = conv(oc, oc), conv(oc, oc)

    def forward(self, c3, c4, c5):
        o1, o2, o3 = self.output1(c3), self.output2(c4), self.output3(c5)
        f2 = self.merge2(o2 + F.interpolate(o3, size=o2.shape[-2:]))
        f1 = self.merge1(o1 + F.interpolate(f2, size=o1.shape[-2:]))
        return f1, f2, o3


class Ssh(nn.Module):
    def __init__(self, oc=64):
        super().__init__()
        self.conv3X3 = conv(oc, oc // 2, act=False)
        self.conv5X5_1 = conv(oc, oc // 4)
        self.conv5X5_2 = conv(oc // 4, oc // 4, act=False)
        self.conv7X7_2 = conv(oc // 4, oc // 4)
        self.conv7x7_3 = conv(oc // 4, oc // 4, act=False)

    def forward(self, x):
        b1 = self.conv5X5_1(x)
        return F.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(b1), self.conv7x7_3(self.conv7X7_2(b1))], 1))


class Head(nn.Module):
    def __init__(self, oc, k):
        super().__init__()
        self.k = k
        self.conv1x1 = nn.Conv2d(oc, 2 * k, 1)

    def forward(self, x):
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, self.k)


class RetinaFace(nn.Module):
    def __init__(self, oc=64):
        super().__init__()
        self.body, self.fpn = Body(), Fpn(oc)
        self.ssh1, self.ssh2, self.ssh3 = Ssh(oc), Ssh(oc), Ssh(oc)
        self.ClassHead = nn.ModuleList(Head(oc, 2) for _ in range(3))
        self.BboxHead = nn.ModuleList(Head(oc, 4) for _ in range(3))
        self.LandmarkHead = nn.ModuleList(Head(oc, 10) for _ in range(3))

    def forward(self, x):
        levels = [ssh(f) for ssh, f in zip((self.ssh1, self.ssh2, self.ssh3), self.fpn(*self.body(x)))]
        return tuple(torch.cat([h(f).float() for h, f in zip(heads, levels)], 1)
                     for heads in (self.BboxHead, self.ClassHead, self.LandmarkHead))


def load_weights(model, path):
    if str(path).endswith('.safetensors'):
        from safetensors.torch import load_file
        state = load_file(path)
    else:
        state = torch.load(path, map_location='cpu', weights_only=True)
        state = state.get('ema', state)
    state = {k.removeprefix('module.'): v.float() if v.is_floating_point() else v for k, v in state.items()}
    model.load_state_dict(state, strict=False) if not any('num_batches' in k for k in state) else \
        model.load_state_dict(state)
    return model


@lru_cache(maxsize=64)
def priors(height, width):
    """[A,4] float32: cx, cy, w, h normalised by the image size."""
    out = []
    for step, sizes in zip(STEPS, MIN_SIZES):
        rows, cols = math.ceil(height / step), math.ceil(width / step)
        i, j = np.mgrid[:rows, :cols].astype(np.float64)
        level = np.stack([np.stack([(j + 0.5) * step / width, (i + 0.5) * step / height,
                                    np.full_like(i, m / width), np.full_like(i, m / height)], -1) for m in sizes], 2)
        out.append(level.reshape(-1, 4))
    return torch.from_numpy(np.concatenate(out).astype(np.float32))


def decode(loc, landms, prior, width, height):
    """Boxes [...,4] (x1,y1,x2,y2) and landmarks [...,10] in pixels."""
    centre = prior[:, :2] + loc[..., :2] * VARIANCE[0] * prior[:, 2:]
    size = prior[:, 2:] * torch.exp(loc[..., 2:] * VARIANCE[1])
    scale = torch.tensor([width, height], dtype=torch.float32, device=loc.device)
    low = centre - size / 2
    boxes = torch.cat([low * scale, (low + size) * scale], -1)
    points = prior[:, None, :2] + landms.reshape(*landms.shape[:-1], 5, 2) * VARIANCE[0] * prior[:, None, 2:]
    return boxes, (points * scale).reshape(landms.shape)


def iou(a, b):
    """Intersection over union [n,m] of boxes (x1,y1,x2,y2)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    cut = (high - low).clip(0).prod(-1)
    area = lambda r: (r[:, 2:4] - r[:, :2]).prod(-1)
    return cut / (area(a)[:, None] + area(b)[None] - cut)


def nms(boxes, limit=0.4):
    """Indices kept; boxes [n,4] sorted by descending score."""
    order, keep = np.arange(len(boxes)), []
    while len(order):
        i, rest = order[0], order[1:]
        keep.append(i)
        order = rest[iou(boxes[i:i + 1], boxes[rest])[0] <= limit]
    return np.array(keep, int)


def rows_of(loc, score, landms, width, height, threshold=0.8):
    """Rows [n,15] of one picture from loc [A,4], score [A] (probability), landms [A,10]."""
    boxes, points = decode(loc, landms, priors(height, width).to(loc.device), width, height)
    rows = torch.cat([boxes, score[:, None], points], 1)[score > threshold].cpu().numpy()
    rows = rows[np.argsort(-rows[:, 4], kind='stable')]
    return rows[nms(rows[:, :4])]


def to_input(images, device='cpu'):
    """uint8 BGR [N,H,W,3] to the network's input."""
    x = torch.as_tensor(images).to(device).permute(0, 3, 1, 2).float()
    return x - torch.tensor(MEAN, device=device).view(1, 3, 1, 1)


@torch.inference_mode()
def detect(model, images, threshold=0.8):
    """List of rows [n,15], one per picture of the equally sized batch uint8 BGR [N,H,W,3]."""
    loc, logits, landms = model(to_input(images, next(model.parameters()).device))
    height, width = images.shape[1:3]
    return [rows_of(*o, width, height, threshold) for o in zip(loc, logits.softmax(-1)[..., 1], landms)]


def resize_short_side(image, side=640):
    """The pipeline's two steps: enlarge to 512 if smaller, then the given short side (truncated). Picture and scale."""
    if min(image.shape[:2]) < 512:
        factor = 512 / min(image.shape[:2])
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    scale = side / min(image.shape[:2])
    size = int(image.shape[1] * scale), int(image.shape[0] * scale)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), scale


def nearby(row):
    """Where a face is looked at again: a matrix (2x3) from the picture to LOOK pixels, in which it has SEEN pixels and its eyes are level."""
    centre, scale = (row[:2] + row[2:4]) / 2, SEEN / np.sqrt(np.prod(row[2:4] - row[:2]))
    eyes = row[7:9] - row[5:7]
    turn = -math.atan2(eyes[1], eyes[0])
    c, s = math.cos(turn) * scale, math.sin(turn) * scale
    a = np.array([[c, -s], [s, c]])
    return np.concatenate([a, (LOOK / 2 - a @ centre)[:, None]], 1)


def logit(p):
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return np.log(p / (1 - p))


def detect_twice(model, image, threshold=0.8, limit=0.4):
    """
    Rows [n,15] of one picture as the library finds them: what may be a face is looked at again, with level eyes and in another size. Box and
    points are those of the second look, the odds of the score the geometric mean of both.
    """
    rows = []
    for row in detect(model, image[None], min(FIRST, threshold))[0]:
        matrix = nearby(row)
        back = cv2.invertAffineTransform(matrix)
        for seen in detect(model, warp(image, matrix, (0, 0, LOOK, LOOK), cv2.BORDER_CONSTANT, MEAN)[None], LEAST)[0]:
            centre = back[:, :2] @ (seen[:2] + seen[2:4]) / 2 + back[:, 2]
            half = np.sqrt(back[:, :2] ** 2 @ (seen[2:4] - seen[:2]) ** 2) / 2     # around the turned ellipse in the box
            box = np.concatenate([centre - half, centre + half])
            if iou(row[None], box[None])[0, 0] > SAME:
                score = 1 / (1 + math.exp(-(logit(row[4]) + logit(seen[4])) / 2))
                rows.append(np.concatenate([box, [score], (seen[5:].reshape(5, 2) @ back[:, :2].T + back[:, 2]).ravel()]))
                break
    rows = np.array(sorted((r for r in rows if r[4] > threshold), key=lambda r: -r[4]), np.float32).reshape(-1, 15)
    return rows[nms(rows[:, :4], limit)]
