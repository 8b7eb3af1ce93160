#!/bin/sh
# torch 2.13.0 on a processor with avx512_bf16: a convolution with one kernel per channel is faster
# backward in bfloat16 than in float32 when it is 3x3 with stride 1, and many times slower with
# stride 2 or 5x5, the ones that EfficientNet and its like go down with; its forward pass is not.
# So autocast makes such a layer slower to train, not faster, and only some of them.
# Seen, 8 images of 240 channels, 15x20, one thread, forward and backward: 3x3 5.0 and 0.7 ms
# (float32, bfloat16), 3x3 with stride 2 0.4 and 13 ms, 5x5 7 and 16 ms, 5x5 with stride 2 3 and 28 ms.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0 numpy==2.4.1
"$folder/env/bin/python" - <<'PYTHON'
import time

import torch

torch.set_num_threads(1)
torch.manual_seed(0)


def least(pass_through):
    times = []
    for _ in range(15):
        start = time.process_time()
        pass_through()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def milliseconds(kernel, stride, dtype):
    layer = torch.nn.Conv2d(240, 240, kernel, stride, kernel // 2, groups=240, bias=False)
    layer = layer.to(dtype).to(memory_format=torch.channels_last)
    x = torch.randn(8, 240, 15, 20).to(dtype).to(memory_format=torch.channels_last)
    x.requires_grad_()
    ones = torch.ones_like(layer(x))
    both = least(lambda: torch.autograd.grad(layer(x), (x, layer.weight), ones))
    return least(lambda: layer(x)), both


ratios = {}
for kernel, stride in ((3, 1), (3, 2), (5, 1), (5, 2)):
    exact, half = (milliseconds(kernel, stride, t) for t in (torch.float32, torch.bfloat16))
    ratios[kernel, stride] = half[1] / exact[1]
    print(
        f"{kernel}x{kernel}, stride {stride}: forward {exact[0]:.2f} and {half[0]:.2f} ms, "
        f"with backward {exact[1]:.2f} and {half[1]:.2f} ms, float32 and bfloat16"
    )
assert ratios.pop((3, 1)) < 1
assert min(ratios.values()) > 1.5, ratios
print("as described")
PYTHON
