"""Karpathy's JSON (cs.stanford.edu/people/karpathy/deepimagesent) -> rows. An image may lack its split."""

from collections.abc import Iterator

from showtell.data.captions.columns import Columns
from showtell.data.captions.json_values import caption_or_null, field, json_value
from showtell.data.captions.registry import CaptionRow, caption_format
from showtell.data.captions.text_file import CaptionFile


def _detect(file: CaptionFile, columns: Columns) -> bool:
    return file.is_json and '"sentences"' in file.text


@caption_format(
    "karpathy",
    title="Karpathy JSON",
    help="Karpathy's JSON of `images` with `sentences` and, where there are splits, `split`",
    detect=_detect,
    order=31,
)
def read_karpathy(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each image."""
    value = json_value(file)
    for i, image in enumerate(field(value, "images", list, file.where)):
        here = f"{file.where}, images[{i}]"
        name = field(image, "filename", str, here)
        split = field(image, "split", str, here) if "split" in image else ""
        if "filepath" in image:  # COCO's pictures lie in two folders
            name = f"{field(image, 'filepath', str, here)}/{name}"
        sentences = field(image, "sentences", list, here)
        raw = tuple(caption_or_null(one, "raw", f"{here}.sentences[{j}]") for j, one in enumerate(sentences))
        ids = [(kind, str(field(image, kind, (int, str), here))) for kind in ("cocoid", "imgid") if kind in image]
        yield CaptionRow(name, raw, split, here, tuple(ids))
