"""The panels of a report: each a heading, a chart and a sentence that says how to read it."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from showtell.evaluation import Evaluation
from showtell.evaluation.report.choice import JUDGE, confidence_groups, lengths, surest, word_counts
from showtell.visualization.charts import Series, bar_chart, line_chart, panel, spread_chart
from showtell.visualization.html import escape

_USES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)  # ends of the groups of words by how many captions have them
_TOP = 14


def score_panels(evaluation: Evaluation) -> list[str]:
    """The distribution of the pictures' scores."""
    scores = [100 * picture.scores[JUDGE] for picture in evaluation.pictures]
    width = 20 if max(scores) <= 220 else 50 if max(scores) <= 550 else 100
    groups = Counter(int(score // width) for score in scores)
    starts = range(max(groups) + 1)
    chart = bar_chart(
        f"Pictures by {JUDGE}",
        [f"{width * i}" for i in starts],
        [("pictures", [groups[i] for i in starts])],
        f"{JUDGE}, from this number to the next",
        "pictures",
    )
    note = f"{sum(score < width for score in scores):,} of {len(scores):,} pictures score below {width}."
    return [panel(f"{JUDGE} of each picture", chart, note)]


def confidence_panels(evaluation: Evaluation) -> list[str]:
    """Whether confidence rises with quality."""
    groups = confidence_groups(evaluation.pictures)
    if not groups:
        return []
    label = "confidence that the caption is good" if evaluation.calibrated else "score of the model's caption"
    correlation = evaluation.figures["rank_correlation"].value
    chart = spread_chart(f"{JUDGE} by confidence", groups, label, JUDGE)
    note = (
        f"Pictures in {len(groups)} equal groups, ordered by confidence, with the 95% interval of each mean. "
        f"Rank correlation over all pictures: {correlation:.2f}; 0 means no relation."
    )
    return [panel("Are more confident captions better?", chart, note), _threshold_panel(evaluation)]


def _threshold_panel(evaluation: Evaluation) -> str:
    curve = surest(evaluation.pictures)
    chart = line_chart(f"{JUDGE} of the surest captions", [Series(JUDGE, curve)], "% of the captions shown", JUDGE)
    half = next(score for share, score in curve if share >= 50)
    note = f"Mean {JUDGE} of the most confident captions; {half:.1f} for the more confident half."
    return panel("Without doubtful captions", chart, note)


def wording_panels(evaluation: Evaluation) -> list[str]:
    """Lengths, word frequencies and the commonest words, compared with people's."""
    captions = [picture.caption for picture in evaluation.pictures]
    every = [reference for picture in evaluation.pictures for reference in picture.references]
    first = [picture.references[0] for picture in evaluation.pictures]  # as many sentences as the model wrote
    return [
        _length_panel(captions, every),
        _use_panel(captions, first, evaluation.vocabulary),
        _common_panel(captions, first),
    ]


def _length_panel(captions: Sequence[str], people: Sequence[str]) -> str:
    mine, theirs = lengths(captions), lengths(people)
    longest = max([*mine, *theirs])
    cut = min(longest, 25)  # the few longer ones share the last bar

    def shares(of: Counter[int]) -> list[float]:
        total = of.total()
        shown = [100 * of[n] / total for n in range(1, cut)]
        return [*shown, 100 * sum(count for n, count in of.items() if n >= cut) / total]

    names = [*map(str, range(1, cut)), f"{cut}+" if longest > cut else str(cut)]
    bars = [("model", shares(mine)), ("people", shares(theirs))]
    note = f"Mean {_mean(mine):.1f} words; people {_mean(theirs):.1f}."
    return panel("Words in a caption", bar_chart("Captions by length", names, bars, "words", "% of captions"), note)


def _use_panel(captions: Sequence[str], people: Sequence[str], known: int) -> str:
    mine, theirs = word_counts(captions), word_counts(people)
    most = max([*mine.values(), *theirs.values()])
    ends = [end for end in _USES if end < most] + [most]
    groups = list(pairwise(ends))

    def counted(of: Counter[str]) -> list[float]:
        return [sum(low < uses <= high for uses in of.values()) for low, high in groups]

    names = [str(low + 1) for low, _ in groups]
    bars = [("model", counted(mine)), ("people", counted(theirs))]
    label = "captions that contain the word, from this number to the next"
    chart = bar_chart("Words by use", names, bars, label, "different words")
    note = f"{len(mine):,} different words of the model's {known:,}; people use {len(theirs):,} in as many captions."
    return panel("How often words are used", chart, note)


def _common_panel(captions: Sequence[str], people: Sequence[str]) -> str:
    mine, theirs = word_counts(captions), word_counts(people)
    common = mine.most_common(_TOP)
    most = max(max(count, theirs[word]) for word, count in common)
    rows = ""
    for word, count in common:
        tracks = _track(count, most, len(captions), 0) + _track(theirs[word], most, len(people), 1)
        rows += f"<li>{escape(word)}{tracks}</li>"
    key = '<ul class="key" role="list"><li><span class="swatch bar series-0"></span>model</li>'
    key += '<li><span class="swatch bar series-1"></span>people</li></ul>'
    body = f'<ol class="tracks">{rows}</ol>\n{key}\n'
    return panel("Most common words", body, "Share of the captions that contain the word.")


def _track(count: int, most: int, of: int, series: int) -> str:
    share = 100 * count / of
    return f'<span class="track series-{series}" style="width:{100 * count / most:.1f}%" title="{share:.1f}%"></span>'


def _mean(counts: Counter[int]) -> float:
    return sum(value * count for value, count in counts.items()) / counts.total()
