"""Training and captioning with the verbs of scikit-learn: `fit`, `predict`, `score`, `get_params`, `set_params`.

Pictures and captions come in as two lists of the same length. `fit` trains the same model as a recipe with the same
values, and `save` writes it as a bundle. Training needs PyTorch; prediction and scoring do not.
"""

import dataclasses
import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, Self

from showtell.captioning.captioner import Captioner
from showtell.errors import InputError, NotFittedError, PictureError, near
from showtell.files import sha256_of, write_beside, write_bytes
from showtell.images.decode import Picture, decode
from showtell.metrics import score as score_captions
from showtell.models.bundle import write_bundle


@dataclass
class CaptioningEstimator:
    """A captioner that `fit` trains.

    `encoder` to `seed` are keys of a recipe. `recipe` holds further tables of one (see docs/guide/train.md), such as
    `{"training": {"average": 0.999}}`, and takes precedence. `folder` stores the run, so that an interrupted `fit`
    resumes; None trains in a temporary folder, which is deleted at the end. `verbose` shows progress.

    After `fit`, `captioner_` is the loaded model, and `metrics_` holds the figures of each epoch.
    """

    encoder: str = "efficientnet_lite2"
    decoder: str = "show_and_tell"
    min_count: int = 5
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    validation_fraction: float = 0.1
    seed: int = 0
    recipe: Mapping[str, Mapping[str, Any]] | None = None
    folder: str | Path | None = None
    verbose: bool = False
    captioner_: Captioner = field(init=False, repr=False, compare=False)
    metrics_: tuple[dict[str, Any], ...] = field(init=False, repr=False, compare=False)

    def fit(self, pictures: Sequence[Picture], captions: Sequence[str | Sequence[str]]) -> Self:
        """Train a model.

        Arguments:
            pictures: paths, bytes, PIL images or arrays (see `showtell.images.decode.decode`).
            captions: for each picture its caption, or all captions that it has.

        Raises:
            InputError: the lists differ in length, an option is wrong, or `folder` holds a run of other values.
            PictureError: a picture cannot be read; the message names which.
            MissingExtra: PyTorch is not installed.
        """
        from showtell.training import recipe_from, train

        recipe = recipe_from(self._tables())
        _require_as_many(pictures, captions)
        with nullcontext(self.folder) if self.folder else tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            write_data(root, pictures, captions)
            result = train(recipe, root / "run", root=root, show=self.verbose)
            self.captioner_ = Captioner(result.bundle)
        self.metrics_ = result.metrics
        return self

    def predict(self, pictures: Sequence[Picture], **options: Any) -> list[str]:
        """The caption of each picture; options as for `Captioner.caption`.

        Raises:
            NotFittedError: the estimator is not trained yet.
            InputError: an option is wrong.
            PictureError: a picture cannot be read.
        """
        return [caption.text for caption in self._fitted().caption_batch(pictures, **options)]

    def score(self, pictures: Sequence[Picture], captions: Sequence[str | Sequence[str]]) -> float:
        """CIDEr-D, from 0 to 10, of the model's captions of `pictures` against the references `captions`.

        Raises:
            NotFittedError: the estimator is not trained yet.
            InputError: the lists differ in length.
            PictureError: a picture cannot be read.
        """
        _require_as_many(pictures, captions)
        hypotheses = {str(i): text for i, text in enumerate(self.predict(pictures))}
        references = {str(i): _texts(given) for i, given in enumerate(captions)}
        return score_captions(hypotheses, references, metrics=["CIDEr-D"]).corpus["CIDEr-D"]

    def save(self, path: str | Path) -> None:
        """Write the trained model as a bundle, which `Captioner` and every command take."""
        write_bundle(path, self._fitted().bundle.parts)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's parameters by name; `deep` exists for scikit-learn and has no effect."""
        return {one.name: getattr(self, one.name) for one in dataclasses.fields(self) if one.init}

    def set_params(self, **params: Any) -> Self:
        """Change the constructor's parameters; an `InputError` for an unknown name."""
        if unknown := sorted(set(params) - set(self.get_params())):
            names = list(self.get_params())
            raise InputError(
                f"there is no parameter {unknown[0]!r}{near(unknown[0], names)}: there are {', '.join(names)}"
            )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "captioner_")

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of estimators that its tools are given: pictures are no table of numbers."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=True),
            input_tags=InputTags(two_d_array=False, string=True),
        )

    def _tables(self) -> dict[str, Any]:
        own: dict[str, dict[str, Any]] = {
            "data": {
                "pictures": [_PICTURES],
                "captions": _CAPTIONS,
                "validation_fraction": self.validation_fraction,
            },
            "encoder": {"name": self.encoder},
            "decoder": {"kind": self.decoder},
            "vocabulary": {"min_count": self.min_count},
            "training": {
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "learning_rate": self.learning_rate,
                "seed": self.seed,
            },
        }
        further = self.recipe or {}
        return {name: {**own.get(name, {}), **further.get(name, {})} for name in {**own, **further}}

    def _fitted(self) -> Captioner:
        if not hasattr(self, "captioner_"):
            raise NotFittedError("this estimator is not trained yet: call fit first")
        return self.captioner_


_PICTURES = "pictures.zip"
_CAPTIONS = "captions.jsonl"


def write_data(folder: Path, pictures: Sequence[Picture], captions: Sequence[str | Sequence[str]]) -> None:
    """Write the pictures to a zip and the captions to JSON lines, as `showtell train` reads them.

    Raises:
        PictureError: a picture cannot be read; the message names which.
        InputError: the folder holds other pictures or captions.
    """
    given = list(zip(pictures, captions, strict=True))
    lines = []
    with write_beside(folder / _PICTURES) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for i, (picture, texts) in enumerate(given):
            try:
                data = _file_of(picture)
            except (OSError, PictureError) as error:
                raise PictureError(_of_picture(i, picture, error)) from error
            name = f"{i:07d}-{sha256_of(data)[:16]}.png"  # the digest tells embeddings of different pictures apart
            archive.writestr(zipfile.ZipInfo(name), data)
            lines.append(json.dumps({"image": name, "caption": _texts(texts)}) + "\n")
        captions_before, captions_now = folder / _CAPTIONS, "".join(lines).encode()
        if captions_before.exists() and captions_before.read_bytes() != captions_now:
            raise InputError(f"{folder}: holds a run of other pictures or captions: choose another folder")
    write_bytes(captions_before, captions_now)


def _of_picture(number: int, picture: Picture, error: OSError | PictureError) -> str:
    """What is wrong with a picture, with its path or else its number."""
    named = isinstance(picture, (str, PathLike))
    reason = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error)
    return f"{picture!s}: {reason}" if named else f"picture {number}: {reason}"


def _require_as_many(pictures: Sequence[Picture], captions: Sequence[str | Sequence[str]]) -> None:
    if len(pictures) != len(captions):
        raise InputError(f"there are {len(pictures)} pictures and captions of {len(captions)}: give as many")


def _texts(captions: str | Sequence[str]) -> list[str]:
    return [captions] if isinstance(captions, str) else list(captions)


def _file_of(picture: Picture) -> bytes:
    """The bytes of a picture file, unchanged, or an image in memory as PNG, which is lossless."""
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, (str, PathLike)):
        return Path(picture).read_bytes()
    buffer = BytesIO()
    decode(picture).save(buffer, "png", compress_level=1)
    return buffer.getvalue()
