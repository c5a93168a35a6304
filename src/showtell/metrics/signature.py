"""How scores were computed, in one line: scores can be compared if their signatures are equal.

After sacreBLEU (Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018): fields `name:value`, joined by `|`.
"""

from collections.abc import Collection, Mapping, Sequence

from showtell.metrics.document_frequency import DocumentFrequency
from showtell.metrics.registry import Metric, chosen_metrics


def signature_fields(
    references: Mapping[str, Sequence[str]],
    metrics: Collection[str] | None = None,
    document_frequency: DocumentFrequency | None = None,
) -> list[str]:
    """The fields of a signature that say how `score` got its scores from `references`, without version and interval.

    They name the tokenizer (Stanford's of that version, lower-cased, punctuation dropped), each metric with its
    settings (as pycocoevalcap 1.2 has them), how many references the pictures have, and how many pictures there are.
    """
    table = "references" if document_frequency is None else document_frequency.fingerprint
    counts = [len(texts) for texts in references.values()]
    fewest, most = min(counts), max(counts)
    return [
        "tok:ptb-3.4.1-lower",
        *(_field(metric, table) for metric in chosen_metrics(metrics)),
        f"refs:{fewest}" if fewest == most else f"refs:{fewest}-{most}",
        f"pictures:{len(references)}",
    ]


def _field(metric: Metric, table: str) -> str:
    settings = [metric.settings] if metric.settings else []
    settings += [f"df={table}"] if metric.uses_document_frequency else []
    return f"{metric.name}:{','.join(settings)}" if settings else metric.name
