"""How long an encoder takes to learn from a picture: forwards and backwards, by layer, precision and kind of kernels.

    python benchmarks/fine_tuning.py --encoder efficientnet_lite2 --pictures 16

Each row is the least of several runs, in milliseconds of processor time a picture (of all cores together), so that
other work on the machine matters little. The front is everything before the first trained layer; it runs once for each
picture.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from showtell.encoders import encoder_graph
from showtell.images.preprocessing import normalize
from showtell.onnx_graphs.session import available_cores, open_session
from showtell.training.encoder.module import EncoderModule

WAYS = (("bfloat16", False), ("bfloat16", True), ("float32", False), ("float32", True))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the training of an encoder.")
    parser.add_argument("--encoder", default="efficientnet_lite2")
    parser.add_argument("--layers", nargs="*", default=["", "_blocks.9"], help="first trained layers; '' is all")
    parser.add_argument("--pictures", type=int, default=16, help="in a batch")
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=available_cores())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    graph = encoder_graph(options.encoder)
    print(f"{options.encoder}, {options.pictures} pictures, {options.threads} threads: ms of processor time a picture")
    for layer in options.layers:
        front, given = inputs_of(graph, layer, options)
        print(f"\nfrom {layer or 'the beginning'}" + (f"; front, once a picture: {front:.0f}" if layer else ""))
        print("| precision | depthwise kernels | forwards | and backwards |\n|---|---|---|---|")
        for precision, depthwise in WAYS:
            module = EncoderModule(graph, layer, depthwise=depthwise)
            forwards, both = time_of(module, given, precision, options.runs)
            count = options.pictures
            print(
                f"| {precision} | {'trained' if depthwise else 'as they are'} | {forwards / count:.0f} "
                f"| {both / count:.0f} |",
                flush=True,
            )


def inputs_of(graph: bytes, layer: str, options: argparse.Namespace) -> tuple[float, torch.Tensor]:
    """Milliseconds that the front takes for a picture, and what it gives, channels last."""
    module = EncoderModule(graph, layer)
    side = module.info.preprocessing.size
    squares = np.random.default_rng(0).integers(0, 256, (options.pictures, side, side, 3), np.uint8)
    picture = normalize(squares, module.info.preprocessing)
    if not module.has_front:
        return 0.0, torch.from_numpy(picture).contiguous(memory_format=torch.channels_last)
    session = open_session(module.front(), options.threads)
    least = min(spent(lambda: session.run(None, {"picture": picture})) for _ in range(options.runs))
    given = torch.from_numpy(session.run(None, {"picture": picture})[0])
    return least / options.pictures, given.contiguous(memory_format=torch.channels_last)


def time_of(module: EncoderModule, given: torch.Tensor, precision: str, runs: int) -> tuple[float, float]:
    """Least milliseconds of a batch forwards, and forwards and backwards."""
    forwards, both = [], []
    for _ in range(runs):
        losses = []

        def forward(losses: list[torch.Tensor] = losses) -> None:
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                pooled, _ = module.learn(given)
                losses.append(pooled.float().square().mean())

        forwards.append(spent(forward))
        both.append(forwards[-1] + spent(losses[0].backward))
    return min(forwards), min(both)


def spent(work: Callable[[], object]) -> float:
    """Milliseconds of processor time, all threads together."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


if __name__ == "__main__":
    main()
