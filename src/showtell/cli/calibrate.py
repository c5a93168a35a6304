"""`showtell calibrate`: fit a model's probabilities, confidence and tags to pictures with captions."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from showtell.cli import caption_files, reading

if TYPE_CHECKING:
    from showtell.captioning.confidence import Calibration
    from showtell.captioning.tags import TagCalibration


def calibrate(
    model: Annotated[Path, typer.Argument(help="Model bundle; replaced unless --out is given.", metavar="MODEL")],
    pictures: caption_files.Pictures,
    captions: caption_files.Captions,
    split: Annotated[
        str | None, typer.Option(help="Split to fit on; not one that the model was trained on.", metavar="NAME")
    ] = None,
    train_split: Annotated[
        str | None,
        typer.Option(
            help="Split that the model was trained on; needed to recognize unfamiliar pictures.", metavar="NAME"
        ),
    ] = None,
    store: caption_files.Store = None,
    tags: Annotated[
        bool, typer.Option("--tags", help="Add the encoder's classifier to a model that was made without it.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write another bundle instead of replacing MODEL.")] = None,
    partial: caption_files.Partial = False,
    picture_column: caption_files.PictureColumn = None,
    caption_column: caption_files.CaptionColumn = None,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Calibrate a model: fit word probabilities, confidence, tags and the recognition of unfamiliar pictures.

    The pictures need captions by people, and must not be those that the model was trained on.

    Examples:

        showtell calibrate model.showtell --pictures val.zip --captions captions.json
        showtell calibrate model.showtell --pictures photos/ --captions captions.json --split val --train-split train
    """
    from showtell.captioning.confidence import calibration_of
    from showtell.captioning.tags import tagger_of
    from showtell.models.bundle import read_bundle
    from showtell.models.names import find_model
    from showtell.post_training.calibration import calibrate as fit

    before = calibration_of(read_bundle(find_model(model)))
    known = caption_files.read(captions, picture_column, caption_column)
    source = reading.open_pictures(pictures, reading.read_options(exclude, zip_encoding, max_pixels, lenient))
    found = fit(model, source, known, split, train_split=train_split, out=out, store=store, tags=tags, partial=partial)
    _print_figures(found)
    tagger = tagger_of(read_bundle(out or model))
    if tagger and tagger.calibration:
        _print_tags(tagger.calibration)
    for lost in _lost(before, found):
        print(f"{out or model}: no longer has {lost}", file=sys.stderr)
    print(f"calibrated: {out or model}")


def _lost(before: "Calibration | None", after: "Calibration") -> list[str]:
    """What a model had that could not be fitted again, and how to fit it."""
    lost = []
    if before and before.quality and not after.quality:
        lost.append("confidence, as too few pictures have two or more captions: give more such pictures")
    if before and before.out_of_distribution and not after.out_of_distribution:
        lost.append("the flag for unfamiliar pictures: name the split that it was trained on with --train-split")
    return lost


def _print_figures(calibration: "Calibration") -> None:
    figures = calibration.figures
    print(f"temperature {calibration.temperature:.3f}, from {figures['words']:,} words of people's captions")
    print("                                    stated   true  calibration error")
    rows = [
        ("likeliest next word, before", figures["words_before"]),
        ("likeliest next word, after", figures["words_after"]),
        ("the model's own words, before", figures["own_words_before"]),
        ("the model's own words, after", figures["own_words_after"]),
    ]
    if calibration.quality:
        rows.append(("confidence, cross-validated", figures["confidence"]))
    for label, row in rows:
        if row["count"]:
            print(f"  {label:<32} {row['stated']:7.1%} {row['true']:6.1%} {row['ece']:10.3f}  of {row['count']:,}")
    if calibration.quality:
        print(
            f"rank correlation with CIDEr-D: {figures['rank_correlation_before']:.3f} of the score, "
            f"{figures['rank_correlation']:.3f} of the confidence (cross-validated)"
        )
    else:
        print("no confidence: too few pictures have two or more captions")
    if calibration.out_of_distribution:
        _print_familiarity(figures["familiar"])
    else:
        print("no flag for unfamiliar pictures: name the split that the model was trained on with --train-split")


def _print_familiarity(figures: dict[str, Any]) -> None:
    means = [
        f"{100 * figures[name]:.1f} of the {name.removeprefix('cider_d_')}"
        for name in ("cider_d_familiar", "cider_d_unfamiliar")
        if figures[name] is not None
    ]
    print(f"unfamiliar: {figures['unfamiliar']:.1%} of the pictures; CIDEr-D {', '.join(means)}")


def _print_tags(calibration: "TagCalibration") -> None:
    figures, tried = calibration.figures, calibration.figures["guiding"]
    for label, least in (("tags", 10), ("sure_tags", 50)):
        row = figures[label]
        if row["count"]:
            print(
                f"tags of at least {least}%: stated {row['stated']:.1%}, mentioned {row['true']:.1%}, "
                f"calibration error {row['ece']:.3f}, of {row['count']:,}"
            )
    plain, guided, change, low, high = (
        100 * tried[name] for name in ("cider_d_plain", "cider_d_guided", "difference", "low", "high")
    )
    print(
        f"guiding by tags changes {tried['guided']:.1%} of the captions: CIDEr-D {guided:.1f}, {plain:.1f} without; "
        f"difference {change:+.2f}, 95% interval {low:+.2f} to {high:+.2f}; by default "
        f"{'on' if calibration.guide else 'off'}"
    )
