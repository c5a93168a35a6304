"""How an evaluation's figures were made, in one line: figures are comparable when their signatures are equal.

After sacreBLEU (Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018): fields `name:value`, joined by `|`.
"""

from collections.abc import Mapping, Sequence

import showtell
from showtell.search import SearchOptions

METRICS = "tok:ptb-3.4.1-lower|BLEU:closest|ROUGE-L:beta=1.2|CIDEr-D:n=4,sigma=6,df=references"
"""The tokeniser (Stanford's of that version, punctuation dropped) and the metrics, as pycocoevalcap 1.2 has them."""


def signature(options: SearchOptions, references: Mapping[str, Sequence[str]], resamples: int, seed: int) -> str:
    """The signature of figures of captions found with `options`, of so many pictures and references."""
    counts = sorted({len(texts) for texts in references.values()})
    fields = (
        METRICS,
        f"refs:{counts[0]}" if len(counts) == 1 else f"refs:{counts[0]}-{counts[-1]}",
        f"pictures:{len(references)}",
        f"search:{_search(options)}",
        f"interval:bootstrap,{resamples},seed={seed}",
        f"showtell:{showtell.__version__}",
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
