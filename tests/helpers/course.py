"""The course's own files in small: two zips of JPEGs and a zip of captions, laid out as MS COCO 2014 is."""

import io
import json
import zipfile
from pathlib import Path

from PIL import Image

from showtell.data.synthetic.shapes import Shapes, ShapesOptions

TRAIN, VALIDATION = 24, 10
CAPTIONS = 5


def write_course_zips(folder: Path) -> None:
    """Write `train2014.zip`, `val2014.zip` and `captions_train-val2014.zip` into `folder`.

    The pictures are drawn, of sides that differ by odd numbers, and each has five captions; each zip of pictures has a
    folder of its own with a file in it that is no picture.
    """
    shapes = Shapes(
        ShapesOptions(train_pictures=TRAIN, val_pictures=VALIDATION, captions_per_picture=CAPTIONS, size=96)
    )
    captions = shapes.captions().captions
    drawn = list(shapes.read())
    with zipfile.ZipFile(folder / "captions_train-val2014.zip", "w") as annotations:
        for split, pictures in (("train2014", drawn[:TRAIN]), ("val2014", drawn[TRAIN:])):
            images, notes = [], []
            with zipfile.ZipFile(folder / f"{split}.zip", "w") as archive:
                archive.writestr(f"{split}/", b"")
                archive.writestr(f"{split}/README.txt", b"no picture")
                for number, picture in enumerate(pictures):
                    name = f"COCO_{split}_{7 * number + 9:012}.jpg"
                    image = Image.open(io.BytesIO(picture.data)).resize((96 + 5 * (number % 4), 91))
                    file = io.BytesIO()
                    image.save(file, "JPEG", quality=90)
                    archive.writestr(f"{split}/{name}", file.getvalue())
                    images.append({"id": number, "file_name": name, "height": image.height, "width": image.width})
                    notes += [
                        {"id": 10 * number + k, "image_id": number, "caption": text}
                        for k, text in enumerate(captions[picture.name])
                    ]
            content = {"images": images, "annotations": notes[::-1]}  # in no order, as COCO's are
            annotations.writestr(f"annotations/captions_{split}.json", json.dumps(content))
