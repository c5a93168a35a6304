"""A long run of `showtell caption`: piece by piece, here or on a cluster, into one file or a folder of parts."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from showtell.captioning.output.registry import Layout
from showtell.captioning.output.writing import writing
from showtell.errors import InputError
from showtell.files import held

if TYPE_CHECKING:
    from showtell.captioning.captioner import Captioner
    from showtell.captioning.jobs import Tally
    from showtell.captioning.options import CaptionOptions
    from showtell.data.sources.gather import PictureSelection
    from showtell.images.preprocessing import ResizeMode

BATCHES_IN_A_PIECE = 8


@dataclass(frozen=True, slots=True)
class Job:
    """The output, its format, the sizes of a piece and of a batch, and the cluster, if any."""

    output: Path
    format: str
    layout: Layout
    size: int
    batch_size: int
    ray: str | None
    cores: int

    @property
    def parts(self) -> Path:
        """The folder of finished pieces: beside the output, or the output itself if it is a folder."""
        return self.output if self.output.is_dir() else self.output.with_name(f"{self.output.name}.parts")

    def run(
        self,
        pictures: "PictureSelection",
        captioner: "Captioner",
        models: list[Path] | None,
        resize: "ResizeMode | None",
        options: "CaptionOptions",
    ) -> "Tally":
        """Caption all pictures, and resume from finished pieces; errors as for `showtell.captioning.jobs`."""
        from showtell.captioning.jobs import caption_pieces, captioned, remove_parts

        if self.output.is_dir() and self.format != "parquet":
            raise InputError(f"{self.output}: folders get only Parquet files: add --format parquet, or name a file")
        with contextlib.ExitStack() as stack:
            stack.enter_context(held(self.parts))
            elsewhere = None
            if self.ray:
                from showtell.ray import cluster, pieces_on

                stack.enter_context(cluster(self.ray))
                elsewhere = pieces_on(models, resize, options, batch_size=self.batch_size, cores=self.cores)
            tally, count = caption_pieces(
                pictures,
                captioner,
                self.parts,
                self.size,
                batch_size=self.batch_size,
                elsewhere=elsewhere,
                options=options,
            )
            if not self.output.is_dir():
                with writing(self.format, self.output, self.layout, at_once=True) as write:
                    for result in captioned(self.parts, count):
                        write(result)
        if not self.output.is_dir():
            remove_parts(self.parts)
        return tally
