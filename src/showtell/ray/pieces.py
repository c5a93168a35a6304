"""Pieces of a captioning job on a cluster: `showtell.captioning.jobs` with many workers."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from showtell.captioning.captioner import Captioner
from showtell.captioning.jobs import Elsewhere, Piece, Tally, caption_piece
from showtell.captioning.options import CaptionOptions
from showtell.images.preprocessing import ResizeMode
from showtell.ray.cluster import models_everywhere, on_actors


def pieces_on(
    models: Sequence[Path] | None,
    resize: ResizeMode | None,
    options: CaptionOptions,
    *,
    batch_size: int = 32,
    cores: int = 1,
) -> Elsewhere:
    """Give a function that runs pieces on the connected cluster (see `showtell.ray.cluster`).

    Arguments:
        models: bundles with the same paths on every machine, or names; None for the default model.
        resize: how pictures are made square, instead of the model's own way.
        options: options of captioning, from the same model's `Captioner.caption_options`.
        batch_size: pictures whose sentences are written at once.
        cores: cores of one worker; as many workers run as fit.
    """

    def elsewhere(pieces: Sequence[Piece], folder: Path) -> Iterator[Tally]:
        arguments = (models_everywhere(models), resize, str(folder.absolute()), cores, options, batch_size)
        for done in on_actors([{"piece": piece} for piece in pieces], _Worker, arguments, cores):
            yield Tally(*done["tally"])

    return elsewhere


class _Worker:
    """Captions pieces on one worker."""

    def __init__(
        self,
        models: list[str] | None,
        resize: ResizeMode | None,
        folder: str,
        cores: int,
        options: CaptionOptions,
        batch_size: int,
    ) -> None:
        self.captioner = Captioner(models, resize=resize, threads=cores)
        self.folder, self.options, self.batch_size = Path(folder), options, batch_size

    def __call__(self, work: dict[str, Any]) -> dict[str, Any]:
        done = caption_piece(work["piece"], self.captioner, self.folder, self.options, batch_size=self.batch_size)
        return {"tally": astuple(done)}
