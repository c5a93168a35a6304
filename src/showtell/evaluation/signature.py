"""How an evaluation's figures were computed, in one line: figures are comparable if their signatures are equal.

After sacreBLEU (Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018): fields `name:value`, joined by `|`.
"""

from collections.abc import Mapping, Sequence

from showtell._version import __version__
from showtell.metrics.signature import signature_fields
from showtell.search import SearchOptions


def signature(
    options: SearchOptions,
    references: Mapping[str, Sequence[str]],
    resamples: int,
    seed: int,
    *,
    guided: bool = False,
    careful: bool = False,
) -> str:
    """The signature of the figures of an evaluation.

    Arguments:
        options: how captions were searched.
        references: by picture; the signature counts both.
        resamples, seed: of the bootstrap.
        guided: whether tags guided the captions.
        careful: whether captions were careful.
    """
    fields = (
        *signature_fields(references),
        f"search:{_search(options)}{',guided' if guided else ''}{',careful' if careful else ''}",
        f"interval:bootstrap,{resamples},seed={seed}",
        f"showtell:{__version__}",
    )
    return "|".join(fields)


def _search(options: SearchOptions) -> str:
    """The settings that matter in every search, and all others that differ from their defaults."""
    usual = SearchOptions()
    values = {name: getattr(options, name) for name in SearchOptions.__dataclass_fields__}
    always = ("beam", "length_penalty", "max_length")
    shown = {name: value for name, value in values.items() if name in always or value != getattr(usual, name)}
    return ",".join(f"{name}={_text(value)}" for name, value in shown.items())


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "+".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
