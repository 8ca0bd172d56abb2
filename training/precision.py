"""Where bfloat16 is worth it; numbers that lie on the device already."""
import functools
import torch


def half_is_fast(device):
    """Processors without instructions for bfloat16 take ten times as long with it."""
    return torch.device(device).type == 'cuda' or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def autocast(device):
    return torch.autocast(torch.device(device).type, torch.bfloat16, half_is_fast(device))


@functools.cache
def constant(values, device):
    """A tensor of a nested tuple: made once, as each copy to a GPU waits for all that it still has to do."""
    return torch.tensor(values, device=device)
