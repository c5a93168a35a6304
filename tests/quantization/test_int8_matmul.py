"""Products in int8: near those of the same matrices in float32, and of every row by itself."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from showtell.onnx_graphs.session import open_session
from showtell.quantization.int8_matmul import multiply_in_int8
from showtell.quantization.int8_weights import as_taken, from_rows, scales_of, to_rows

WORDS, WIDE, NARROW = 70, 48, 30


def serialised(nodes, weights, outputs):
    """A graph of ids `tokens (N,)` and `x (N, WIDE)` whose weights are external, as a bundle's are."""
    initializers = []
    for name, value in weights.items():
        tensor = numpy_helper.from_array(value, name)
        if value.dtype == np.float32:
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="weights.safetensors")
        initializers.append(tensor)
    inputs = [("tokens", TensorProto.INT64, ["N"]), ("x", TensorProto.FLOAT, ["N", WIDE])]
    graph = helper.make_graph(
        nodes,
        "steps",
        [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()


@pytest.fixture(scope="module")
def sessions():
    """A graph with every use of a matrix: in float32, in int8, and the names that the latter takes."""
    rng = np.random.default_rng(0)
    sizes = {"words": (WORDS, WIDE), "gates": (64, WIDE), "wide": (64, WIDE + NARROW), "scaled": (WIDE, WIDE)}
    packed = {name: to_rows(rng.normal(0, 1, size).astype(np.float32)) for name, size in sizes.items()}
    weights = {name: from_rows(*kept) for name, kept in packed.items()} | {"bias": rng.normal(0, 1, 64).astype("f")}
    cut = {"begin": np.array([NARROW]), "end": np.array([NARROW + WIDE]), "axis": np.array([1])}
    nodes = [
        helper.make_node("Gather", ["words", "tokens"], ["embedding"]),
        helper.make_node("Gemm", ["x", "gates", "bias"], ["product"], transB=1),
        helper.make_node("Slice", ["wide", *cut], ["columns"]),
        helper.make_node("Gemm", ["embedding", "columns"], ["of_words"], transB=1),
        helper.make_node("Transpose", ["words"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "turned"], ["logits"]),
        helper.make_node("Gemm", ["x", "scaled"], ["other_way"], transB=0),
    ]
    graph = serialised(nodes, weights | cut, ["embedding", "product", "of_words", "logits", "other_way"])
    changed, names = multiply_in_int8(graph, set(packed))
    kept = {name: counts for name, (counts, _) in packed.items()}
    kept |= {scales_of(name): scales for name, (_, scales) in packed.items()} | {"bias": weights["bias"]}
    return open_session(graph, 1, weights), open_session(changed, 1, as_taken(kept, names)), names


@pytest.fixture(scope="module")
def given():
    """Rows of very different size, one of them of zeros."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (6, WIDE)) * np.array([1e-3, 1, 300, 0, 1, 0.1])[:, None]
    return {"tokens": rng.integers(0, WORDS, 6), "x": x.astype(np.float32)}


def test_products_are_those_of_float32_within_the_rounding_of_each_row(sessions, given):
    exact, rounded, _ = sessions
    names = [out.name for out in exact.get_outputs()]
    expected = dict(zip(names, exact.run(names, given), strict=True))
    found = dict(zip(names, rounded.run(names, given), strict=True))
    assert np.array_equal(found["embedding"], expected["embedding"])
    assert found["of_words"] == pytest.approx(expected["of_words"], abs=1e-4)  # rows of a packed matrix are whole steps
    largest = np.abs(given["x"]).max(axis=1, keepdims=True)
    for name in ("product", "logits"):
        off = np.abs(found[name] - expected[name])
        assert np.all(off <= largest / 254 * WIDE * 4 + 1e-5)
        assert np.all(off.max(axis=1)[[0, 1, 2]] > 0)  # it was in int8 at all
    assert np.array_equal(found["product"][3], expected["product"][3])


def test_a_row_does_not_depend_on_what_else_is_in_the_batch(sessions, given):
    _, rounded, _ = sessions
    together = rounded.run(["product", "of_words", "logits"], given)
    for row in range(len(given["x"])):
        alone = rounded.run(
            ["product", "of_words", "logits"], {name: array[row : row + 1] for name, array in given.items()}
        )
        assert all(np.array_equal(one[0], all_rows[row]) for one, all_rows in zip(alone, together, strict=True))


def test_a_matrix_with_any_other_use_stays_in_float32(sessions):
    *_, names = sessions
    assert {name for name in names if scales_of(name) in names} == {"words", "gates", "wide"}
    assert "scaled" in names


def test_a_graph_without_such_matrices_stays_as_it_is():
    nodes = [helper.make_node("Gather", ["words", "tokens"], ["embedding"])]
    graph = serialised(nodes, {"words": np.ones((WORDS, WIDE), np.float32)}, ["embedding"])
    changed, names = multiply_in_int8(graph, {"elsewhere"})
    assert onnx.load_from_string(changed) == onnx.load_from_string(graph)
    assert names == ["words"]
