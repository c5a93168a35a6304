"""Names of published data sets -> their files: addresses, sizes, checksums and licences.

The publishers give no checksums. The MD5 sums here are those that other projects recorded and check: COCO's in
PaddlePaddle, LAVIS and the download scripts of many detectors, Flickr8k's in torchdatasets for R and others. COCO's
sizes are those that its server reports; Flickr8k's come from its server on download.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from showtell.data.download.fetch import fetch
from showtell.data.download.transfer import check_space, part_of
from showtell.errors import InputError
from showtell.progress import megabytes


@dataclass(frozen=True, slots=True)
class File:
    """A file of a data set: its path below the data set's address, its size in bytes (None: unknown) and its MD5."""

    path: str
    size: int | None
    md5: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A published data set.

    `base` is the address that the files' paths follow. `use` are the options with which `showtell train` and
    `showtell data check` find everything in the download folder.
    """

    base: str
    files: tuple[File, ...]
    use: str
    licence: str


_COCO = "http://images.cocodataset.org"
_COCO_TERMS = "captions: CC BY 4.0; pictures: each under its photographer's terms on Flickr"

DATA_SETS = {
    "coco2014": DataSet(
        _COCO,
        (
            File("annotations/annotations_trainval2014.zip", 252_872_794, "0a379cfc70b0e71301e0f377548639bd"),
            File("zips/val2014.zip", 6_645_013_297, "a3d79f5ed8d289b7a7554ce06a5782b3"),
            File("zips/train2014.zip", 13_510_573_713, "0da8c0bd3d6becc4dcb32757491aca88"),
        ),
        "--pictures train2014.zip --pictures val2014.zip "
        "--captions annotations_trainval2014.zip/captions_train2014.json "
        "--set data.validation_captions=annotations_trainval2014.zip/captions_val2014.json",
        _COCO_TERMS,
    ),
    "coco2017": DataSet(
        _COCO,
        (
            File("annotations/annotations_trainval2017.zip", 252_907_541, "f4bbac642086de4f52a3fdda2de5fa2c"),
            File("zips/val2017.zip", 815_585_330, "442b8da7639aecaf257c1dceb8ba8c80"),
            File("zips/train2017.zip", 19_336_861_798, "cced6f7f71b7629ddf16f17bbcfab6b2"),
        ),
        "--pictures train2017.zip --pictures val2017.zip "
        "--captions annotations_trainval2017.zip/captions_train2017.json "
        "--set data.validation_captions=annotations_trainval2017.zip/captions_val2017.json",
        _COCO_TERMS,
    ),
    "flickr8k": DataSet(
        "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k",
        (
            File("Flickr8k_text.zip", None, "bf6c1abcb8e4a833b7f922104de18627"),
            File("Flickr8k_Dataset.zip", None, "f18a1e2920de5bd84dae7cf08ec78978"),
        ),
        "--pictures Flickr8k_Dataset.zip --captions Flickr8k_text.zip/Flickr8k.token.txt "
        "--set data.split_lists.train=Flickr8k_text.zip/Flickr_8k.trainImages.txt "
        "--set data.split_lists.val=Flickr8k_text.zip/Flickr_8k.devImages.txt",
        "for research, not for sale; cite Hodosh, Young and Hockenmaier 2013; pictures under Flickr's terms",
    ),
}
"""The data sets that can be downloaded; small files come first, so that problems show early."""


def data_set(name: str) -> DataSet:
    """The data set of that name; an `InputError` lists the names if there is none."""
    if name not in DATA_SETS:
        raise InputError(f"there is no data set {name!r} to download: there are {', '.join(DATA_SETS)}")
    return DATA_SETS[name]


def chosen(found: DataSet, only: Collection[str]) -> tuple[File, ...]:
    """The files named in `only`, all if it is empty; an `InputError` lists the names if one is unknown."""
    names = [file.name for file in found.files]
    if unknown := [name for name in only if name not in names]:
        raise InputError(f"{unknown[0]}: none of the files, which are {', '.join(names)}")
    return tuple(file for file in found.files if not only or file.name in only)


def size_of(files: Collection[File]) -> str:
    """The size of the download, for people; empty if unknown."""
    known = [file.size for file in files if file.size is not None]
    return megabytes(sum(known)) if len(known) == len(files) else ""


def download(
    found: DataSet,
    files: Collection[File],
    folder: Path,
    *,
    mirror: str | None = None,
    timeout: float = 30.0,
    retries: int = 5,
    show: bool = True,
) -> Iterator[tuple[Path, int]]:
    """Download files of a data set into `folder`, one after the other; each is complete and checked, or absent.

    Arguments:
        found: the data set.
        files: which of its files.
        folder: where they go; disk space for all missing files is checked before the first byte.
        mirror: an address to use instead of the data set's own.
        timeout, retries, show: as for `fetch`.

    Yields:
        Each file's path and the number of bytes transferred for it.

    Raises:
        InputError, ShowtellError: as `fetch`.
    """
    check_space(folder, sum(_missing(folder / file.name, file.size) for file in files))
    base = (mirror or found.base).rstrip("/")
    for file in files:
        path, url = folder / file.name, f"{base}/{file.path}"
        yield path, fetch(url, path, size=file.size, md5=file.md5, timeout=timeout, retries=retries, show=show)


def _missing(path: Path, size: int | None) -> int:
    if size is None or path.exists():
        return 0
    part = part_of(path)
    return max(0, size - (part.stat().st_size if part.exists() else 0))
