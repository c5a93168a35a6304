"""COCO captions (cocodataset.org/#format-data, "Image Captioning") -> rows.

Annotations of objects, which some files have among the captions, are skipped and counted. Ids may be numbers or texts,
and images and annotations may differ in that.
"""

from collections.abc import Iterator
from typing import Any

from showtell.data.captions.columns import Columns
from showtell.data.captions.json_values import caption_or_null, field, json_value
from showtell.data.captions.registry import CaptionRow, caption_format
from showtell.data.captions.text_file import CaptionFile
from showtell.errors import InputError

_OF_OBJECTS = frozenset(("category_id", "bbox", "segmentation", "keypoints"))


def _detect(file: CaptionFile, columns: Columns) -> bool:
    # A search is enough and faster than parsing 70 MB: inside a JSON string the quotes would be escaped.
    return file.is_json and '"annotations"' in file.text


@caption_format(
    "coco",
    title="COCO JSON",
    help="COCO's JSON of `images` and `annotations` with a `caption`",
    detect=_detect,
    order=30,
)
def read_coco(file: CaptionFile, columns: Columns) -> Iterator[CaptionRow]:
    """A row for each annotation that has a caption."""
    value, where = json_value(file), file.where
    names = _names(value, where)
    objects = 0
    for i, annotation in enumerate(field(value, "annotations", list, where)):
        here = f"{where}, annotations[{i}]"
        if (
            isinstance(annotation, dict)
            and "caption" not in annotation
            and any(key in annotation for key in _OF_OBJECTS)
        ):
            objects += 1
            continue
        key, caption = field(annotation, "image_id", (int, str), here), caption_or_null(annotation, "caption", here)
        if str(key) not in names:
            raise InputError(f"{here}: image_id {key!r} is none of the images")
        yield CaptionRow(names[str(key)], (caption,), "", here, (("image_id", str(key)),))
    if objects:
        file.note(f"{objects:,} annotations of objects have no caption and are left out")


def _names(value: Any, where: str) -> dict[str, str]:
    """Each image's file name by its id, as text."""
    names: dict[str, str] = {}
    owners: dict[str, int] = {}
    for i, image in enumerate(field(value, "images", list, where)):
        here = f"{where}, images[{i}]"
        key, name = field(image, "id", (int, str), here), field(image, "file_name", str, here)
        if str(key) in names:
            raise InputError(f"{here}: the id {key!r} was used before")
        if owners.setdefault(name, i) != i:
            raise InputError(f"{here}: the file_name {name!r} was used before, in images[{owners[name]}]")
        names[str(key)] = name
    return names
