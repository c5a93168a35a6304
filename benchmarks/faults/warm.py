"""Imported by the server of processes before training is struck: what a first export to ONNX sets up is there already.

One thread alone, as threads do not survive a fork.
"""

import torch

from showtell.onnx_graphs.export import to_onnx

torch.set_num_threads(1)
to_onnx(torch.nn.Linear(2, 2), [torch.zeros(1, 2)], ["x"], ["y"], None)
