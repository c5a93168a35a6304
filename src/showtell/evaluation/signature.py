"""How an evaluation's figures were made, in one line: figures are comparable when their signatures are equal.

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
    """The signature of figures of captions found with `options`, of so many pictures and references; `guided` by
    tags or not, `careful` or not."""
    fields = (
        *signature_fields(references),
        f"search:{_search(options)}{',guided' if guided else ''}{',careful' if careful else ''}",
        f"interval:bootstrap,{resamples},seed={seed}",
        f"showtell:{__version__}",
    )
    return "|".join(fields)


def _search(options: SearchOptions) -> str:
    """What decides in every search, and whatever else is not as usual."""
    usual = SearchOptions()
    values = {name: getattr(options, name) for name in SearchOptions.__dataclass_fields__}
    always = ("beam", "length_penalty", "max_length")
    told = {name: value for name, value in values.items() if name in always or value != getattr(usual, name)}
    return ",".join(f"{name}={_text(value)}" for name, value in told.items())


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "+".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
