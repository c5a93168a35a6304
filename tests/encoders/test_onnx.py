"""`onnx:FILE`: the user's own graph, whatever its layout and names, becomes an encoder that computes the same."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx_networks import DIM, KERNEL, MEAN, SIZE, STD, network, saved
from showtell.encoders import Encoder, encoder_graph
from showtell.errors import InputError, MissingExtra
from showtell.images.preprocessing import Preprocessing, normalize


def pictures(n=3, side=SIZE):
    return np.random.default_rng(1).integers(0, 256, (n, side, side, 3), np.uint8)


def expected(squares, mean=MEAN, std=STD):
    """The network by NumPy alone: pooled `(B, D)` and grid `(B, L, D)`."""
    values = ((squares - np.array(mean)) / np.array(std)).astype(np.float32)
    cells = values.reshape(len(squares), SIZE // 4, 4, SIZE // 4, 4, 3)
    grid = np.maximum(0, np.einsum("byixjc,dcij->byxd", cells, KERNEL)).reshape(len(squares), -1, DIM)
    return grid.mean(axis=1), grid


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    ("outputs", "description"),
    [
        (["features"], {"channels": "RGB"}),
        (["tokens"], {"licence": "MIT"}),
        (["logits"], {"grid": "tokens"}),
        (["logits"], {"pooled": "vector", "grid": "tokens"}),
        (["logits", "vector"], {"pooled": "mean", "grid": "tokens"}),
    ],
)
def test_a_graph_gives_pooled_and_grid_embeddings(tmp_path, layout, outputs, description):
    if outputs == ["features"] and layout == "NHWC":
        outputs = ["last"]  # such graphs give their features channels last as well
    path = saved(tmp_path, network(layout, outputs=outputs), **description)
    encoder = Encoder(encoder_graph(f"onnx:{path}"))
    pooled, grid = expected(pictures())
    assert encoder(pictures()) == pytest.approx(pooled, abs=1e-5)
    assert encoder(pictures(), "grid") == pytest.approx(grid, abs=1e-5)
    assert encoder.info.shape("grid") == (16, DIM)
    assert encoder.info.name == "onnx:net.onnx"
    assert (encoder.info.preprocessing.layout, encoder.info.preprocessing.size) == (layout, SIZE)


def test_an_output_without_places_has_no_grid(tmp_path):
    for name in ("vector", "mean"):  # (B, D) and (B, D, 1, 1)
        encoder = Encoder(encoder_graph(f"onnx:{saved(tmp_path, network(outputs=[name]), channels='RGB')}"))
        assert encoder(pictures()) == pytest.approx(expected(pictures())[0], abs=1e-5)
        with pytest.raises(InputError, match="no grid output"):
            encoder(pictures(), "grid")


def test_pixels_are_reordered_and_normalised_as_the_description_says(tmp_path):
    path = saved(
        tmp_path, network(outputs=["features"]), channels="BGR", mean=[103.939, 116.779, 123.68], std=[1, 1, 1]
    )
    encoder = Encoder(encoder_graph(f"onnx:{path}"))
    pooled, _ = expected(pictures()[..., ::-1], [103.939, 116.779, 123.68], [1, 1, 1])
    assert encoder(pictures()) == pytest.approx(pooled, rel=1e-4)


def test_both_layouts_hold_the_same_numbers_and_channels_last_is_not_turned():
    squares = pictures()
    first = normalize(squares, Preprocessing(SIZE, mean=tuple(MEAN), std=tuple(STD), channels="BGR"))
    last = normalize(squares, Preprocessing(SIZE, mean=tuple(MEAN), std=tuple(STD), channels="BGR", layout="NHWC"))
    assert (first.transpose(0, 2, 3, 1) == last).all()
    assert last.flags.c_contiguous
    assert first.flags.c_contiguous


def test_the_description_may_stand_in_the_graph_and_a_file_beside_it_wins(tmp_path):
    model = network(outputs=["features"])
    helper.set_model_props(model, {"showtell": json.dumps({"mean": [0, 0, 0], "std": [1, 1, 1]}), "author": "me"})
    path = saved(tmp_path, model)
    graph = encoder_graph(f"onnx:{path}")
    assert Encoder(graph).info.preprocessing.mean == (0, 0, 0)
    assert any(entry.key == "author" for entry in onnx.load_from_string(graph).metadata_props)
    (tmp_path / "net.onnx.json").write_text(json.dumps({"mean": MEAN, "std": STD}))
    assert Encoder(encoder_graph(f"onnx:{path}")).info.preprocessing.mean == tuple(MEAN)


def test_a_graph_that_showtell_made_is_taken_as_it_is(tmp_path, tiny_encoder):
    (tmp_path / "tiny.onnx").write_bytes(tiny_encoder)
    encoder = Encoder(encoder_graph("onnx:tiny.onnx", root=tmp_path))
    squares = pictures(side=32)
    assert encoder.info == Encoder(tiny_encoder).info
    assert (encoder(squares, "grid") == Encoder(tiny_encoder)(squares, "grid")).all()


def test_a_fixed_batch_of_one_is_opened_where_the_graph_allows_it(tmp_path):
    path = saved(tmp_path, network(batch=1, outputs=["features"]), channels="RGB")
    assert Encoder(encoder_graph(f"onnx:{path}"))(pictures(5)) == pytest.approx(expected(pictures(5))[0], abs=1e-5)


def test_size_is_needed_where_the_graph_takes_any(tmp_path):
    path = saved(tmp_path, network(side="S", outputs=["features"]), channels="RGB")
    with pytest.raises(InputError, match=r"net\.onnx: .*add 'size'"):
        encoder_graph(f"onnx:{path}")
    saved(tmp_path, network(side="S", outputs=["features"]), size=2 * SIZE)
    assert Encoder(encoder_graph(f"onnx:{path}")).info.cells == 64


def test_what_the_encoder_does_not_need_is_left_out(tmp_path):
    path = saved(tmp_path, network(), grid="features")
    graph = onnx.load_from_string(encoder_graph(f"onnx:{path}"))
    assert {initializer.name for initializer in graph.graph.initializer} == {"kernel"}


def test_names_that_showtell_uses_itself_may_be_used_in_the_graph(tmp_path):
    model = network(picture="grid", outputs=["picture"], flat=("picture", "pooled"))
    encoder = Encoder(encoder_graph(f"onnx:{saved(tmp_path, model, channels='RGB')}"))
    assert encoder(pictures(), "grid") == pytest.approx(expected(pictures())[1], abs=1e-5)


def test_tensors_that_lie_in_a_file_beside_the_graph_come_along(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(network(outputs=["features"]), path, save_as_external_data=True, location="net.data", size_threshold=0)
    (tmp_path / "net.onnx.json").write_text(json.dumps({"mean": MEAN, "std": STD}))
    graph = encoder_graph(f"onnx:{path}")
    (tmp_path / "net.data").unlink()
    assert Encoder(graph)(pictures()) == pytest.approx(expected(pictures())[0], abs=1e-5)
    with pytest.raises(InputError, match=r"net\.onnx: not a complete ONNX model"):
        encoder_graph(f"onnx:{path}")


def test_the_fingerprint_follows_weights_and_description_not_the_files_place(tmp_path):
    def fingerprint(path):
        return Encoder(encoder_graph(f"onnx:{path}")).info.fingerprint

    (tmp_path / "other").mkdir()
    model = network(outputs=["features"])
    first = fingerprint(saved(tmp_path, model, channels="RGB"))
    assert fingerprint(saved(tmp_path / "other", model, channels="RGB")) == first
    assert fingerprint(saved(tmp_path / "other", model, channels="BGR")) != first
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(KERNEL * 1.001, "kernel"))
    assert fingerprint(saved(tmp_path, model, channels="RGB")) != first


@pytest.mark.parametrize(
    ("model", "description", "message"),
    [
        (network(), {}, r"write net\.onnx\.json beside it"),
        (network(), {"mean": [1, 2]}, "'mean': a list of three numbers"),
        (network(), {"std": "torch"}, "'std': a list of three numbers"),
        (network(), {"std": [1, 0, 1]}, "none of std zero"),
        (network(), {"crop": 3}, "has no key 'crop': there are mean, std, size"),
        (network(), {"size": "224"}, "'size' must be of type int, not '224'"),
        (network(), {"size": 32}, "takes pictures of 16 x 16, but its description says size 32"),
        (network(), {"layout": "CHWN"}, "add 'layout', NCHW or NHWC"),
        (network(), {"interpolation": "cubic"}, "interpolation 'cubic' is unknown: choose one of bilinear"),
        (network(), {"pooled": "features"}, r"'pooled' must be \(B, D\), but 'features' is \(B, 6, 4, 4\)"),
        (network(), {"grid": "vector"}, r"'grid' must be \(B, L, D\).* but 'vector' is \(B, 6\)"),
        (
            network(),
            {"grid": "features", "pooled": "logits"},
            r"'pooled' must be \(B, 6\), but 'logits' is \(B, 1000\)",
        ),
        (network(), {"grid": "planes5"}, "has no tensor 'planes5', which its description calls 'grid'"),
        (network(outputs=["logits", "tokens"]), {"size": 16}, "has the outputs logits, tokens: name the one"),
    ],
)
def test_what_a_graph_does_not_say_or_says_wrongly_is_a_clear_error(tmp_path, model, description, message):
    path = saved(tmp_path, model, **description)
    with pytest.raises(InputError, match=message) as caught:
        encoder_graph(f"onnx:{path}")
    assert "net.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_graphs_that_take_no_picture_are_clear_errors(tmp_path):
    def refused(change, message):
        model = network(outputs=["features"])
        change(model.graph)
        with pytest.raises(InputError, match=message):
            encoder_graph(f"onnx:{saved(tmp_path, model, channels='RGB')}")

    def second_input(graph):
        graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))

    def bytes_in(graph):
        graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8

    def oblong(graph):
        graph.input[0].type.tensor_type.shape.dim[3].dim_value = 20

    def one_picture_only(graph):
        graph.initializer[2].CopyFrom(numpy_helper.from_array(np.array([1, 16, DIM], np.int64), "shape"))
        graph.output[0].name = "tokens"

    refused(second_input, "must have one input, the pictures, but has image, mask")
    refused(bytes_in, "must be float32 of four axes")
    refused(oblong, "takes pictures of 16 x 20: only squares")
    refused(one_picture_only, "export it for any batch size")


def test_a_missing_file_and_one_that_is_no_graph_are_clear_errors(tmp_path):
    with pytest.raises(InputError, match=r"none\.onnx: cannot be read \(No such file"):
        encoder_graph(f"onnx:{tmp_path / 'none.onnx'}")
    (tmp_path / "net.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(InputError, match=r"net\.onnx: not a complete ONNX model"):
        encoder_graph(f"onnx:{tmp_path / 'net.onnx'}")
    with pytest.raises(InputError, match=r"own weights: leave out .*weights\.h5"):
        encoder_graph(f"onnx:{tmp_path / 'net.onnx'}", tmp_path / "weights.h5")


def test_without_the_package_onnx_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingExtra, match=r"pip install 'showtell\[onnx\]'"):
        encoder_graph(f"onnx:{tmp_path / 'net.onnx'}")


def test_the_graphs_themselves_compute_what_this_test_expects():
    """The yardstick of this page, measured: ONNX Runtime on the original network against NumPy."""
    session = onnxruntime.InferenceSession(network(outputs=["tokens", "vector"]).SerializeToString())
    inputs = normalize(pictures(), Preprocessing(SIZE, mean=tuple(MEAN), std=tuple(STD)))
    tokens, vector = session.run(["tokens", "vector"], {"image": inputs})
    pooled, grid = expected(pictures())
    assert tokens == pytest.approx(grid, abs=1e-5)
    assert vector == pytest.approx(pooled, abs=1e-5)
