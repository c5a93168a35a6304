"""`showtell check`: what does a model expect the next word of true captions to be?"""

from pathlib import Path
from typing import Annotated

import typer

from showtell.errors import InputError


def check(
    model: Annotated[Path, typer.Argument(help="A model bundle.")],
    pictures: Annotated[list[str], typer.Option(help="Folder, zip or tar; may be given again.")],
    captions: Annotated[str, typer.Option(help="COCO or Karpathy JSON, Flickr tokens, CSV or JSONL.")],
    split: Annotated[str | None, typer.Option(help="Only pictures of this split.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures, each with one random caption.")] = 64,
    show: Annotated[int, typer.Option(min=0, help="Sentences to show.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of pictures and captions.")] = 0,
) -> None:
    """Next-word loss and accuracy on a batch, with predicted and true sentences side by side."""
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from showtell.captioner import Captioner
    from showtell.data.captions import align, read_captions
    from showtell.data.images import PictureSource
    from showtell.next_word import next_words
    from showtell.pipeline import prepared

    captioner = Captioner(model)
    source = PictureSource(pictures)
    found = read_captions(captions)
    aligned = align(source.names(), found.only(split) if split else found)
    rng = np.random.default_rng(seed)
    count = min(batch_size, len(aligned.names))
    chosen = {aligned.names[i] for i in rng.choice(len(aligned.names), count, replace=False)}
    raw = (picture for picture in source.read(skip=set(source.names()) - chosen))
    batch = [p for p in prepared(raw, captioner.encoder.info.preprocessing) if p.square is not None]
    if not batch:
        raise InputError(f"{source}: none of {count} pictures could be read")
    embeddings = captioner.embed(np.stack([picture.square for picture in batch if picture.square is not None]))
    sentences = [aligned.captions[p.name][rng.integers(len(aligned.captions[p.name]))] for p in batch]
    result = next_words(captioner.decoder, embeddings, sentences, captioner.bundle.vocabulary)
    table = Table("picture", "predicted, word by word", "true", show_lines=True)
    for picture, predicted, true in list(zip(batch, result.predicted, result.true, strict=True))[:show]:
        table.add_row(picture.name, predicted, true)
    if show:
        Console().print(table)
    print(f"{len(batch)} captions, {len(result.losses)} words: loss {result.loss:.3f}, accuracy {result.accuracy:.4f}")
