"""The restoration network for any geometry; the official configuration gives the official 515 keys."""
import torch
import torch.nn.functional as F
from torch import nn

OFFICIAL = dict(size=512, channels=64, multipliers=[1, 2, 2, 4, 4, 8], res_blocks=2, attention=[16], embedding=256, codebook=1024,
                width=512, heads=8, layers=9, mlp=1024, fuse=[32, 64, 128, 256], groups=32, patch=1)

# Sizes in `attention` and `fuse` are those of feature maps, so after the pixel-unshuffle: the first level has size / patch.
CONFIGS = {
    # 256 px -> 64x64 (patch 4) -> 32x32 -> 16x16 tokens
    's': dict(size=256, channels=32, multipliers=[1, 2, 4], res_blocks=1, attention=[16], embedding=64, codebook=512,
              width=192, heads=6, layers=4, mlp=384, fuse=[32, 64], groups=16, patch=4),
    'm': dict(size=256, channels=48, multipliers=[1, 2, 4], res_blocks=1, attention=[16], embedding=64, codebook=512,
              width=192, heads=6, layers=4, mlp=384, fuse=[32, 64], groups=16, patch=4),
    'l': dict(size=256, channels=64, multipliers=[1, 2, 3], res_blocks=1, attention=[16], embedding=64, codebook=512,
              width=192, heads=6, layers=4, mlp=384, fuse=[32, 64], groups=16, patch=4),
    # 'm' with one level more at each end, for grow.py.
    'm512': dict(size=512, channels=48, multipliers=[1, 1, 2, 4], res_blocks=1, attention=[16], embedding=64, codebook=512,
                 width=192, heads=6, layers=4, mlp=384, fuse=[32, 64, 128], groups=16, patch=4),
    # Measured and slower per picture for the same parameters.
    'patch1': dict(size=256, channels=16, multipliers=[1, 2, 4, 6, 12], res_blocks=1, attention=[16], embedding=64, codebook=512,
                   width=192, heads=6, layers=4, mlp=384, fuse=[32, 64, 128], groups=16, patch=1),
    'patch2': dict(size=256, channels=32, multipliers=[1, 2, 3, 6], res_blocks=1, attention=[16], embedding=64, codebook=512,
                   width=192, heads=6, layers=4, mlp=384, fuse=[32, 64, 128], groups=16, patch=2),
    'patch8': dict(size=256, channels=96, multipliers=[1, 2], res_blocks=1, attention=[16], embedding=64, codebook=512,
                   width=192, heads=6, layers=4, mlp=384, fuse=[32], groups=16, patch=8),
    'tiny': dict(size=64, channels=32, multipliers=[1, 2], res_blocks=1, attention=[16], embedding=32, codebook=64,
                 width=64, heads=2, layers=2, mlp=128, fuse=[32], groups=16, patch=2),
}


def side(c):
    """Tokens per row."""
    return c['size'] // c['patch'] >> len(c['multipliers']) - 1


def norm(channels, groups):
    return nn.GroupNorm(groups, channels, eps=1e-6)


def conv3(a, b):
    return nn.Conv2d(a, b, 3, 1, 1)


class ResBlock(nn.Module):
    def __init__(self, a, b, groups):
        super().__init__()
        self.norm1, self.conv1 = norm(a, groups), conv3(a, b)
        self.norm2, self.conv2 = norm(b, groups), conv3(b, b)
        if a != b:
            self.conv_out = nn.Conv2d(a, b, 1)

    def forward(self, x):
        y = self.conv1(F.silu(self.norm1(x)))
        y = self.conv2(F.silu(self.norm2(y)))
        return y + (self.conv_out(x) if hasattr(self, 'conv_out') else x)


class AttnBlock(nn.Module):
    def __init__(self, c, groups):
        super().__init__()
        self.norm = norm(c, groups)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(c, c, 1) for _ in range(4))

    def forward(self, x):
        h = self.norm(x)
        q, k, v = (f(h).flatten(2).transpose(1, 2) for f in (self.q, self.k, self.v))
        y = F.scaled_dot_product_attention(q, k, v)
        return x + self.proj_out(y.transpose(1, 2).reshape(x.shape))


class Down(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, 2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Up(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = conv3(c, c)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode='nearest'))


def level_channels(c):
    return [c['channels'] * m for m in c['multipliers']]


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        g, p, chs = c['groups'], c['patch'], level_channels(c)
        blocks, self.taps, size, ch = [conv3(3 * p * p, c['channels'])], {}, c['size'] // p, c['channels']
        for i, out in enumerate(chs):
            for _ in range(c['res_blocks']):
                blocks.append(ResBlock(ch, out, g))
                ch = out
                if size in c['attention']:
                    blocks.append(AttnBlock(ch, g))
            if i < len(chs) - 1:
                if size in c['fuse']:
                    self.taps[len(blocks) - 1] = size
                blocks.append(Down(ch))
                size //= 2
        blocks += [ResBlock(ch, ch, g), AttnBlock(ch, g), ResBlock(ch, ch, g), norm(ch, g), conv3(ch, c['embedding'])]
        self.blocks, self.patch = nn.ModuleList(blocks), p

    def forward(self, x, taps=None):
        if self.patch > 1:
            x = F.pixel_unshuffle(x, self.patch)
        for i, block in enumerate(self.blocks):
            x = block(x)
            if taps is not None and i in self.taps:
                taps[self.taps[i]] = x
        return x


class Generator(nn.Module):
    def __init__(self, c):
        super().__init__()
        g, p, chs, size = c['groups'], c['patch'], level_channels(c), side(c)
        ch = chs[-1]
        blocks, self.fused = [conv3(c['embedding'], ch), ResBlock(ch, ch, g), AttnBlock(ch, g), ResBlock(ch, ch, g)], {}
        for i in reversed(range(len(chs))):
            for j in range(c['res_blocks']):
                if j == 0 and i < len(chs) - 1 and size in c['fuse']:
                    self.fused[len(blocks)] = size
                blocks.append(ResBlock(ch, chs[i], g))
                ch = chs[i]
                if size in c['attention']:
                    blocks.append(AttnBlock(ch, g))
            if i > 0:
                blocks.append(Up(ch))
                size *= 2
        blocks += [norm(ch, g), conv3(ch, 3 * p * p)]
        self.blocks, self.patch = nn.ModuleList(blocks), p

    def forward(self, x, fuse=None, taps=None, w=0.0):
        *blocks, last = self.blocks
        for i, block in enumerate(blocks):
            x = block(x)
            if fuse is not None and i in self.fused:
                s = self.fused[i]
                x = fuse[str(s)](taps[s], x, w)
        with torch.autocast(x.device.type, enabled=False):      # bfloat16 has half a step of 8 bits: losses would see it as texture
            x = last(x.float())
        return F.pixel_shuffle(x, self.patch) if self.patch > 1 else x


class Fuse(nn.Module):
    def __init__(self, c, groups):
        super().__init__()
        self.encode_enc = ResBlock(2 * c, c, groups)
        self.scale, self.shift = (nn.Sequential(conv3(c, c), nn.LeakyReLU(0.2), conv3(c, c)) for _ in range(2))

    def forward(self, e, d, w):
        m = self.encode_enc(torch.cat([e, d], 1))
        return d + w * (d * self.scale(m) + self.shift(m))

    @torch.no_grad()
    def balance(self, e, d):
        """Scales what it makes of e and d, before the last convolutions, to a deviation of 1."""
        m = self.encode_enc(torch.cat([e, d], 1))
        for conv in (self.encode_enc.conv_out, self.encode_enc.conv2):
            conv.weight.div_(m.std())
            conv.bias.div_(m.std())
        for first, *_ in (self.scale, self.shift):
            deviation = first(m / m.std()).std()
            first.weight.div_(deviation)
            first.bias.div_(deviation)


class SelfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.in_proj_weight, self.in_proj_bias = nn.Parameter(torch.empty(3 * width, width)), nn.Parameter(torch.zeros(3 * width))
        self.out_proj, self.heads = nn.Linear(width, width), heads
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, qk, v):
        b, n, c = v.shape
        w, bias = self.in_proj_weight, self.in_proj_bias
        q, k = F.linear(qk, w[:2 * c], bias[:2 * c]).chunk(2, -1)
        q, k, v = (t.reshape(b, n, self.heads, -1).transpose(1, 2) for t in (q, k, F.linear(v, w[2 * c:], bias[2 * c:])))
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c))


class Layer(nn.Module):
    def __init__(self, width, heads, mlp):
        super().__init__()
        self.self_attn = SelfAttention(width, heads)
        self.linear1, self.linear2 = nn.Linear(width, mlp), nn.Linear(mlp, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x, position):
        n = self.norm1(x)
        x = x + self.self_attn(n + position, n)
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class Codebook(nn.Module):
    def __init__(self, codes, embedding):
        super().__init__()
        self.embedding = nn.Embedding(codes, embedding)
        nn.init.uniform_(self.embedding.weight, -1 / codes, 1 / codes)

    def nearest(self, z):
        """[B,C,H,W] -> indices [B,H*W]."""
        with torch.autocast(z.device.type, enabled=False):      # bfloat16 distances pick wrong codes
            e = self.embedding.weight.float()
            z = z.float().flatten(2).transpose(1, 2)
            return (e.square().sum(1) - 2 * (z @ e.T)).argmin(-1)

    def lookup(self, indices):
        """Indices [B,N] -> [B,C,H,W]."""
        n = round(indices.shape[1] ** 0.5)
        return self.embedding(indices).transpose(1, 2).unflatten(2, (n, n))


def adain(content, style):
    def stats(t):
        t = t.float().flatten(2)
        return t.mean(2)[..., None, None], (t.var(2) + 1e-5).sqrt()[..., None, None]
    (mc, sc), (ms, ss) = stats(content), stats(style)
    return (content - mc) / sc * ss + ms


class Restorer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.position_emb = nn.Parameter(torch.zeros(side(c) ** 2, c['width']))
        self.encoder, self.generator = Encoder(c), Generator(c)
        self.quantize = Codebook(c['codebook'], c['embedding'])
        self.feat_emb = nn.Linear(c['embedding'], c['width'])
        self.ft_layers = nn.ModuleList(Layer(c['width'], c['heads'], c['mlp']) for _ in range(c['layers']))
        self.idx_pred_layer = nn.Sequential(nn.LayerNorm(c['width']), nn.Linear(c['width'], c['codebook'], bias=False))
        chs = level_channels(c)
        self.fuse_convs_dict = nn.ModuleDict(
            {str(s): Fuse(chs[(c['size'] // c['patch'] // s).bit_length() - 1], c['groups']) for s in c['fuse']})

    @torch.no_grad()
    def initialise(self):
        """Residual branches and fusion start at zero, sub-pixels of the last convolution start equal."""
        nn.init.normal_(self.position_emb, std=0.02)
        for m in self.modules():
            last = {ResBlock: lambda: m.conv2, AttnBlock: lambda: m.proj_out, SelfAttention: lambda: m.out_proj, Layer: lambda: m.linear2}.get(type(m))
            if last:
                nn.init.zeros_(last().weight)
            if isinstance(m, Fuse):
                for f in (m.scale[-1], m.shift[-1]):
                    nn.init.zeros_(f.weight)
                    nn.init.zeros_(f.bias)
        end, n = self.generator.blocks[-1], self.config['patch'] ** 2
        end.weight.copy_(end.weight[::n].repeat_interleave(n, 0))
        nn.init.zeros_(end.bias)
        return self

    @torch.no_grad()
    def balance(self, x):
        """
        Scales what flows between the generator's blocks to a deviation of 1, and starts fusion at that scale; x: degraded pictures [N,3,H,W].
        The output at w = 0 stays, as every block that is not linear begins with a norm. Muon lets these sums grow to thousands: fusion
        then diverges in training, and the largest pass the range of float16.
        """
        taps, h, logits = self.encode(x)
        h, factor = adain(self.quantize.lookup(logits.argmax(-1)), h), 1.0
        for i, block in enumerate(self.generator.blocks[:-2]):
            h, before = block(h), factor
            linear = block if isinstance(block, nn.Conv2d) else getattr(block, 'conv', getattr(block, 'conv_out', None))
            if linear is not None:
                factor = 1 / h.std()
                linear.weight.mul_(factor / before)
                linear.bias.mul_(factor)
            added = getattr(block, 'conv2', getattr(block, 'proj_out', None))
            if added is not None:
                added.weight.mul_(factor)
                added.bias.mul_(factor)
            if i in self.generator.fused:
                size = self.generator.fused[i]
                self.fuse_convs_dict[str(size)].balance(taps[size], h * factor)

    @torch.no_grad()
    def even_fusion(self, x):
        """
        Scales what the last fusion adds, so that its output at w between 0 and 1 lies on the line between those at 0 and at 1: d + w (a d + b)
        becomes d + w ((1 + a) d + b) k - d), with k for each group of the norm behind it, which does not see k. Both ends stay as they are.
        Otherwise the scale of a and b decides at which w the photo begins to count: in training nothing holds it. x: degraded [N,3,H,W].
        """
        size = str(self.config['size'] // self.config['patch'])
        if self.config['res_blocks'] > 1 or int(size) in self.config['attention']:
            raise ValueError('expected the norm of the output right behind the last fusion')
        fuse, seen = self.fuse_convs_dict[size], []
        hook = fuse.register_forward_hook(lambda _, inputs, y: seen.append((inputs[1], y)))
        self(x, 1.0)
        hook.remove()
        groups = self.config['groups']
        before, after = (t.unflatten(1, (groups, -1)).std((2, 3, 4)).mean(0) for t in seen[0])
        k = (before / after).repeat_interleave(fuse.scale[-1].out_channels // groups)
        for last in (fuse.scale[-1], fuse.shift[-1]):
            last.weight.mul_(k.view(-1, 1, 1, 1))
            last.bias.mul_(k)
        fuse.scale[-1].bias.add_(k - 1)

    def logits(self, lq):
        x = self.feat_emb(lq.flatten(2).transpose(1, 2))
        for layer in self.ft_layers:
            x = layer(x, self.position_emb)
        return self.idx_pred_layer(x)

    def encode(self, x):
        taps = {}
        lq = self.encoder(x, taps)
        return taps, lq, self.logits(lq)

    def decode(self, indices, lq=None, taps=None, w=0.0, use_adain=True):
        z = self.quantize.lookup(indices)
        if use_adain:
            z = adain(z, lq).to(z.dtype)
        return self.generator(z, self.fuse_convs_dict if w > 0 else None, taps, w)

    def forward(self, x, w=0.5, use_adain=True):
        taps, lq, logits = self.encode(x)
        return self.decode(logits.argmax(-1), lq, taps, w, use_adain), logits, lq


def macs(model, x, w=0.0):
    """Multiply-accumulates of convolutions and linear layers (without the attention products) of a forward pass."""
    total, handles = [0], []

    def conv(m, i, o):
        total[0] += o.numel() * m.weight[0].numel()

    def linear(m, i, o):
        total[0] += o.numel() * m.in_features
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            handles.append(m.register_forward_hook(conv))
        elif isinstance(m, nn.Linear):
            handles.append(m.register_forward_hook(linear))
    with torch.no_grad():
        model(x, w)
    for h in handles:
        h.remove()
    return total[0]
