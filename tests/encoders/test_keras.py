"""`keras:NAME` against Keras itself: networks, weights, normalisation and sizes of keras.applications."""

import contextlib
import os
import subprocess
import sys

import numpy as np
import pytest

from photographs import photographs
from showtell.encoders import Encoder, encoder_graph
from showtell.encoders.graph_editing import finished
from showtell.encoders.runtime import EncoderInfo
from showtell.encoders.sources.keras import SIZES, import_keras, preprocess_input, preprocessing_of
from showtell.encoders.sources.keras_graph import written
from showtell.errors import InputError, MissingExtra, ShowtellError
from showtell.images.preprocessing import Preprocessing, normalize

keras = import_keras()
NETWORKS = [name for name in dir(keras.applications) if name[0].isupper()]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOWTELL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "encoders"


def tells_apart(embeddings):
    """Whether the pictures move the embeddings at all, without which equality would say nothing."""
    return embeddings.std(axis=0).mean() > 0.05 * np.abs(embeddings).mean()


@pytest.mark.parametrize(("name", "size", "channels"), [("InceptionV3", 299, "RGB"), ("ResNet50", 224, "BGR")])
def test_the_courses_networks_equal_keras_on_photographs(weights_of, name, size, channels):
    """Weights through a file, the network through ONNX, pixels through our normalisation; and `Model.predict`."""
    model, path = weights_of(name, size)
    encoder = Encoder(encoder_graph(f"keras:{name}", path))
    squares = photographs(size)
    expected = model.predict(preprocess_input(getattr(keras.applications, name))(squares.astype(np.float32)), verbose=0)
    embeddings = encoder(squares)
    assert embeddings.shape == (4, 2048)
    assert np.abs(embeddings - expected).max() < 1e-4 * np.abs(expected).max()
    assert tells_apart(embeddings)
    assert encoder(squares, "grid").mean(axis=1) == pytest.approx(embeddings, rel=1e-4, abs=1e-4)
    assert encoder.info.preprocessing.channels == channels
    assert encoder.info.preprocessing.interpolation == "bilinear-opencv"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("ConvNeXtTiny", 64),
        ("DenseNet121", 64),
        ("EfficientNetB0", 64),
        ("EfficientNetV2B0", 64),
        ("MobileNet", 64),
        ("MobileNetV2", 75),
        ("MobileNetV3Small", 64),
        ("ResNet50V2", 65),
        ("VGG16", 64),
        ("Xception", 96),
    ],
)
def test_a_network_of_every_family_equals_keras(random_keras, name, size):
    """At small sizes, odd ones among them: padding depends on the size."""
    maker = getattr(keras.applications, name)
    alive = name != "VGG16"  # it has no normalisation that could be set so that pictures tell
    check(random_keras(name, size), preprocessing_of(maker, size), preprocess_input(maker), alive=alive)


def check(model, preprocessing, preprocess, *, alive):
    """Equal to Keras on photographs, by the graph that `written` makes."""
    squares = photographs(preprocessing.size)
    expected = model.predict(preprocess(squares.astype(np.float32)), verbose=0)
    graph, dim, cells = written(model)
    embeddings = Encoder(finished(graph, EncoderInfo("network", "0", dim, cells, preprocessing)))(squares)
    assert np.abs(embeddings - expected).max() < 1e-4 * np.abs(expected).max()
    assert not alive or tells_apart(embeddings)


def inception(pixels):
    return pixels / 127.5 - 1


def test_nasnet_equals_keras():
    """Its parts at a tenth of the size, because the smaller of Keras's two cannot be built on PyTorch."""
    from keras.src.applications.nasnet import NASNet

    model = NASNet(
        input_shape=(64, 64, 3),
        penultimate_filters=192,
        num_blocks=1,
        stem_block_filters=8,
        skip_reduction=True,
        filter_multiplier=2,
        include_top=False,
        weights=None,
        pooling="avg",
        default_size=64,
    )
    check(model, Preprocessing(64), inception, alive=False)


def test_the_residual_sum_of_inception_resnet_equals_keras():
    """The one layer that is its own, without the 780 others that InceptionV3 has as well."""
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    pictures = keras.Input((32, 32, 3))
    branch = keras.layers.Conv2D(3, 3, padding="same", activation="relu")(pictures)
    result = keras.layers.GlobalAveragePooling2D()(CustomScaleLayer(0.17)([pictures, branch]))
    check(keras.Model(pictures, result), Preprocessing(32), inception, alive=True)


@pytest.mark.parametrize("name", NETWORKS)
def test_pixels_are_normalised_as_the_networks_own_module_does(name):
    maker = getattr(keras.applications, name)
    squares = photographs(32)
    ours = normalize(squares, preprocessing_of(maker, 32)).transpose(0, 2, 3, 1)
    theirs = preprocess_input(maker)(squares.astype(np.float32), data_format="channels_last")
    assert ours == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_pictures_have_the_size_that_keras_takes_for_the_networks_own(name, monkeypatch):
    asked = []

    def ask(input_shape, default_size, **others):
        asked.append(default_size)
        raise ValueError("enough")

    monkeypatch.setattr("keras.src.applications.imagenet_utils.obtain_input_shape", ask)
    with contextlib.suppress(ValueError):
        getattr(keras.applications, name)(include_top=False, weights=None)
    if name.startswith("MobileNetV3") or name == "NASNetMobile":
        assert asked == []  # the one documents 224 and never asks, the other refuses PyTorch before it does
        assert name not in SIZES
    else:
        assert asked == [SIZES.get(name, 224)]


@pytest.fixture(scope="module")
def small(weights_of):
    """The smallest network of keras.applications that has every kind of file."""
    return weights_of("MobileNetV3Small", 224)


def test_an_export_is_the_same_every_time_and_kept(small, cache, monkeypatch):
    _, path = small
    graph = encoder_graph("keras:MobileNetV3Small", path)
    (kept,) = cache.iterdir()
    assert kept.read_bytes() == graph
    monkeypatch.setattr("showtell.encoders.sources.keras.import_keras", lambda: pytest.fail("exported twice"))
    assert encoder_graph("keras:MobileNetV3Small", path) == graph


def test_weights_may_lie_in_any_file_that_keras_writes(small, random_keras, tmp_path, cache):
    model, path = small
    expected = Encoder(encoder_graph("keras:MobileNetV3Small", path)).info.fingerprint
    model.save(tmp_path / "model.keras")
    model.save(tmp_path / "model.h5")
    whole = keras.applications.MobileNetV3Small(weights=None, input_shape=(224, 224, 3), classes=1000)
    whole.set_weights([*model.get_weights(), *whole.get_weights()[len(model.weights) :]])
    whole.save_weights(tmp_path / "whole.weights.h5")
    whole.save(tmp_path / "whole.h5")
    for file in sorted(tmp_path.glob("*.*")):
        info = Encoder(encoder_graph("keras:MobileNetV3Small", file)).info
        assert info.fingerprint == expected, file
        assert file.name in info.source
    assert len(list(cache.iterdir())) == 5


def test_weights_that_keras_downloads_go_the_same_way(small, monkeypatch):
    """What stands in for the download is Keras's own function for it, which gives the path of the file."""
    _, path = small
    asked = []

    def get_file(file_name, url, **options):
        asked.append(url)
        return str(path)

    monkeypatch.setattr("keras.src.applications.mobilenet_v3.file_utils.get_file", get_file)
    info = Encoder(encoder_graph("keras:MobileNetV3Small")).info
    assert len(asked) == 1
    assert asked[0].startswith("https://storage.googleapis.com/")
    assert info.fingerprint == Encoder(encoder_graph("keras:MobileNetV3Small", path)).info.fingerprint
    assert "ImageNet" in info.source


def test_files_that_do_not_fit_are_refused_by_name(small, weights_of, tmp_path):
    _, path = small
    (tmp_path / "broken.weights.h5").write_bytes(path.read_bytes()[:10_000])
    (tmp_path / "text.h5").write_text("no weights")
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save_weights(tmp_path / "other.weights.h5")
    for file in ("broken.weights.h5", "text.h5", "other.weights.h5"):
        with pytest.raises(InputError, match=rf"{file}: not weights of keras:MobileNetV3Small") as caught:
            encoder_graph("keras:MobileNetV3Small", tmp_path / file)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"none\.h5: there is no such weight file"):
        encoder_graph("keras:MobileNetV3Small", tmp_path / "none.h5")
    with pytest.raises(InputError, match=r"has no 'ResNet51': it has .*ResNet50"):
        encoder_graph("keras:ResNet51", path)
    with pytest.raises(InputError, match="NASNetMobile is not available with the torch backend"):
        encoder_graph("keras:NASNetMobile", path)


def test_efficientnets_own_weights_are_sent_to_keras_folder(tmp_path, monkeypatch):
    """Keras builds another network for them than for a user's file, so a file of them would come out wrong."""
    import hashlib

    (tmp_path / "b0.h5").write_bytes(b"what Keras published")
    digest = hashlib.md5(b"what Keras published").hexdigest()
    monkeypatch.setitem(sys.modules["keras.src.applications.efficientnet"].WEIGHTS_HASHES, "b0", (digest, digest))
    with pytest.raises(InputError, match=r"b0\.h5: .*put the file into ~/\.keras/models and leave out"):
        encoder_graph("keras:EfficientNetB0", tmp_path / "b0.h5")


def test_a_layer_without_an_onnx_form_is_named():
    pictures = keras.Input((8, 8, 3))
    result = keras.layers.GlobalAveragePooling2D()(keras.layers.UpSampling2D(name="larger")(pictures))
    with pytest.raises(ShowtellError, match="the layer larger is a UpSampling2D, which has no ONNX form here"):
        written(keras.Model(pictures, result))


def test_the_users_settings_of_keras_are_left_as_they_were(small):
    _, path = small
    keras.config.set_image_data_format("channels_first")
    try:
        encoder_graph("keras:MobileNetV3Small", path)
        assert keras.config.image_data_format() == "channels_first"
        assert "KERAS_BACKEND" not in os.environ
    finally:
        keras.config.set_image_data_format("channels_last")


def embed_command(tmp_path, photos, **environment):
    """`showtell embed --encoder keras:MobileNet` in a process of its own, where no host can be reached."""
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    outside = {name: value for name, value in os.environ.items() if name not in ("KERAS_BACKEND", "no_proxy")}
    command = [sys.executable, "-c", "from showtell.cli import main; main()", "embed", str(photos)]
    return subprocess.run(
        [*command, "--out", str(tmp_path / "store"), "--encoder", "keras:MobileNet"],
        env=outside | nowhere | {"KERAS_HOME": str(tmp_path / "keras")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_download_that_fails_is_one_line_that_names_the_way_out(tmp_path, photos):
    done = embed_command(tmp_path, photos)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "the weights of keras:MobileNet could not be downloaded (URL fetch failure" in last
    assert "--encoder-weights FILE" in last
    assert "Traceback" not in done.stderr


def test_another_backend_of_keras_is_refused(tmp_path, photos, monkeypatch):
    done = embed_command(tmp_path, photos, KERAS_BACKEND="tensorflow")
    assert done.returncode == 2
    assert "KERAS_BACKEND is tensorflow" in done.stderr
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")  # as after an import by someone else
    with pytest.raises(InputError, match="Keras runs on jax here"):
        import_keras()


def test_without_keras_the_extra_is_named(monkeypatch, small):
    _, path = small
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingExtra, match=r"pip install 'showtell\[keras\]'"):
        encoder_graph("keras:MobileNetV3Small", path)
