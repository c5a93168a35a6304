"""The tokeniser against what pycocoevalcap's Java tokeniser gives: recorded always, live where Java is installed."""

import json
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository import ROOT
from showtell.metrics import ptb_tokenize

# Recorded by `python tests/test_metrics_ptb.py` with pycocoevalcap 1.2 (Stanford CoreNLP 3.4.1) and OpenJDK 17.
RECORDED = ROOT / "tests" / "recorded" / "ptb_tricky.json"

SENTENCES = [
    "A dog runs on the grass.",
    "",
    "   ",
    "Two dogs, one cat , and three birds .",
    "The man's hat isn't his; it's his brothers' hat, and they've lost theirs.",
    "I can't, won't and shouldn't've; he'd rather not, we'll see, I'm sure you're right.",
    "IT'S THE CAPTAIN'S SHIP AND HE DOESN'T SHARE IT",
    "It’s the dog’s “favourite” ball, isn’t it? ‘Yes’, he said.",
    "She cannot swim, he's gonna help, they wanna go, gimme that, lemme see, I gotta leave",
    "Cannot-do attitude, cannots, gonna's",
    "'Tis the season, 'twas cold, more'n enough, get 'em, 'cause it's 'til noon",
    "Rock 'n' roll at five o'clock, ma'am, y'all come; ol' Pete O'Neill and d'Artagnan",
    "Mr. and Mrs. Smith met Dr. Jones on Main St. near 5th Ave. and Elm Blvd.",
    "J. R. Smith of the U.S. and the U.K. met at 10 a.m. in Washington D.C.",
    "Plan B. The man has a plan B.",
    "Vitamin C. Two pills of vitamin C. a day",
    "She has a Ph.D. and works for Acme Inc., Foo Co. and Bar Ltd.",
    "See fig. 3, no. 5, pp. 10 and No. 7; no. Not so",
    "Apples, pears, etc. are on the table, e.g. two pears, i.e. fruit, vs. cake.",
    "A first, second., third.; and so on",
    "One,two-three, four,five, cann't and inn't",
    "the mfg. of St.-shaped things by Calif. and tex. but Tex. firms",
    "It costs $5.00, US$5, A$7.50, £3, €2,50, 50¢ or 1,000,000 dollars",
    "The no.1 team won 3-2 at 3:30pm, 10am, 10:30 or 10.30am in '95, the '90s and the 1990's",
    "Signs at the corner of 8th Ave. and 22 3/4 St., taken 11.01.2009 23:58.",
    "Add 1/2 cup, 1 1/2 cups, 3/4 spoon, ½ litre and 2½ pounds of flour",
    "Call 555-1234, (555) 123-4567, +1 555 123 4567 or 555.123.4567",
    "On 11/22/2013, 2013-11-22, 9/11 and 24/7",
    "It is -5 or +5 degrees, 98.6F, 20°C, 50% off and .5 of it",
    "A 12-year-old boy in a T-shirt, mid-1990s, well-known, non-U.S. and U.S.-based",
    "Either/or, black/white/red/blue, w/ or w/out, his/her, a / b",
    "a - b -- c --- d ---- e ----- f – g — h–i - and -j k-",
    "Wait... what?! No!! Yes. . . maybe . . fine…",
    "He said \"hello\", 'bye', ``so'' and 5'6\" tall",
    "The (small) dog [sic] is {here} (too), ((really))",
    "AT&T, R&B, B&W, M&M's, black & white, salt&pepper, &amp; &lt;3 &quot;x&quot; &nbsp; &eacute;",
    "C++, C#, a+b, A+B, 2x4, 4 x 4, a=b, a*b, ** bold ** and #hashtag @user #1",
    "Mail foo.bar@example.com or see http://www.example.com/a?b=c#d, www.example.org/x and example.net.",
    "The file is photo.jpg, IMG_2013.JPG or a_b_c.tar.gz <b>bold</b> <br />",
    "Smile :) :-) ;-) :D :( ^_^ <3 and so :)",
    "naïve café résumé Ærøskøbing Łódź straße ÑANDÚ İstanbul",
    "собака бежит 犬が走る 狗 الكلب כלב",
    "a 😀 smile😀 ☕ cup ♥ love™ 10² m² 5×5 ±2 → right • dot",
    "zero\u200bwidth soft\u00adhyphen non\u00a0breaking ideographic\u3000space tab\there",
    "under_score _a_ a__b ___ ~ ^ | \\ / * + = < > % @ #",
    "Ends with an abbreviation etc.",
    "Ends with a number 5.",
    "Ends with they've",
    "don't",
    "...",
    "!",
    "it 's , do n't , 's",
    "A.B.C.D. a.b. ab.cd. hello.world What?No Yes!No",
]

PIECES = """
    a the man dog's isn't don't It's THEY'RE we've I'll dogs' 'em o'clock Mr. St. U.S. a.m. e.g. etc. 5 10,000 $5 1/2
    3:30 10am 4th 50% 12-year-old T-shirt and/or AT&T #1 (small) [sic] "hi" 'hi' -- - ... ! ? ?! , . ; : & + = * cannot
    gonna 1990's '90s café naïve “so” it’s – ½ x_y 2x4 photo.jpg www.a.com x@y.com :) U.S.A. J. no. 6' well-off
"""


def salads(count: int) -> list[str]:
    rng = random.Random(0)
    pieces = PIECES.split()
    gaps = [" "] * 12 + ["  ", ", ", ". ", "; ", "", ","]
    # Each ends in a plain word: a last "J." would depend on the next caption (see the module's docstring).
    return [
        "".join(rng.choice(pieces) + rng.choice(gaps) for _ in range(rng.randint(1, 12))) + " end" for _ in range(count)
    ]


def java_tokens(sentences: list[str]) -> list[list[str]]:
    """What pycocoevalcap's Java tokeniser gives; a plain caption follows each, so that none looks into another."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    captions = {i: [{"caption": sentence}, {"caption": "A dog ."}] for i, sentence in enumerate(sentences)}
    tokenised = PTBTokenizer().tokenize(captions)
    assert all(tokenised[i][1] == "a dog" for i in captions), "Java lost count of its lines"
    return [tokenised[i][0].split(" ") if tokenised[i][0] else [] for i in captions]


def assert_tokenised_as_by_java(sentences: list[str]) -> None:
    differ = [
        (sentence, ours, java)
        for sentence, java in zip(sentences, java_tokens(sentences), strict=True)
        if (ours := ptb_tokenize(sentence, keep_spaces=True)) != java
    ]
    assert not differ, f"{len(differ)} of {len(sentences)} differ, such as {differ[:3]}"


needs_java = pytest.mark.skipif(
    shutil.which("java") is None, reason="no java here: only the recorded tokens are tested"
)


@pytest.mark.parametrize(
    "case", json.loads(RECORDED.read_text("utf-8"))["cases"], ids=lambda case: case["sentence"][:30]
)
def test_a_tricky_sentence_gives_the_recorded_tokens(case):
    assert ptb_tokenize(case["sentence"], keep_spaces=True) == case["tokens"]
    assert ptb_tokenize(case["sentence"]) == " ".join(case["tokens"]).split()


def test_the_recording_is_of_the_sentences_above():
    assert [case["sentence"] for case in json.loads(RECORDED.read_text("utf-8"))["cases"]] == SENTENCES


@needs_java
def test_java_still_gives_the_recorded_tokens():
    recorded = [case["tokens"] for case in json.loads(RECORDED.read_text("utf-8"))["cases"]]
    assert java_tokens(SENTENCES) == recorded


@needs_java
def test_random_salads_of_tricky_pieces_are_tokenised_as_by_java():
    assert_tokenised_as_by_java(salads(3000))


def coco_captions(path: Path) -> list[str]:
    return [annotation["caption"] for annotation in json.loads(path.read_text("utf-8"))["annotations"]]


@needs_java
def test_every_coco_val2017_caption_is_tokenised_as_by_java(shared_data):
    captions = coco_captions(shared_data / "coco/captions_val2017.json")
    assert len(captions) == 25014
    assert_tokenised_as_by_java(captions)


@needs_java
def test_every_reference_and_caption_of_the_metric_oracle_is_tokenised_as_by_java(shared_data):
    folder = shared_data / "metrics"
    predictions = json.loads((folder / "karpathy_test5k_predictions.json").read_text("utf-8"))
    captions = coco_captions(folder / "captions_karpathy_test5k.json")
    captions += [prediction["caption"] for prediction in predictions]
    assert len(captions) == 25010 + 5000
    assert_tokenised_as_by_java(captions)


@needs_java
def test_every_flickr8k_caption_is_tokenised_as_by_java(shared_data):
    lines = (shared_data / "flickr8k/Flickr8k.token.txt").read_text("utf-8").splitlines()
    assert len(lines) == 35000
    assert_tokenised_as_by_java([line.split("\t", 1)[1] for line in lines])


@given(text=st.text() | st.text(st.sampled_from("aA1 .,'-’:/$&@()é😀\n")))
def test_any_text_gives_lower_case_tokens_without_white_space(text):
    for token in ptb_tokenize(text):
        assert token == token.lower()
        assert token.split() == [token]


def test_a_number_with_a_space_is_one_token_or_two():
    assert ptb_tokenize("add 1 1/2 cups", keep_spaces=True) == ["add", "1\u00a01/2", "cups"]
    assert ptb_tokenize("add 1 1/2 cups") == ["add", "1", "1/2", "cups"]


def test_a_line_break_inside_a_caption_is_a_space():
    assert ptb_tokenize("a dog\nruns\r\nfast\n") == ["a", "dog", "runs", "fast"]


def test_a_long_text_without_spaces_takes_no_long_time():
    assert len(ptb_tokenize("it's." * 2000)) >= 2000
    assert ptb_tokenize("a,b," * 2000 + "!")[:2] == ["a", "b"]


if __name__ == "__main__":
    origin = (
        "Sentences by Showtell's authors; tokens as the PTBTokenizer of pycocoevalcap 1.2 gives them (Stanford CoreNLP "
        "3.4.1, punctuation removed). Recorded by: python tests/test_metrics_ptb.py"
    )
    cases = [
        {"sentence": sentence, "tokens": tokens}
        for sentence, tokens in zip(SENTENCES, java_tokens(SENTENCES), strict=True)
    ]
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
    RECORDED.write_text(f'{{\n "origin": {json.dumps(origin)},\n "cases": [\n{lines}\n ]\n}}\n', "utf-8")
