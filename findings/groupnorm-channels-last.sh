#!/bin/sh
# torch 2.13.0 on a CPU: GroupNorm's forward and backward pass on channels-last memory takes several
# times as long as on contiguous memory, although convolutions are faster with it; and in bfloat16,
# which is to make training faster, channels-last takes longer than float32 does.
# Seen, 32 images of 8 channels, 48x48, one thread: float32 1.3 ms contiguous and 6.4 ms channels-last,
# bfloat16 0.7 ms and 21 ms. Memory in that order pays for networks with batch normalisation only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0 numpy==2.4.1
"$folder/env/bin/python" - <<'PYTHON'
import time

import torch

torch.set_num_threads(1)
norm = torch.nn.GroupNorm(8, 8)
took = {}
for dtype in (torch.float32, torch.bfloat16):
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(32, 8, 48, 48).to(dtype).to(memory_format=layout).requires_grad_()
        times = []
        for _ in range(20):
            start = time.process_time()
            norm(x).sum().backward()
            times.append(time.process_time() - start)
        took[dtype, layout] = min(times)
        print(dtype, layout, f"{1e3 * min(times):.2f} ms")
for dtype in (torch.float32, torch.bfloat16):
    ratio = took[dtype, torch.channels_last] / took[dtype, torch.contiguous_format]
    assert ratio > 2, f"{dtype}: channels-last takes {ratio:.1f} times as long as contiguous memory"
slower = took[torch.bfloat16, torch.channels_last] / took[torch.float32, torch.channels_last]
assert slower > 1.3, f"bfloat16 takes {slower:.1f} times as long as float32"
print("as described")
PYTHON
