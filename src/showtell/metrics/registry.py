"""The metrics by name. A file of this folder computes a metric and registers it here, with a line of help.

    @metric("WORDS", help="mean number of words", figures={"WORDS": "words of a caption"}, unit="number")
    def _words(given: MetricInput) -> MetricScores: ...

Registered metrics are available in `score`, in the commands `score`, `evaluate` and `report`, and in the key `best_by`
of recipes. Every module of the folder is imported on first use, so there is no list to maintain.
docs/contributing/metric.md has an example.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Literal, TypeAlias

from showtell.errors import InputError, refuse_duplicate
from showtell.metrics.document_frequency import DocumentFrequency
from showtell.metrics.matching import Match, ReferenceIndex
from showtell.metrics.ptb import ptb_tokenize, split_at_spaces
from showtell.metrics.result import MetricScores

Unit: TypeAlias = Literal["score", "percent", "number", "count"]


@dataclass(frozen=True, slots=True)
class FigureKind:
    """How a figure is shown: a score times 100, as papers print it, a share in percent, a number as it is, a count."""

    label: str
    unit: Unit
    about: str

    def text(self, value: float) -> str:
        """A value as it is printed."""
        if self.unit == "number":
            return f"{value:.2f}"
        if self.unit == "count":
            return f"{value:,.0f}"
        return f"{100 * value:.1f}" + ("%" if self.unit == "percent" else "")


@dataclass(frozen=True)
class MetricInput:
    """A metric's input: one caption for each picture of `references`, as text and as tokens.

    `hypotheses` and `references` are texts by picture. `document_frequency` is the user's table of n-grams, if any. A
    slow metric calls `progress` with the number of pictures done since the last call.
    """

    hypotheses: Mapping[str, str]
    references: Mapping[str, Sequence[str]]
    document_frequency: DocumentFrequency | None = None
    progress: Callable[[int], None] | None = None

    @cached_property
    def picture_ids(self) -> tuple[str, ...]:
        """The pictures, in the order of the references."""
        return tuple(self.references)

    @cached_property
    def tokens(self) -> dict[str, list[str]]:
        """The tokens of each hypothesis, in the order of the references."""
        return {picture: ptb_tokenize(self.hypotheses[picture], keep_spaces=True) for picture in self.references}

    @cached_property
    def reference_tokens(self) -> dict[str, list[list[str]]]:
        """The tokens of each reference."""
        return {
            picture: [ptb_tokenize(caption, keep_spaces=True) for caption in captions]
            for picture, captions in self.references.items()
        }

    @cached_property
    def index(self) -> ReferenceIndex:
        """The n-grams of the references."""
        split = {picture: list(map(split_at_spaces, texts)) for picture, texts in self.reference_tokens.items()}
        return ReferenceIndex(split, self.document_frequency.grams if self.document_frequency else None)

    @cached_property
    def match(self) -> Match:
        """The n-grams that hypotheses share with their references."""
        return self.index.match(self.picture_ids, list(map(split_at_spaces, self.tokens.values())))


Compute: TypeAlias = Callable[[MetricInput], MetricScores]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that users can ask for.

    `figures` has the name and meaning of each of its scores; `settings` says in signatures how it is computed. A
    `default` metric is computed unless others are chosen. `uses_document_frequency` says whether the table of n-grams
    matters. Metrics are shown by ascending `order`.
    """

    name: str
    help: str
    figures: Mapping[str, str]
    compute: Compute
    settings: str = ""
    unit: Unit = "score"
    default: bool = True
    higher_is_better: bool = True
    uses_document_frequency: bool = False
    order: int = 100

    def kinds(self) -> dict[str, FigureKind]:
        """How each of its figures is shown, by name."""
        return {name: FigureKind(name, self.unit, about) for name, about in self.figures.items()}


_registered: dict[str, Metric] = {}


def metric(
    name: str,
    *,
    help: str,
    figures: Mapping[str, str],
    settings: str = "",
    unit: Unit = "score",
    default: bool = True,
    higher_is_better: bool = True,
    uses_document_frequency: bool = False,
    order: int = 100,
) -> Callable[[Compute], Compute]:
    """Register the decorated function as the metric `name`; the arguments are the fields of `Metric`."""

    def register(compute: Compute) -> Compute:
        if name in _registered:
            refuse_duplicate(f"the metric {name!r}", _registered[name].compute, compute)
        _registered[name] = Metric(
            name,
            help,
            dict(figures),
            compute,
            settings,
            unit,
            default,
            higher_is_better,
            uses_document_frequency,
            order,
        )
        return compute

    return register


@cache
def metrics() -> dict[str, Metric]:
    """Every metric by name, in the order in which they are shown."""
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")
    return {one.name: one for one in sorted(_registered.values(), key=lambda one: (one.order, one.name))}


def default_metrics() -> tuple[str, ...]:
    """The names of the metrics that are computed unless others are chosen."""
    return tuple(name for name, one in metrics().items() if one.default)


def chosen_metrics(names: Collection[str] | None) -> tuple[Metric, ...]:
    """The metrics `names`, or the default ones for None; an `InputError` lists them all if a name is unknown."""
    wanted = default_metrics() if names is None else names
    if isinstance(wanted, str) or not wanted or any(name not in metrics() for name in wanted):
        raise InputError(f"metrics must be some of {', '.join(metrics())}, not {wanted!r}")
    return tuple(one for name, one in metrics().items() if name in wanted)


def figure_kinds() -> dict[str, FigureKind]:
    """How each figure of each metric is shown, by name."""
    return {name: kind for one in metrics().values() for name, kind in one.kinds().items()}


def figure_key(figure: str) -> str:
    """The figure's name in recipes and in `metrics.jsonl`: `cider_d` of CIDEr-D."""
    return figure.lower().replace("-", "_").replace(" ", "_")


def figures_by_key() -> dict[str, tuple[Metric, str]]:
    """Metric and figure by `figure_key`: what a recipe's `best_by` may name."""
    return {figure_key(figure): (one, figure) for one in metrics().values() for figure in one.figures}
