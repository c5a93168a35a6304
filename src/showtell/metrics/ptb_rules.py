"""The kinds of token that Stanford's PTB tokenizer knows, as regular expressions, for `showtell.metrics.ptb`.

The conventions are those of the Penn Treebank (Marcus, Santorini and Marcinkiewicz 1993) as documented for Stanford
CoreNLP's `PTBTokenizer`. The rules were found by feeding millions of short strings to version 3.4.1, which
pycocoevalcap runs, and comparing the output; `showtell.metrics.ptb` lists the known differences.

Of all rules that match at a position, the longest match wins; of equal ones, the earlier rule. A last group inside a
lookahead is context: it counts towards the length of a match, but is not part of the token.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

Emit = Callable[["re.Match[str]"], list[str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of token: `pattern` finds it, `emit` returns its output (often no token, or two)."""

    starts: str
    """Characters that it can begin with: `a` for any letter, `1` for any digit, others literally."""
    pattern: re.Pattern[str]
    emit: Emit


def _as_written(match: re.Match[str]) -> list[str]:
    return [match.group()]


def _nothing(match: re.Match[str]) -> list[str]:
    return []


def _parts(match: re.Match[str]) -> list[str]:
    # A group that begins behind the token is context.
    groups = range(1, match.re.groups + 1)
    return [match.group(group) for group in groups if 0 <= match.start(group) < match.end()]


def _mapped(names: dict[str, str]) -> Emit:
    return lambda match: [names.get(match.group().lower(), match.group())]


_BRACKETS = {"(": "-LRB-", ")": "-RRB-", "[": "-LSB-", "]": "-RSB-", "{": "-LCB-", "}": "-RCB-"}
_MONEY = {"£": "#", "€": "$", "¤": "$", "₠": "$", "¢": "cents"}
_FRACTIONS = {"¼": "1/4", "½": "1/2", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"}
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_QUOTES = {"‘": "`", "‛": "`", "’": "'", "“": "``", "”": "''", "«": "``", "»": "''", "‹": "`", "›": "'"}


def _quotes(match: re.Match[str]) -> list[str]:
    return ["".join(_QUOTES.get(mark, mark) for mark in match.group())]


def _straight(match: re.Match[str]) -> list[str]:
    return [match.group().translate(_STRAIGHT)]


def _round_brackets(match: re.Match[str]) -> list[str]:
    return [match.group().replace("(", "-LRB-").replace(")", "-RRB-")]


def _dashes(match: re.Match[str]) -> list[str]:
    return [match.group()] if len(match.group()) > 4 else []


_STRAIGHT = str.maketrans("’‘", "'`")


def _words(text: str) -> list[str]:
    return text.split()


# Words whose full stop belongs to them: in any case, only with a capital, only before a number.
_ABBREVIATIONS = _words("""
    adj adm adv al ala alex apr ariz assn asst atty aug ave bhd bldg blvd brig bros calif capt cf cie cmdr co col colo
    conn corp cos cpl ct dak dec dept det dr drs elec ens esq est etc ext feb fla fri ft ga gen gov govs hon inc ind
    insp intl invt jan jos jr jul jun kan kans ky lt ltd maj mar md messrs mfg mich minn mlle mme mo mon mont mr mrs ms
    msgr mt mtg natl neb nev nov oct okla penn pfc ph plc ppte ppty pres prof pte ptes pty ptys pvt rd rep reps rev rt
    sen sens sep sept seq sfc sgt spc sq sr st ste supt sys tel tenn thu tue tues univ va vs vt wed wis wisc wm wyo
""")
_CAPITAL_ABBREVIATIONS = _words("ark az del ill la mass miss ore pa tex wash")
_NUMBER_ABBREVIATIONS = _words("art ca fig figs no nos op pp prop")
ABBREVIATIONS = frozenset(_ABBREVIATIONS + _CAPITAL_ABBREVIATIONS)
"""Lower-case words that may keep a full stop at the end of a caption."""

CONTRACTED = frozenset({"cannot", "gonna", "gotta", "lemme", "gimme", "wanna"})
"""Lower-case words of letters only that are two tokens."""

# Before these words a single letter's full stop ends a sentence ("plan B. The"); else it is an initial ("J. Smith").
_SENTENCE_STARTERS = _words("""
    a about according additionally after an as at but earlier he her here however if in it last many more now once one
    other our she since so some such that the their then there these they this we what when while yet you
""")

_FILE_ENDINGS = _words("""
    c h x gz pl ps py bat bmp cgi cpp dll doc docx exe gif htm html jar java jpg jpeg mov mp3 pdf php png ppt sql tar
    txt wav xml zip
""")


def _capitalised(words: list[str]) -> str:
    return "|".join(f"{word[0].upper()}(?i:{word[1:]})" for word in words)


def rules(letter: str, digit: str) -> list[Rule]:
    """The rule table for an alphabet, given as patterns of one letter and one digit.

    Text must end in white space, so that rules need not match the end.
    """
    a, d, w = letter, digit, f"(?:{letter}|{digit})"
    any_apostrophe, apostrophe = "['’`‘]", "['’]"
    not_ascii_letter, space = "(?=([^A-Za-z]))", "[ \u00a0]"
    clitic = "(?:s|m|d|ll|re|ve)"
    acronym = r"[A-Za-z](?:\.[A-Za-z])+\."
    word = rf"{a}{w}*(?:[.!?]{a}{w}*)*"
    hyphenated = rf"[A-Za-z0-9][A-Za-z0-9.,]*+(?:-(?:{acronym}|[A-Za-z0-9]+))+"
    joined = rf"{w}+(?:[-‐‑_]{w}+)+"
    elided = rf"(?:{w}+-)?[dDoOlL]{any_apostrophe}{w}{{2,}}(?:-{w}+)*"
    part = r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}"
    in_url, ends_url = r"[^\s\"<>|()]", r"[^\s\"<>|.!?(){},\-]"
    in_email = r"[^\s\"<>|(){}]"
    in_domain = r"[^\s\"<>|(){}.]"
    tag_name = r"[A-Za-z][A-Za-z0-9_:.\-]*"
    table: list[tuple[str, str, Emit]] = [
        # Mark-up and addresses.
        ("<", rf"<[!?](?:[A-Za-z][^>]*|--.*?--)>|</{tag_name} *>", _as_written),
        ("<", rf"<{tag_name}(?: +{tag_name}(?:=(?:'[^']*'|\"[^\"]*\"))?)* */? *>", _as_written),
        ("&", r"&(?i:amp|lt|gt);", _mapped(_ENTITIES)),
        ("&", r"&(?i:nbsp|quot|apos|mdash|ndash);", _nothing),
        ("&", r"&#[0-9]+;", _as_written),
        ("hH", rf"(?i:https?)://{in_url}+{ends_url}", _as_written),
        ("wW", rf"(?i:www)\.(?:[^\s\"<>|.!?(){{}},/\-]+\.)+[A-Za-z]{{2,4}}(?:/{in_url}+{ends_url})?", _as_written),
        ("a", rf"(?:{a}{w}*\.)+(?i:com|net|org|edu)/{in_url}+{ends_url}", _as_written),
        ("a1<", rf"<?[A-Za-z0-9]{in_email}*@(?:{in_domain}+\.)*{in_domain}+>?", _as_written),
        ("@", r"@[A-Za-z_][A-Za-z_0-9]*", _as_written),
        ("#", rf"#{a}+", _as_written),
        # Contractions: two tokens each.
        (
            "cglwCGLW",
            rf"(?i:(can)(not)|(gon)(na)|(got)(ta)|(lem)(me)|(gim)(me)|(wan)(na))(?!{w})(?=([^A-Za-z]))",
            _parts,
        ),
        ("'’", rf"(?i:({apostrophe}t)(is|was))", _parts),
        ("mM", rf"(?i:(more)({apostrophe}n)){not_ascii_letter}", _parts),
        ("a", rf"[A-HJ-XZn]{any_apostrophe}{a}{{2,}}", _as_written),
        ("a", rf"[A-Za-z]*[A-MO-Za-mo-z](?=([nN]{any_apostrophe}[tT]))", _as_written),
        ("nN", rf"[nN]{any_apostrophe}[tT]{not_ascii_letter}", _straight),
        ("'", rf"'(?i:{clitic}){not_ascii_letter}", _as_written),
        ("’", rf"’(?i:{clitic})", _straight),
        ("a", rf"{word}(?=({apostrophe}(?i:{clitic})))", _as_written),
        # Words, and words with an apostrophe inside or in front.
        ("a", word, _as_written),
        ("a1&", rf"(?:{w}|&[aeiouAEIOU](?:acute|grave|uml);)+", _as_written),
        ("a1", elided, _as_written),
        ("dDlLjJ", rf"[dDlLjJ]{apostrophe}", _as_written),
        ("yY", rf"[yY]{apostrophe}(?=([A-Za-z]))", _as_written),
        ("oO", rf"(?i:ol){apostrophe}", _as_written),
        ("a", rf"{a}+[aeiouyAEIOUY]{any_apostrophe}[aeiouA-Z]{a}*", _as_written),
        ("ectnECTN", r"(?i:e'(?:er|en)|c['’](?:mon|est)|t['’]other|nor['’]easter)", _as_written),
        ("oO", r"(?i:o['’](?:clock|er))", _as_written),
        ("'’", rf"(?i:{apostrophe}(?:em|cause|till?|n['’])|’n|'n(?=\s))", _as_written),
        # Numbers.
        ("1", rf"{d}+{a}{w}*", _as_written),
        ("1+-.,:", rf"[-+]?(?:{d}*[.,:]{d}+|{d}+)(?:[.,:]{d}+)*", _as_written),
        ("1", rf"(?:{d}{{1,4}}[- \u00a0])?{d}{{1,4}}\\?/{d}{{1,4}}", _as_written),
        ("1", rf"{d}{{1,2}}[-/]{d}{{1,2}}[-/]{d}{{2,4}}", _as_written),
        ("1+", rf"(?:\+\+?)?(?:{d}{{2,4}}[- \u00a0])?{d}{{2,4}}[- \u00a0]{d}{{3,4}}[- \u00a0]{d}{{3,5}}", _as_written),
        ("(", rf"\({d}{{2,3}}\){space}?{d}{{3,4}}[- \u00a0]?{d}{{3,5}}", _round_brackets),
        ("'’", rf"{apostrophe}{d}(?:0s|{d}(?=(\s)))", _as_written),
        ("¼½¾⅓⅔", "[¼½¾⅓⅔]", _mapped(_FRACTIONS)),
        ("a$", r"[A-Z]*\$", _as_written),
        ("£€¤₠¢", "[£€¤₠¢]", _mapped(_MONEY)),
        # Words joined by hyphens, slashes, underscores, ampersands.
        ("a1", hyphenated, _as_written),
        ("a1", joined, _as_written),
        ("a1", rf"{part}(?:\\?/{part}){{1,2}}", _as_written),
        ("a", r"[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+", lambda match: [match.group().replace("&amp;", "&")]),
        ("cfCF", r"[Cc]\+\+|[CcFf]#", _as_written),
        # Words that keep a full stop: acronyms, abbreviations, names of files, initials, anything before a comma.
        ("a", rf"{acronym}|(?i:ph|ed)\.[dD]\.", _as_written),
        (
            "a1",
            rf"[A-Za-z0-9]+(?:\.[A-Za-z0-9]+)*\.(?i:{'|'.join(_FILE_ENDINGS)})(?=([^A-Za-z0-9]))",
            _as_written,
        ),
        ("a", rf"[A-Za-z]\.(?!\s+(?:{_capitalised(_SENTENCE_STARTERS)})\s|\s+M(?i:[rs])\.\s|\s*$)", _as_written),
        ("a", rf"(?:(?i:{'|'.join(_ABBREVIATIONS)})|{_capitalised(_CAPITAL_ABBREVIATIONS)})\.", _as_written),
        ("a", rf"(?i:{'|'.join(_NUMBER_ABBREVIATIONS)})\.(?=({space}?{d}))", _as_written),
        ("a1", rf"(?:{w}+|{word}|{hyphenated}|{joined}|{elided})\.(?=([,;:]))", _as_written),
        # Faces and punctuation.
        ("<>:;=", r"[<>]?[:;=][-o*']?[()DPOdp\\\[\]@|{](?=([^A-Za-z0-9]))", _round_brackets),
        ("-x'<=>^~", r"[-x'<=>^~]_[-x'<=>^~]", _as_written),
        ("(", r"\((?:\^_?\^|[-']_[-'])\)", _round_brackets),
        ("-", r"-+", _dashes),
        (".", r"\.\.\.+|\.(?: \.){2,}", _nothing),
        ("?!*\\_#@<>", r"[?!]+|\\?\*+|_+|#+|@+|<<|>>", _as_written),
        ("¹²³⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "[¹²³⁰⁴-⁹]+|[₀-₉]+", _as_written),
        ("()[]{}", r"[()\[\]{}]", _mapped(_BRACKETS)),
        ("'`‘’‚‛“”„‟«»‹›", r"''|[`‘’‚‛“”„‟«»‹›]{1,2}", _quotes),
        ("\"'‐‑–—―…", "[\"'‐‑–—―…]", _nothing),
    ]
    return [Rule(starts, re.compile(pattern), emit) for starts, pattern, emit in table]
