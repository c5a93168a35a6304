"""How scores were computed, in one line: scores can be compared where their signatures are equal.

After sacreBLEU (Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018): fields `name:value`, joined by `|`.
"""

from collections.abc import Collection, Mapping, Sequence

from showtell.metrics.document_frequency import DocumentFrequency
from showtell.metrics.scoring import DEFAULT_METRICS, METRICS

_SETTINGS = {
    "BLEU": "closest",
    "METEOR": "1.5,en,norm",
    "ROUGE-L": "beta=1.2",
    "CIDEr": "n=4",
    "CIDEr-D": "n=4,sigma=6",
}


def signature_fields(
    references: Mapping[str, Sequence[str]],
    metrics: Collection[str] = DEFAULT_METRICS,
    document_frequency: DocumentFrequency | None = None,
) -> list[str]:
    """The fields of a signature that say how `score` got its scores from `references`, without version and interval.

    They name the tokeniser (Stanford's of that version, lower-cased, punctuation dropped), each metric with its
    settings (as pycocoevalcap 1.2 has them), how many references the pictures have, and how many pictures there are.
    """
    table = "references" if document_frequency is None else document_frequency.fingerprint
    counts = [len(texts) for texts in references.values()]
    fewest, most = min(counts), max(counts)
    return [
        "tok:ptb-3.4.1-lower",
        *(
            f"{metric}:{_SETTINGS[metric]}{f',df={table}' if metric.startswith('CIDEr') else ''}"
            for metric in METRICS
            if metric in metrics
        ),
        f"refs:{fewest}" if fewest == most else f"refs:{fewest}-{most}",
        f"pictures:{len(references)}",
    ]
