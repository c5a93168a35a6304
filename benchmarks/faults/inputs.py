"""Small inputs for the matrix: drawn pictures, captions of them, and the models and encoder of tests/fixtures."""

import csv
import hashlib
import random
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from showtell.data.catalogue import DataSet, File

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"
_SUBJECTS = ("a red ball", "a big dog", "the blue man", "a ball")
_PLACES = ("on the grass", "in the snow", "sits", "jumps on a dog")
DATA_SET = "small"
SIZES = (400_000, 700_000)


def write_inputs(folder: Path, pictures: int) -> None:
    """Write so many pictures, captions.csv, the encoder and a model to `folder`."""
    (folder / "photos").mkdir(parents=True)
    for number in range(pictures):
        save_picture(folder / "photos" / f"{number:03d}.png", number)
    with open(folder / "captions.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "caption"])
        for number in range(pictures):
            for shift in (0, 1):
                place = _PLACES[(number // 4 + shift) % 4]
                rows.writerow([f"{number:03d}.png", f"{_SUBJECTS[number % 4]} {place}"])
    shutil.copy(FIXTURES / "encoder.onnx", folder / "encoder.onnx")
    shutil.copy(FIXTURES / "show_and_tell.showtell", folder / "model.showtell")


def save_picture(path: Path, number: int) -> None:
    """Draw a picture that has its number alone, and save it with one time for all, as copies of it have."""
    small = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(small).resize((480, 360), Image.Resampling.BICUBIC).save(path)


def published(seed: int = 0) -> tuple[DataSet, dict[str, bytes]]:
    """A data set of two files, and what a server has to send for it."""
    data = [random.Random(seed + size).randbytes(size) for size in SIZES]
    sums = [hashlib.md5(one, usedforsecurity=False).hexdigest() for one in data]
    files = (File("a.zip", None, sums[0]), File("more/b.zip", SIZES[1], sums[1]))
    served = {f"/{file.path}": one for file, one in zip(files, data, strict=True)}
    return DataSet("http://127.0.0.1:1", files, "", "drawn"), served
