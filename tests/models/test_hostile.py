"""Bundles by someone who can make sums anew: refused in one line, or harmless, in bounded time and memory."""

import copy
import json
import random
import time
import zipfile

import numpy as np
import pytest
import safetensors.numpy
from onnx import TensorProto, helper, load_from_string

from showtell.captioning.captioner import Captioner
from showtell.captioning.golden import replay
from showtell.errors import BundleError, ShowtellError
from showtell.models.bundle import read_bundle, write_bundle
from showtell.models.names import list_models
from showtell.onnx_graphs.safety import require_harmless
from showtell.onnx_graphs.session import open_session

PICTURE = np.random.default_rng(3).integers(0, 255, (50, 70, 3), dtype=np.uint8)
SEEDS = 300
LONGEST = 10.0  # seconds
HOSTILE = [
    None,
    True,
    -1,
    0,
    1e9,
    10**9,
    10**30,
    -0.5,
    "",
    "x" * 5000,
    "\x1b[31m",
    [],
    {},
    [[]],
    {"a": {}},
    "NaN",
    [1] * 99,
]


@pytest.fixture(scope="module")
def parts(tiny_bundle):
    """The tiny bundle's parts, but for the sums."""
    found = dict(read_bundle(tiny_bundle).parts)
    del found["SHA256SUMS"]
    return found


@pytest.fixture
def refused(tmp_path):
    """Writes a bundle with sums made anew, and expects one line that names it."""

    def check(parts, match=""):
        path = tmp_path / "hostile.showtell"
        write_bundle(path, parts)
        began = time.monotonic()
        with pytest.raises(BundleError, match=match) as caught:
            Captioner(path)
        assert time.monotonic() - began < LONGEST
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)

    return check


def changed(parts, name, old, new):
    assert old in parts[name]
    return parts | {name: parts[name].replace(old, new)}


def test_the_models_of_the_package_pass(tiny_bundle):
    for path in list_models().values():
        Captioner(path)
    assert replay(Captioner(tiny_bundle)).text


def kernel_of(model):
    """The encoder's kernel, which is stored in float16."""
    return next(one for one in model.graph.initializer if one.name.startswith("kernel"))


def external(graph, location):
    """A graph whose kernel lies in a file."""
    model = load_from_string(graph)
    tensor = kernel_of(model)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in (("location", location), ("offset", "0")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return model


@pytest.mark.parametrize("where", ["initializer", "attribute", "inside a graph", "inside a function"])
def test_no_graph_reads_a_file_of_the_working_folder(parts, refused, tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "credentials").write_bytes(bytes(1 << 16))
    model = external(parts["encoder.onnx"], "credentials")
    tensor = kernel_of(model)
    if where != "initializer":
        model.graph.initializer.remove(tensor)
        constant, name = helper.make_node("Constant", [], [tensor.name], value=tensor), tensor.name
        if where == "attribute":
            model.graph.node.insert(0, constant)
        elif where == "inside a graph":
            branch = helper.make_graph([constant], "b", [], [helper.make_empty_tensor_value_info(name)])
            model.graph.node.insert(0, helper.make_node("If", ["c"], [name], then_branch=branch, else_branch=branch))
        else:
            function = helper.make_function("f", "F", [], [name], [constant], [helper.make_opsetid("", 17)])
            model.functions.append(function)
    refused(parts | {"encoder.onnx": model.SerializeToString()}, "lies in another file")


def test_of_the_decoder_only_what_model_json_lists_is_given(parts, refused):
    graph = parts["step.onnx"]
    listed = json.loads(parts["model.json"])["graphs"]["step.onnx"]
    with pytest.raises(ShowtellError, match="lies in another file"):
        open_session(graph, 1, {})
    require_harmless(graph, listed)
    model = json.loads(parts["model.json"])
    model["graphs"]["step.onnx"] = listed[1:]
    refused(parts | {"model.json": json.dumps(model).encode()}, "lies in another file")


@pytest.mark.parametrize("operator", ["Loop", "Scan"])
def test_no_graph_goes_round_for_ever(parts, refused, operator):
    model = load_from_string(parts["encoder.onnx"])
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, [])],
    )
    model.graph.node.insert(0, helper.make_node(operator, ["rounds", "yes"], [], body=body))
    refused(parts | {"encoder.onnx": model.SerializeToString()}, "need not end")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"beam": 10**9}, "from 1 to 1,000"),
        ({"max_length": 10**9}, "from 1 to 1,000 words"),
        ({"num_captions": 10**9, "sample": True}, "from 1 to 100,000"),
        ({"num_captions": 1001, "sample": True}, "1,001 captions of a picture are more than 1,000"),
    ],
)
def test_searches_are_bounded(parts, refused, options, said):
    model = json.loads(parts["model.json"])
    model["search"] |= options
    refused(parts | {"model.json": json.dumps(model).encode()}, said)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[]",
        "null",
        '{"format": 1}',
        '{"format": NaN}',
        '{"format": 1e999}',
        "9" * 10_000,
        "\ud800",
    ],
    ids=["deep list", "deep table", "list", "null", "little", "NaN", "infinite", "long number", "surrogate"],
)
@pytest.mark.parametrize("part", ["model.json", "vocabulary.json"])
def test_json_of_any_shape_is_one_line(parts, refused, part, text):
    refused(parts | {part: text.encode(errors="surrogatepass")}, "malformed")


@pytest.mark.parametrize("entry", [7, "", "x" * 9999, "a\nb", "\x1b]0;title\x07", None, ["a"]])
def test_a_vocabulary_is_of_words(parts, refused, entry):
    entries = json.loads(parts["vocabulary.json"])
    refused(parts | {"vocabulary.json": json.dumps([*entries[:-1], entry]).encode()}, "malformed")
    refused(parts | {"vocabulary.json": json.dumps([*entries, entries[0]]).encode()}, "malformed")


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_are_numbers(parts, refused, number):
    tensors = safetensors.numpy.load(parts["weights.safetensors"])
    name = next(name for name in tensors if tensors[name].dtype.kind == "f")
    tensors[name] = np.full_like(tensors[name], number)
    refused(parts | {"weights.safetensors": safetensors.numpy.save(tensors)}, "numbers that are none")


def test_an_encoder_that_gives_no_numbers_is_one_line(parts, tmp_path):
    model = load_from_string(parts["encoder.onnx"])
    kernel = kernel_of(model)
    kernel.raw_data = np.full(kernel.dims, np.nan, np.float16).tobytes()
    write_bundle(tmp_path / "a.showtell", parts | {"encoder.onnx": model.SerializeToString()})
    with pytest.raises(ShowtellError, match="not numbers"):
        Captioner(tmp_path / "a.showtell").caption(PICTURE)


def test_a_part_that_is_not_listed_is_refused(parts, tiny_bundle, tmp_path):
    for added in ("more.txt", "tags.json"):
        path = tmp_path / "a.showtell"
        path.write_bytes(tiny_bundle.read_bytes())
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(added, "{}")
        with pytest.raises(BundleError, match=rf"{added}.* (SHA256SUMS does not list|is missing)"):
            read_bundle(path)
    with zipfile.ZipFile(tiny_bundle) as archive:
        archive.extractall(tmp_path / "folder")
    (tmp_path / "folder" / ".DS_Store").write_bytes(b"")
    read_bundle(tmp_path / "folder")
    (tmp_path / "folder" / "more.txt").write_bytes(b"")
    with pytest.raises(BundleError, match=r"more\.txt, which SHA256SUMS does not list"):
        read_bundle(tmp_path / "folder")


def test_parts_do_not_grow_without_bound(parts, tmp_path):
    path = tmp_path / "bomb.showtell"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in parts:
            archive.writestr(name, bytes(100 << 20) if name == "golden.png" else b"")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(BundleError, match="far larger than it"):
        read_bundle(path)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}", b"")
    with pytest.raises(BundleError, match="100 parts"):
        read_bundle(path)


def _mutated(value, rng):
    """The JSON value with one of its nodes made another, taken out, or put twice."""
    value = copy.deepcopy(value)
    nodes = []

    def walk(node):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            nodes.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])

    walk(value)
    node, key = rng.choice(nodes)
    if rng.random() < 0.2:
        del node[key]
    else:
        node[key] = rng.choice(HOSTILE)
    return value


def _tensors_mutated(data, rng):
    tensors = safetensors.numpy.load(data)
    name = rng.choice(sorted(tensors))
    kind = rng.randrange(4)
    if kind == 0:
        del tensors[name]
    elif kind == 1:
        tensors[name] = np.zeros(rng.choice([(0,), (1,), (3, 3), (1, 1, 1)]), tensors[name].dtype)
    elif kind == 2:
        tensors[name] = tensors[name].astype(rng.choice([np.int8, np.float64, np.int64]))
    else:
        tensors[name] = np.full_like(tensors[name], 3e4 if tensors[name].dtype.kind == "f" else 100)
    return safetensors.numpy.save(tensors)


def _graph_mutated(data, rng):
    model = load_from_string(data)
    nodes = model.graph.node
    kind = rng.randrange(4)
    node = nodes[rng.randrange(len(nodes))]
    if kind == 0:
        nodes.remove(node)
    elif kind == 1:
        node.op_type = rng.choice(["Identity", "Loop", "Relu", "Shape", "NoSuchThing"])
    elif kind == 2 and model.graph.output:
        model.graph.output[rng.randrange(len(model.graph.output))].name = "other"
    else:
        data = bytearray(model.SerializeToString())
        for _ in range(3):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(data)
    return model.SerializeToString()


@pytest.fixture(scope="module")
def whole(tiny_bundle, tmp_path_factory):
    """A bundle with every optional part: calibration and tags."""
    from showtell.captioning.confidence.calibration import Calibration
    from showtell.captioning.confidence.out_of_distribution import OutOfDistribution
    from showtell.captioning.confidence.quality import CaptionQuality
    from showtell.captioning.tags.head import ClassHead
    from showtell.captioning.tags.names import CLASSES
    from showtell.captioning.tags.tagger import TagCalibration, Tagger

    rng = np.random.default_rng(0)
    ood = OutOfDistribution(rng.normal(size=8).astype(np.float32), np.eye(8, dtype=np.float16)[:2], 0.9)
    quality = CaptionQuality((0.0,) * 4, (1.0,) * 4, (0.1,) * 4, 1.0, 0.0)
    head = ClassHead.of(rng.normal(size=(CLASSES, 8)).astype(np.float32), np.zeros(CLASSES, np.float32))
    tagger = Tagger(head, TagCalibration(1.0, 1.0, 0.0, {"dog": 0.5}, True))
    parts = dict(read_bundle(tiny_bundle).parts) | Calibration(1.1, quality, ood).to_parts() | tagger.to_parts()
    del parts["SHA256SUMS"]
    path = tmp_path_factory.mktemp("whole") / "whole.showtell"
    write_bundle(path, parts)
    caption = Captioner(path).caption(PICTURE)
    assert caption.confidence is not None
    assert caption.unfamiliar is not None
    return parts


@pytest.mark.parametrize("chunk", range(6))
def test_a_mutated_bundle_is_refused_or_captions_and_never_ends_in_a_traceback(whole, tmp_path, chunk):
    path, refusals = tmp_path / "mutated.showtell", 0
    for seed in range(chunk * SEEDS // 6, (chunk + 1) * SEEDS // 6):
        rng = random.Random(seed)
        name = rng.choice([one for one in sorted(whole) if one not in ("README.md", "golden.png")])
        mutate = {"json": None, "onnx": _graph_mutated, "safetensors": _tensors_mutated}[name.rpartition(".")[2]]
        data = mutate(whole[name], rng) if mutate else json.dumps(_mutated(json.loads(whole[name]), rng)).encode()
        write_bundle(path, whole | {name: data})
        began, lines = time.monotonic(), []
        try:
            captioner = Captioner(path)
            captioner.caption(PICTURE)
            replay(captioner)
        except ShowtellError as error:
            refusals += 1
            lines = str(error).splitlines()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {name} ends in {type(error).__name__}: {error}") from error
        assert len(lines) <= 1, f"seed {seed}: {name}: {lines}"
        assert time.monotonic() - began < LONGEST, f"seed {seed}: {name}"
    assert refusals > SEEDS / 6 / 4


def test_a_graph_that_cannot_be_loaded_prints_nothing(parts, refused, capfd):
    graph = parts["encoder.onnx"].replace(b"Conv", b"Con\x80")  # its error message is no text
    refused(parts | {"encoder.onnx": graph}, "ONNX Runtime cannot load the graph")
    assert capfd.readouterr() == ("", "")


def test_the_reader_of_graphs_takes_any_bytes():
    rng, refusals = random.Random(0), 0
    for _ in range(2000):
        data = bytes(rng.choices(range(256), k=rng.randrange(60)))
        try:
            require_harmless(data)
        except ShowtellError:
            refusals += 1
    assert 1000 < refusals < 2000
