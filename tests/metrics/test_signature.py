"""Signatures tell apart scores that cannot be compared."""

from showtell.metrics import DocumentFrequency, signature_fields

REFERENCES = {"x": ["a dog", "the dog"], "y": ["a cat"]}


def table(**references: list[list[str]]) -> DocumentFrequency:
    return DocumentFrequency.of(references)


def test_the_fields_name_tokeniser_metrics_references_and_pictures():
    assert "|".join(signature_fields(REFERENCES)) == (
        "tok:ptb-3.4.1-lower|BLEU:closest|ROUGE-L:beta=1.2|CIDEr-D:n=4,sigma=6,df=references|refs:1-2|pictures:2"
    )
    assert signature_fields({"x": ["a", "b"]}, ["METEOR"]) == [
        "tok:ptb-3.4.1-lower",
        "METEOR:1.5,en,norm",
        "refs:2",
        "pictures:1",
    ]


def test_tables_are_told_apart_by_words_counts_and_pictures():
    tables = [
        table(x=[["a"]], y=[["a"]]),
        table(x=[["b"]], y=[["b"]]),
        table(x=[["a"]], y=[["a"]], z=[["a"]]),
        table(x=[["a"]], y=[["a"]], z=[["b"]]),
        table(x=[["a", "b"]], y=[["a", "b"]], z=[["c"]]),
        table(x=[["a", "b"]], y=[["a"], ["b"]], z=[["c"]]),
    ]
    fields = {signature_fields(REFERENCES, ["CIDEr-D"], each)[1] for each in tables}
    assert len(fields) == len(tables)
    assert signature_fields(REFERENCES, ["CIDEr-D"], table(y=[["a"]], x=[["a"]]))[1] in fields
