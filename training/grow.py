"""A trained restorer with one level more at each end, for pictures of twice the size; its output begins as the enlarged old one."""
import copy
import torch
import torch.nn.functional as F
from torch import nn
from model import ResBlock, Restorer, level_channels

RIDGE = 1e-5        # of the least squares, relative to the mean square of what goes in


def check_grown(old, new):
    """Whether `new` is the configuration `old` with one level more."""
    same = all(old[k] == new[k] for k in old if k not in ('size', 'channels', 'multipliers', 'fuse'))
    levels = level_channels(new)
    if not same or new['size'] != 2 * old['size'] or levels[1:] != level_channels(old) or not new['channels'] == levels[0] == levels[1]:
        raise ValueError(f'expected one level more, as wide as the next one, than {old} at twice the size, but got {new}')


def smaller(config):
    """The configuration of the encoder that is left of one without its first level."""
    side = config['size'] // config['patch']
    return {**config, 'size': config['size'] // 2, 'channels': level_channels(config)[1],
            'multipliers': [n // config['multipliers'][1] for n in config['multipliers'][1:]], 'fuse': [s for s in config['fuse'] if s < side // 2]}


def ends(config):
    """Where the old levels begin in the encoder and end in the generator."""
    level = config['res_blocks'] * (1 + (config['size'] // config['patch'] in config['attention'])) + 1
    return level + 1, -2 - level


def is_new(model):
    """A test of names: whether a parameter belongs to the new levels, to their fusion or to the one before, which is made even."""
    (first, last), side = ends(model.config), model.config['size'] // model.config['patch']
    count = len(model.generator.blocks)
    names = (*(f'encoder.blocks.{i}.' for i in range(first)), *(f'generator.blocks.{i}.' for i in range(count + last, count)),
             f'fuse_convs_dict.{side}.', f'fuse_convs_dict.{side // 2}.')
    return lambda name: name.startswith(names)


def shrink(x):
    return F.avg_pool2d(x, 2)


def enlarge(x):
    return F.interpolate(x, scale_factor=2, mode='bicubic', align_corners=False)


def least_squares(convolution, pairs):
    """Sets a convolution to the one that makes the second of each pair [N,C,H,W] of the first, padded one, best."""
    w = convolution.weight
    squares, products = 0, 0
    for x, y in pairs:
        for a, b in zip(x, y):
            columns = F.unfold(a[None], w.shape[-1], stride=convolution.stride)[0]
            columns = torch.cat([columns, torch.ones_like(columns[:1])])
            squares = squares + (columns @ columns.T).double()
            products = products + (columns @ b.flatten(1).T).double()
    ridge = RIDGE * squares.diagonal().mean() * torch.eye(len(squares), dtype=torch.double, device=squares.device)
    solved = torch.linalg.solve(squares + ridge, products).T.float()
    w.copy_(solved[:, :-1].reshape(w.shape))
    convolution.bias.copy_(solved[:, -1])


@torch.no_grad()
def grow(old, config, pictures):
    """
    A restorer of `config` with the weights of `old` in the levels that both have. The new level of the encoder shrinks pictures by area, so
    that the others see what they are used to; that of the generator enlarges what they make. Neither can be exact: a convolution after
    an enlargement does not know in which of the four places it is. What comes nearest follows by least squares from `pictures`
    [N,3,size,size], of which some should be degraded.
    """
    check_grown(old.config, config)
    old = copy.deepcopy(old)
    old.even_fusion(shrink(pictures))
    model = Restorer(config).initialise().to(pictures.device)
    first, last = ends(config)
    for mine, theirs in zip(model.encoder.blocks[first:], old.encoder.blocks[1:], strict=True):
        mine.load_state_dict(theirs.state_dict())
    for mine, theirs in zip(model.generator.blocks[:last], old.generator.blocks[:-2], strict=True):
        mine.load_state_dict(theirs.state_dict())
    model.generator.blocks[-2].load_state_dict(old.generator.blocks[-2].state_dict())
    for part in ('quantize', 'feat_emb', 'ft_layers', 'idx_pred_layer'):
        getattr(model, part).load_state_dict(getattr(old, part).state_dict())
    model.position_emb.copy_(old.position_emb)
    for side, fuse in old.fuse_convs_dict.items():
        model.fuse_convs_dict[side].load_state_dict(fuse.state_dict())

    for block in (model.encoder.blocks[:first], model.generator.blocks[last:]):
        for part in block.modules():
            if isinstance(part, ResBlock):
                nn.init.zeros_(part.conv2.bias)     # the weights are 0 already

    enter, down = model.encoder.blocks[0], model.encoder.blocks[first - 1].conv
    patch = config['patch']
    each = torch.eye(3 * patch ** 2, device=pictures.device)[..., None, None]
    area = shrink(F.pixel_shuffle(each, patch)).flatten(1).T
    # The shrunk pixels of the neighbours at the corners: with them, the next convolution sees five of the six rows that the old one saw.
    corners = [(0, 0), (2, 2), (0, 2), (2, 0)][:enter.out_channels // len(area)] if enter.out_channels >= 4 * len(area) else [(1, 1)]
    nn.init.zeros_(enter.weight)
    nn.init.zeros_(enter.bias)
    for i, (y, x) in enumerate(corners):
        enter.weight[i * len(area):(i + 1) * len(area), :, y, x] = area
    pad = nn.ZeroPad2d((0, 1, 0, 1))
    least_squares(down, ((pad(enter(F.pixel_unshuffle(x, patch))), old.encoder.blocks[0](F.pixel_unshuffle(shrink(x), patch)))
                         for x in pictures.split(1)))

    up, leave = model.generator.blocks[last].conv, model.generator.blocks[-1]
    nn.init.dirac_(up.weight)
    nn.init.zeros_(up.bias)
    seen = []
    hook = old.generator.blocks[-2].register_forward_hook(lambda _, __, y: seen.append(y))

    def outputs():
        for i, x in enumerate(pictures.split(1)):
            y = old(shrink(x), i % 2)[0].clamp(-1, 1)
            yield F.pad(F.interpolate(seen.pop(), scale_factor=2.0), (1, 1, 1, 1)), F.pixel_unshuffle(enlarge(y), patch)
    least_squares(leave, outputs())
    hook.remove()
    return model
