"""Caption -> tokens as caption metrics count them, without Java: a sentence in, a list of lower-case tokens out.

Published BLEU, ROUGE, METEOR, CIDEr and SPICE figures are of captions tokenized by pycocoevalcap's `PTBTokenizer`:
Stanford CoreNLP 3.4.1 (`PTBTokenizer -preserveLines -lowerCase`), then seventeen punctuation tokens removed. Other
tokens give other scores, so this module gives the same ones; its rules are in `showtell.metrics.ptb_rules`.

Known to differ from the Java tokenizer, all outside ordinary captions:

- Java runs over all captions as one text and looks one word ahead, into the next caption: a last word "B." becomes "b"
  where the next caption begins with "A" or "The", else "b.". Here it is always "b", as in most such places.
- A line feed, form feed, vertical tab or U+2028 in a caption is a space here; pycocoevalcap loses count of its lines.
- Some emoticons, web addresses with odd characters, abbreviations before a hyphen ("Jr.-3") or after letters ("ga.m."),
  scripts that Unicode added after 2010 and stacked apostrophes.
"""

import re
from functools import cache
from string import ascii_letters, digits

from showtell.metrics.ptb_rules import ABBREVIATIONS, CONTRACTED, Rule, rules

# pycocoevalcap's list also has brackets ("-LRB-" and so on), but in capitals, and Java has lower-cased them by then.
# They stay, as "-lrb-"; scores that are compared with published ones must count them too.
_REMOVED = frozenset(("''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"))

_NO_BREAK_SPACE = "\u00a0"

# Most captions are words, spaces, commas and a full stop, and need no rule: this makes tokenizing several times faster.
_PLAIN = re.compile(r"[A-Za-z ,]*\.?\s*")
_PLAIN_RUN = re.compile(r"(?:[ ,]*[A-Za-z]+(?=,? ))+")

# Letters beyond ASCII: Unicode's word characters without superscripts and fractions, and with the accents and vowel
# signs that continue a word although Unicode calls them marks.
_NO_LETTERS = "²³¹¼-¾⁰⁴-⁹₀-₉⅐-↉①-⓿❶-➓"
_MARKS = (
    "\u02c2-\u0375\u0384\u0385\u03f6\u0483-\u0487\u055a-\u055f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0615-\u061a\u064b-\u065e\u0670\u06d6-\u06ed\u070f-\u07f3\u0900-\u0903\u093c-\u094e\u0951-\u0955\u0962\u0963"
    "\u0981-\u09e3\u0a01-\u0a51\u0a81-\u0ae3\u0b82-\u0bcd\u0c01-\u0c03\u0c3e-\u0c56\u0d3e-\u0d48\u0e31-\u0e3a"
    "\u0e47-\u0e4e\u0eb1-\u0ecd\u1885\u1886"
)
# Symbols beyond ASCII that are tokens of their own, or that a rule knows. All others, emoji among them, are dropped.
_SYMBOLS = (
    "¡-»¿×÷;·։־׀׃׆׳-؃؆-،؛؞؟٪٭۔܀-܍߶-߸।॥฿๏᾽‐-‗‘-‣…‰-‸‹-›※‾-⁂⁄⁰⁴-⁾₀-₎"
    "₠₤€℀℁℃-℆℈℉℔№-℘℞-℣℥℧℩℮℺℻⅀-⅄⅊-⅍⅏⅓-⅞←-⯿、。〒・！-／：-＠［-｀｛-･￠￡￥￦"
)
_DROPPED = re.compile(rf"[^\x00-\x7f\w\s{_MARKS}{_SYMBOLS}]|[\U00010000-\U0010ffff⅐-⅒⅟-↉〇〡-〩〸-〺㆒-㆕㈠-㊿]")
# Bytes of Windows-1252 that were read as Latin-1: euro, quotes, dashes. The soft hyphen is taken out of words.
_REPAIRED = str.maketrans("\x80\x85\x91\x92\x93\x94\x96\x97", "€…‘’“”–—", "\xad")


def ptb_tokenize(sentence: str, *, keep_spaces: bool = False) -> list[str]:
    """The tokens of one caption: lower case, split at white space, clitics apart ("it 's", "do n't"), no punctuation.

    Brackets stay, as "-lrb-" and "-rrb-". An empty or blank sentence has no tokens.

    Args:
        sentence: the caption.
        keep_spaces: a few tokens have a no-break space inside, such as the number "1 1/2". pycocoevalcap's BLEU and
            CIDEr take them apart there, its ROUGE-L and METEOR do not. False gives the former's tokens, True the
            latter's.

    Returns:
        The tokens of `PTBTokenizer().tokenize(...)` of pycocoevalcap 1.2.
    """
    if _PLAIN.fullmatch(sentence):
        tokens = sentence.lower().replace(",", " ").split()
        last = ""
        if tokens and tokens[-1][-1] == ".":
            last = tokens.pop()[:-1]
            if last:
                tokens.append(last)
        if last not in ABBREVIATIONS and CONTRACTED.isdisjoint(tokens):
            return tokens
    tokens = _tokenize_by_rules(sentence)
    return tokens if keep_spaces else split_at_spaces(tokens)


def split_at_spaces(tokens: list[str]) -> list[str]:
    """Convert the tokens of `ptb_tokenize` with `keep_spaces` to those without."""
    text = " ".join(tokens)
    return text.split() if _NO_BREAK_SPACE in text else tokens


def _tokenize_by_rules(sentence: str) -> list[str]:
    table = _ASCII_RULES
    if not sentence.isascii():
        sentence = _DROPPED.sub(" ", sentence.translate(_REPAIRED))
        table = _unicode_rules()
    text = sentence + " "  # the rules ask for a white space at the end
    tokens: list[str] = []
    place = 0
    while place < len(text):
        run = _PLAIN_RUN.match(text, place)
        if run:
            words = run.group().lower().replace(",", " ").split()
            if CONTRACTED.isdisjoint(words):
                tokens += words
                place = run.end()
                continue
        if text[place].isspace():
            place += 1
            continue
        found, place = _longest(text, place, table)
        tokens += [token.lower().replace(" ", _NO_BREAK_SPACE) for token in found]
    return [token for token in tokens if token not in _REMOVED]


def _longest(text: str, place: int, table: dict[str, list[Rule]]) -> tuple[list[str], int]:
    """The output tokens for the text at `place`, and the position of the next token."""
    reach, best, emit = -1, None, None
    for rule in table.get(text[place], table[""]):
        match = rule.pattern.match(text, place)
        if match:
            # The last group may be context behind the token, which counts too.
            reached = max(match.end(), match.end(rule.pattern.groups))
            if reached > reach:
                reach, best, emit = reached, match, rule.emit
    if best is None or emit is None:
        return [text[place]], place + 1
    return emit(best), best.end()


def _by_first_character(table: list[Rule]) -> dict[str, list[Rule]]:
    """For each character the rules that can begin with it; under "" those for a letter or digit beyond ASCII."""
    starts = {"": "a1"} | {start: start for rule in table for start in rule.starts}
    starts |= {letter: "a" + letter for letter in ascii_letters} | {digit: "1" + digit for digit in digits}
    return {first: [rule for rule in table if set(kinds) & set(rule.starts)] for first, kinds in starts.items()}


_ASCII_RULES = _by_first_character(rules("[A-Za-z]", "[0-9]"))


@cache
def _unicode_rules() -> dict[str, list[Rule]]:
    # Compiled on first use: few captions are not ASCII, and compiling takes as long as tokenizing 5,000 captions.
    return _by_first_character(rules(rf"(?:[^\W\d_{_NO_LETTERS}]|[{_MARKS}])", r"\d"))
