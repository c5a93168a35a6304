"""How close captioning and a training step come to what this processor can do.

    python benchmarks/roofline.py [--model BUNDLE ...] [--photos FOLDER_OR_ZIP] [--rounds 9]

On one thread, it first measures the rates of a large product of matrices in float32, bfloat16 and int8, and of copying
memory. Then, for each part of greedy captioning and for the notebook's training step, it prints the multiply-adds that
are unavoidable, the bytes of weights and activations or of logits that must be read and written once, the longer of the
times that both take at those rates, and the measured time (medians of processor time). Exponentials, roundings and
everything else that is not a product are not counted, so no part can reach 100%.
"""

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch.utils.flop_counter import FlopCounterMode

from contenders.captions import LENGTHS, WORDS
from contenders.training_step import steps
from showtell import Captioner
from showtell.data.sources.picture_source import PictureSource
from showtell.images.preprocessing import fitted
from showtell.onnx_graphs.session import open_session

SIDE = 1536  # of the matrices whose product shows what the processor can do
EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one thread: multiply-adds a second by type, and bytes copied a second, read and written ones both counted."""

    products: dict[str, float]
    copied: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", help="a bundle or a model's name")
    parser.add_argument("--photos", default=EXAMPLES, help="a folder or zip")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rates = measured_rates(args.rounds)
    for name, rate in rates.products.items():
        print(f"{name}: {rate / 1e9:.0f} thousand million multiply-adds a second", flush=True)
    print(f"memory: {rates.copied / 1e9:.1f} GB a second")
    print("\n| | million multiply-adds | MB | ms by the rates | ms it takes | reached |\n|---|---|---|---|---|---|")
    photos = [photo.data for photo in PictureSource(args.photos).read()]
    for model in args.model or ["flickr8k", "flickr8k-fast"]:
        print_captioning(model, photos, rates, args.rounds)
    for name in ("float32", "bfloat16"):
        print_training_step(name, rates, args.rounds)


def measured_rates(rounds: int) -> Rates:
    rng = np.random.default_rng(0)
    products = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        a, b = (torch.from_numpy(rng.random((SIDE, SIDE), np.float32)).to(dtype) for _ in range(2))
        products[name] = SIDE**3 / seconds(lambda a=a, b=b: a @ b, rounds)
    given = {"a": rng.integers(0, 255, (SIDE, SIDE)).astype(np.uint8)}
    session = open_session(int8_product(rng.integers(-127, 127, (SIDE, SIDE)).astype(np.int8)), 1)
    products["int8"] = SIDE**3 / seconds(lambda: session.run(None, given), rounds)
    source = np.ones(64 * 2**20, np.uint8)
    target = np.empty_like(source)
    return Rates(products, 2 * source.nbytes / seconds(lambda: np.copyto(target, source), rounds))


def int8_product(matrix: np.ndarray) -> bytes:
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["product"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, list(matrix.shape))],
        [helper.make_tensor_value_info("product", TensorProto.INT32, None)],
        [onnx.numpy_helper.from_array(matrix, "b")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()


def print_captioning(model: str, photos: list[bytes], rates: Rates, rounds: int) -> None:
    captioner = Captioner(model, threads=1)
    info = captioner.encoder.info
    squares = np.stack([fitted(photo, info.preprocessing) for photo in photos])
    embeddings = captioner.embed(squares)
    count = len(photos)
    adds, moved = costs(captioner.bundle.parts["encoder.onnx"])
    taken = seconds(lambda: captioner.embed(squares), rounds) / count
    print_row(f"{model}: the encoder, a picture", adds, moved, rates, info.precision, taken)
    said = captioner.caption_embeddings(embeddings, beam=1, guide="off")
    steps_taken = statistics.mean(len(caption.words) + 1 for caption in said)
    adds, moved = (steps_taken * cost for cost in costs(captioner.bundle.parts["step.onnx"]))
    taken = seconds(lambda: captioner.caption_embeddings(embeddings, beam=1, guide="off"), rounds) / count
    name = f"{model}: a sentence of {steps_taken:.1f} steps, greedily, its confidence and tags"
    print_row(name, adds, moved / count, rates, "int8", taken)  # pictures share the weights
    taken = seconds(lambda: [fitted(photo, info.preprocessing) for photo in photos], rounds) / count
    print(f"| {model}: its JPEG, read and made square | | | | {1000 * taken:.2f} | |", flush=True)


def costs(graph: bytes) -> tuple[float, float]:
    """Multiply-adds of a graph's int8 products for one row, and the bytes that they read and write."""
    model = onnx.load_from_string(graph)
    for given in model.graph.input:
        given.type.tensor_type.shape.dim[0].dim_value = 1
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    shapes = {
        value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*model.graph.value_info, *model.graph.input, *model.graph.output)
    } | {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    adds = moved = 0.0
    for node in model.graph.node:
        if node.op_type in ("Conv", "MatMulInteger"):
            taken, weights, made = (np.array(shapes[name]) for name in (*node.input[:2], node.output[0]))
            adds += made.prod() * (weights[1:].prod() if node.op_type == "Conv" else weights[0])
            moved += taken.prod() + weights.prod() + made.prod()
    return adds, moved


def print_training_step(name: str, rates: Rates, rounds: int) -> None:
    work = steps([], name == "bfloat16")
    with FlopCounterMode(display=False) as counter:
        work(1)
    adds = counter.get_total_flops() / 2
    width = 2 if name == "bfloat16" else 4
    words = sum((length - 1) * count for length, count in LENGTHS.items())
    logits = words * WORDS * width * 3  # written by one product, read by two
    print_row(f"the training step in {name}", adds, logits, rates, name, seconds(lambda: work(1), rounds))


def print_row(name: str, adds: float, moved: float, rates: Rates, precision: str, taken: float) -> None:
    least = max(adds / rates.products[precision], moved / rates.copied)
    print(
        f"| {name} | {adds / 1e6:,.0f} | {moved / 1e6:.1f} | {1000 * least:.2f} | {1000 * taken:.2f} "
        f"| {least / taken:.0%} |",
        flush=True,
    )


def seconds(work, rounds: int) -> float:
    """Median processor time of calls of `work`, after one that is not counted."""
    work()
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return statistics.median(times)


if __name__ == "__main__":
    main()
