"""Runs the layers that bench/layers.ts lists in PyTorch: once for each line that it is sent; answers a line of JSON each time.

Arguments: a folder with layers.json and constants.bin, and the number of threads. After the first run, the answer has the output.
With `cuda` in the place of the number it times them on the GPU, and prints the median of some runs in milliseconds, as eager f32 without TF32
and as f16 in channels_last.
"""

import json
import resource
import sys
from pathlib import Path

import numpy
import torch
from torch.nn import functional as F


def load(folder):
    """Layers, and constants by name."""
    described = json.loads((folder / "layers.json").read_text())
    values = torch.from_numpy(numpy.fromfile(folder / "constants.bin", dtype=numpy.float32))
    constants, at = {}, 0
    for name, shape in described["constants"]:
        count = numpy.prod(shape, dtype=int)
        constants[name] = values[at : at + count].reshape(shape).clone()
        if len(shape) == 4:
            constants[name] = constants[name].contiguous(memory_format=torch.channels_last)
        at += count
    return described["layers"], constants


def statistics(x):
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + 1e-5).sqrt()


def attention(layer, q, k, v):
    def heads(x):
        return x.reshape(1, layer["heads"], -1, x.shape[2] * x.shape[3]).transpose(2, 3)

    y = F.scaled_dot_product_attention(heads(q), heads(k), heads(v), scale=layer["scale"])
    return y.transpose(2, 3).reshape(layer["shape"])


def conv(layer, x, weights, bias=None):
    top, left, bottom, right = layer["pads"]
    if (top, left) == (bottom, right):
        return F.conv2d(x, weights, bias, layer["stride"], (top, left))
    return F.conv2d(F.pad(x, (left, right, top, bottom)), weights, bias, layer["stride"])


def layer_norm(layer, x, gamma, beta):
    return F.layer_norm(x.permute(0, 2, 3, 1), gamma.shape, gamma, beta, layer["eps"]).permute(0, 3, 1, 2)


def adain(x, style):
    mean, deviation = statistics(x)
    style_mean, style_deviation = statistics(style)
    return (x - mean) / deviation * style_deviation + style_mean


OPERATIONS = {
    "conv": conv,
    "group-norm": lambda layer, x, gamma, beta: F.group_norm(x, layer["groups"], gamma, beta, layer["eps"]),
    "layer-norm": layer_norm,
    "swish": lambda layer, x: F.silu(x),
    "gelu": lambda layer, x: F.gelu(x),
    "leaky": lambda layer, x: F.leaky_relu(x, layer["slope"]),
    "upsample": lambda layer, x: F.interpolate(x, scale_factor=2, mode="nearest"),
    "add": lambda layer, a, b: a + b,
    "attention": attention,
    "concat": lambda layer, *x: torch.cat(x, 1),
    "slice": lambda layer, x: x[:, layer["from"] : layer["from"] + layer["count"]],
    "reshape": lambda layer, x: x.reshape(layer["shape"]),
    "argmax": lambda layer, x: x.argmax(1).reshape(-1),
    "lookup": lambda layer, indices, table: table[indices].T.reshape(layer["shape"]),
    "adain": lambda layer, x, style: adain(x, style),
    "fusion": lambda layer, d, scale, shift: d + layer["fidelity"] * (d * scale + shift),
}


def run(layers, constants, x):
    """The output; values are dropped after their last use."""
    last = {name: i for i, layer in enumerate(layers) for name in layer["inputs"]}
    values = {"input": x}
    for i, layer in enumerate(layers):
        inputs = [values[name] if name in values else constants[name] for name in layer["inputs"]]
        values[layer["output"]] = OPERATIONS[layer["op"]](layer, *inputs)
        for name in layer["inputs"]:
            if last[name] == i:
                values.pop(name, None)
    return values["output"]


def on_gpu(layers, constants, picture, runs=20):
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    found = {"version": torch.__version__, "device": torch.cuda.get_device_name()}
    formats = {
        "f32 eager": (torch.float32, torch.contiguous_format),
        "f16 channels_last": (torch.float16, torch.channels_last),
    }
    for name, (dtype, memory) in formats.items():
        def move(x):
            return x.to("cuda", dtype, memory_format=memory if x.dim() == 4 else torch.preserve_format)

        own, x, times = {key: move(value) for key, value in constants.items()}, move(picture), []
        with torch.inference_mode():
            for _ in range(runs + 3):
                begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                begin.record()
                run(layers, own, x)
                end.record()
                torch.cuda.synchronize()
                times.append(begin.elapsed_time(end))
        found[name] = sorted(times[3:])[runs // 2]
    print(json.dumps(found))


def main():
    folder = Path(sys.argv[1])
    layers, constants = load(folder)
    size = layers[-1]["shape"][2]
    picture = torch.from_numpy(numpy.fromfile(folder / "input.bin", dtype=numpy.float32)).reshape(1, 3, size, size)
    if sys.argv[2] == "cuda":
        return on_gpu(layers, constants, picture)
    torch.set_num_threads(int(sys.argv[2]))
    picture = picture.contiguous(memory_format=torch.channels_last)
    print(json.dumps({"version": torch.__version__}), flush=True)
    for _ in sys.stdin:
        before = resource.getrusage(resource.RUSAGE_SELF)
        with torch.inference_mode():
            output = run(layers, constants, picture)
        after = resource.getrusage(resource.RUSAGE_SELF)
        output.contiguous().numpy().tofile(folder / "output.bin")
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(json.dumps({"processor": processor}), flush=True)


main()
