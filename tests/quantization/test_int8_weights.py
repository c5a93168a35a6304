"""Matrices in int8 rows: near what they were, and refused where they do not fit."""

import numpy as np
import pytest
import safetensors.numpy

from showtell import Captioner
from showtell.errors import BundleError, InputError
from showtell.files import json_bytes
from showtell.models.bundle import INT8_FORMAT, read_bundle, write_bundle
from showtell.quantization.int8_weights import from_rows, pack, to_rows, unpack


@pytest.fixture
def matrix():
    """Rows of very different size, which one scale for all would ruin."""
    rng = np.random.default_rng(0)
    return (rng.normal(0, 1, (80, 60)) * np.geomspace(0.02, 50, 80)[:, None]).astype(np.float32)


def test_every_weight_is_within_half_a_scale_of_its_row(matrix):
    counts, scales = to_rows(matrix)
    assert (counts.dtype, scales.dtype) == (np.int8, np.float16)
    off = np.abs(from_rows(counts, scales) - matrix).max(axis=1)
    assert np.all(off <= 0.51 * np.abs(matrix).max(axis=1) / 127 + 127 * scales * 2.0**-11)
    assert np.abs(counts).max(axis=1).min() >= 126


def test_rows_of_zeros_and_kernels_of_more_axes_come_back(matrix):
    zeros = np.zeros((3, 5), np.float32)
    assert np.array_equal(from_rows(*to_rows(zeros)), zeros)
    kernel = matrix.reshape(80, 3, 4, 5)
    assert from_rows(*to_rows(kernel)) == pytest.approx(from_rows(*to_rows(matrix)).reshape(kernel.shape))


def test_large_matrices_are_packed_and_everything_else_is_left(matrix):
    tensors = {
        "large": matrix,
        "half": matrix.astype(np.float16),
        "small": matrix[:3],
        "vector": np.ones(9000, np.float32),
        "ids": np.arange(9000).reshape(90, 100),
    }
    packed = pack(tensors)
    assert {name for name in packed if packed[name].dtype == np.int8} == {"large", "half"}
    assert set(packed) - set(tensors) == {"large.scales", "half.scales"}
    unpacked = unpack(packed)
    assert set(unpacked) == set(tensors)
    assert np.array_equal(unpacked["large"], from_rows(*to_rows(matrix)))
    for name in ("small", "vector", "ids"):
        assert unpacked[name] is tensors[name]


def test_scales_that_fit_no_matrix_are_refused(matrix):
    packed = pack({"large": matrix})
    for broken in (
        packed | {"large.scales": packed["large.scales"][:-1]},
        packed | {"large": matrix},
        {"large.scales": packed["large.scales"]},
    ):
        with pytest.raises(InputError, match=r"large\.scales are not the scales"):
            unpack(broken)


@pytest.fixture
def int8_bundle(tiny_bundle, tmp_path, monkeypatch):
    """The tiny model with all its matrices in int8, small as they are."""
    monkeypatch.setattr("showtell.quantization.int8_weights._SMALLEST", 1)
    bundle = read_bundle(tiny_bundle)
    weights = safetensors.numpy.save(pack(safetensors.numpy.load(bundle.parts["weights.safetensors"])))
    model = json_bytes(bundle.model | {"format": INT8_FORMAT})
    path = tmp_path / "int8.showtell"
    write_bundle(path, {**bundle.parts, "model.json": model, "weights.safetensors": weights})
    return path


def test_a_bundle_in_int8_has_nearly_the_weights_of_the_one_in_float16(tiny_bundle, int8_bundle):
    before, after = read_bundle(tiny_bundle), read_bundle(int8_bundle)
    expected, found = before.weights(), after.weights()
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name].dtype == np.float32
        assert found[name] == pytest.approx(expected[name], abs=float(np.abs(expected[name]).max()) / 200)
    picture = np.random.default_rng(3).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    one, other = Captioner(tiny_bundle).caption(picture), Captioner(int8_bundle).caption(picture)
    assert other.score == pytest.approx(one.score, abs=0.5)


def test_a_bundle_whose_scales_do_not_fit_is_one_clear_error(int8_bundle):
    bundle = read_bundle(int8_bundle)
    tensors = safetensors.numpy.load(bundle.parts["weights.safetensors"])
    name = next(name for name in tensors if name.endswith(".scales"))
    tensors[name] = tensors[name][:-1]
    write_bundle(int8_bundle, {**bundle.parts, "weights.safetensors": safetensors.numpy.save(tensors)})
    with pytest.raises(BundleError, match=r"int8\.showtell: .*are not the scales"):
        Captioner(int8_bundle).caption(np.zeros((8, 8, 3), np.uint8))
