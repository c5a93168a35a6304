"""Pictures of a tree -> entries for the journal of `showtell.alt_text`, captioned on a cluster.

A piece is a few picture files; its worker reads them. The journal stays with the driver. If the driver or a worker
fails, only work that is not in the journal yet is lost, and no entry is written twice.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from showtell.alt_text.describe import Elsewhere, describe
from showtell.alt_text.journal import Entry
from showtell.captioning.captioner import Captioner
from showtell.captioning.options import CaptionOptions
from showtell.data.sources.folder import PictureFile
from showtell.images.preprocessing import ResizeMode
from showtell.ray.cluster import models_everywhere, on_actors

_PICTURES_IN_A_PIECE = 64


def captions_on(
    models: Sequence[Path] | None,
    resize: ResizeMode | None,
    options: CaptionOptions,
    *,
    batch_size: int = 16,
    cores: int = 1,
) -> Elsewhere:
    """Give a function that captions pictures on the connected cluster (see `showtell.ray.cluster`).

    Arguments:
        models: bundles with the same paths on every machine, or names; None for the default model.
        resize: how pictures are made square, instead of the model's own way.
        options: options of captioning, from the same model's `Captioner.caption_options`.
        batch_size: pictures that go through the networks at once.
        cores: cores of one worker; as many workers run as fit.
    """
    named = models_everywhere(models)

    def elsewhere(pictures: Sequence[PictureFile], settings: str) -> Iterator[tuple[int, Entry]]:
        starts = range(0, len(pictures), _PICTURES_IN_A_PIECE)
        pieces = [{"piece": _as_text(pictures[at : at + _PICTURES_IN_A_PIECE]), "first": at} for at in starts]
        for done in on_actors(pieces, _Describer, (named, resize, settings, options, batch_size, cores), cores):
            for place, entry in json.loads(done["entries"]):
                yield int(done["first"]) + place, Entry(**entry)

    return elsewhere


class _Describer:
    """Captions pieces on one worker."""

    def __init__(
        self,
        models: list[str] | None,
        resize: ResizeMode | None,
        settings: str,
        options: CaptionOptions,
        batch_size: int,
        cores: int,
    ) -> None:
        self.captioner = Captioner(models, resize=resize, threads=cores)
        self.settings, self.options, self.batch_size = settings, options, batch_size

    def __call__(self, work: dict[str, Any]) -> dict[str, Any]:
        pictures = [PictureFile(Path(path), *rest) for path, *rest in json.loads(work["piece"])]
        found = describe(pictures, self.settings, self.captioner, self.options, batch_size=self.batch_size)
        return {"first": work["first"], "entries": json.dumps([(place, asdict(entry)) for place, entry in found])}


def _as_text(pictures: Sequence[PictureFile]) -> str:
    """Plain values, which do not depend on how Ray serializes objects."""
    return json.dumps(
        [(os.path.abspath(picture.path), picture.name, picture.size, picture.modified) for picture in pictures]
    )
