"""Where bfloat16 is worth it."""
import torch


def half_is_fast(device):
    """Processors without instructions for bfloat16 take ten times as long with it."""
    return torch.device(device).type == 'cuda' or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def autocast(device):
    return torch.autocast(torch.device(device).type, torch.bfloat16, half_is_fast(device))
