"""What decoding JPEGs costs, by library and by scale, and what smaller scales change.

    python benchmarks/jpeg_decoding.py PICTURES [--width 1600] [--limit 60] [--model BUNDLE]

The pictures are used as they are and enlarged to `--width` pixels, as large as a phone's at a lower quality. First come
processor milliseconds a picture (the best of three runs) of Pillow, OpenCV and, if it is installed, simplejpeg. Then,
for decoding at the smallest scale that keeps 1, 1.5 or 2 times the encoder's side: how far pixels of the square (0 to
255) and embeddings (cosine) are from those of the whole picture, and how many captions change. For comparison, the same
for saving the pictures once more at quality 85.
"""

import argparse
import io
import time

import numpy as np
from PIL import Image

from showtell import Captioner
from showtell.data.sources.picture_source import PictureSource
from showtell.images.decode import decode
from showtell.images.preprocessing import square


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures")
    parser.add_argument("--width", type=int, default=1600)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--model")
    args = parser.parse_args()
    captioner = Captioner(args.model)
    small = [picture.data for picture in PictureSource(args.pictures).read()][: args.limit]
    for name, files in (("as they are", small), (f"{args.width} wide", [enlarged(data, args.width) for data in small])):
        print(f"\n{len(files)} pictures {name}")
        costs(files, 2 * captioner.encoder.info.preprocessing.size)
        differences(captioner, files)


def costs(files, least):
    ways = {"Pillow": decode, f"Pillow, sides of {least} are enough": lambda data: decode(data, least=least)}
    try:
        import cv2

        ways["OpenCV"] = lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        import simplejpeg

        ways["simplejpeg"] = simplejpeg.decode_jpeg
    except ImportError as error:
        print(f"{error}: left out")
    for name, way in ways.items():
        best = min(timed(way, files) for _ in range(3))
        print(f"{name:36s} {1000 * best / len(files):6.2f} ms")


def timed(way, files):
    began = time.thread_time()
    for data in files:
        way(data)
    return time.thread_time() - began


def differences(captioner, files):
    preprocessing = captioner.encoder.info.preprocessing
    whole = [decode(data) for data in files]
    ways = {
        f"to {times:g} x {preprocessing.size}": [
            decode(data, least=round(times * preprocessing.size)) for data in files
        ]
        for times in (1, 1.5, 2)
    }
    ways["saved again at 85"] = [decode(saved(image, 85)) for image in whole]
    expected, embeddings, captions = seen(captioner, whole)
    for name, images in ways.items():
        squares, others, said = seen(captioner, images)
        pixels = np.abs(expected.astype(int) - squares).mean()
        cosines = (embeddings * others).sum(1) / np.linalg.norm(embeddings, axis=1) / np.linalg.norm(others, axis=1)
        smaller = sum(image.size != full.size for image, full in zip(images, whole, strict=True))
        changed = sum(one != other for one, other in zip(captions, said, strict=True))
        print(
            f"{name:18s} {smaller:3d} smaller; pixels differ by {pixels:.2f}; cosine {np.median(cosines):.4f}, "
            f"least {cosines.min():.4f}; {changed} other captions"
        )


def seen(captioner, images):
    squares = np.stack([square(image, captioner.encoder.info.preprocessing) for image in images])
    embeddings = captioner.embed(squares)
    return squares, embeddings, [caption.text for caption in captioner.caption_embeddings(embeddings)]


def enlarged(data, width):
    image = decode(data)
    return saved(image.resize((width, width * image.height // image.width), Image.Resampling.BICUBIC), 92)


def saved(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


if __name__ == "__main__":
    main()
