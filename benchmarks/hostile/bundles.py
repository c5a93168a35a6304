"""Model bundles by someone who can make sums anew: mutations of JSON, tensors, graphs and the zip."""

import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from hostile.archives import zip_
from hostile.captions import changed
from hostile.generic import mutated
from showtell.files import sha256_of

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"
SUMS = "SHA256SUMS"
_OPERATORS = ("Identity", "Loop", "Scan", "Relu", "Shape", "NoSuchThing", "If", "Concat", "Reshape", "Gather", "MatMul")


def bundles() -> list[bytes]:
    """One of each kind of decoder."""
    return [(FIXTURES / f"{kind}.showtell").read_bytes() for kind in ("show_and_tell", "attention", "transformer")]


def bundle(data: bytes, rng: random.Random) -> bytes:
    """Change a part, or the list of parts, and make the sums anew; or change the zip."""
    if rng.random() < 0.15:
        return zip_(data, rng) if rng.random() < 0.7 else mutated(data, rng)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # no zip any more
        return mutated(data, rng)
    parts.pop(SUMS, None)
    if not parts:
        return mutated(data, rng)
    name = rng.choice(sorted(parts))
    kind = rng.random()
    if kind < 0.05:
        del parts[name]
    elif kind < 0.1:
        parts[rng.choice(("../x", "/x", "extra.json", "tags.json", "calibration.json", name + " "))] = parts[name]
    else:
        parts[name] = _part(name, parts[name], rng)
    sums = "".join(f"{sha256_of(content)}  {one}\n" for one, content in sorted(parts.items()))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for one, content in {**parts, SUMS: sums.encode()}.items():
            archive.writestr(one, content)
    return buffer.getvalue()


def _part(name: str, data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.1:
        return mutated(data, rng)
    try:
        if name.endswith(".json"):
            return json.dumps(changed(json.loads(data), rng)).encode()
        if name.endswith(".safetensors"):
            return _tensors(data, rng)
        if name.endswith(".onnx"):
            return _graph(data, rng)
    except Exception:  # mutated already
        pass
    return mutated(data, rng)


def _tensors(data: bytes, rng: random.Random) -> bytes:
    """Missing tensors, other shapes, types and values; or another header."""
    if rng.random() < 0.3:
        size = int.from_bytes(data[:8], "little")
        header = json.dumps(changed(json.loads(data[8 : 8 + size]), rng)).encode()
        lie = rng.choice((0, 0, 1, 2**63, -8))
        return ((len(header) + lie) % 2**64).to_bytes(8, "little") + header + data[8 + size :]
    tensors = safetensors.numpy.load(data)
    name = rng.choice(sorted(tensors))
    kind = rng.randrange(4)
    if kind == 0:
        del tensors[name]
    elif kind == 1:
        tensors[name] = np.zeros(rng.choice([(0,), (1,), (3, 3), (1, 1, 1), (10**6,)]), tensors[name].dtype)
    elif kind == 2:
        tensors[name] = tensors[name].astype(rng.choice([np.int8, np.float64, np.int64, np.bool_]))
    else:
        value: Any = (
            rng.choice((3e4, -3e4, float("nan"), float("inf"), 1e-8)) if tensors[name].dtype.kind == "f" else 100
        )
        tensors[name] = np.full_like(tensors[name], value)
    return bytes(safetensors.numpy.save(tensors))


def _graph(data: bytes, rng: random.Random) -> bytes:
    """Other operators, inputs, outputs, attributes and tensors, without names of files."""
    from onnx import TensorProto, load_from_string

    model = load_from_string(data)
    nodes = model.graph.node
    node = nodes[rng.randrange(len(nodes))]
    kind = rng.randrange(7)
    if kind == 0:
        nodes.remove(node)
    elif kind == 1:
        node.op_type = rng.choice(_OPERATORS)
    elif kind == 2 and model.graph.output:
        model.graph.output[rng.randrange(len(model.graph.output))].name = "other"
    elif kind == 3 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(("", node.output[0], model.graph.input[0].name))
    elif kind == 4 and node.attribute:
        attribute = rng.choice(node.attribute)
        attribute.i = rng.choice((-1, 0, 10**6))
        del attribute.ints[:]
    elif kind == 5 and model.graph.initializer:
        tensor = rng.choice(model.graph.initializer)
        tensor.data_type = rng.choice((TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, 99))
        if tensor.dims:
            tensor.dims[0] = rng.choice((-1, 0, 1, 10**9))
    else:
        return mutated(model.SerializeToString(), rng)
    return bytes(model.SerializeToString())
