"""What a program can tell of a question set in one language, without knowing the language.

Nobody who only passes these checks has written a good question; but a line that is missing, cut off, left in English or
in the wrong script does not pass them. Every check is a generator of findings over questions with their places.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_univar.languages import LANGUAGES
from pytest_univar.questions import Located


class Finding(NamedTuple):
    """One thing that is wrong. line: None where a question is missing from the file."""

    file: str
    line: int | None
    id: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{place}, question {self.id!r}: found {self.found}, expected {self.expected}. {self.remedy}"


class _Family(NamedTuple):
    """Languages whose texts have a like length. low, high: the bounds of characters over those of the English text."""

    name: str
    languages: frozenset[str]
    low: float
    high: float


_FAMILIES = (
    _Family("Chinese: a character is a syllable or a word", frozenset({"zho"}), 0.15, 0.7),
    _Family("Japanese and Korean: a character is a syllable", frozenset({"jpn", "kor"}), 0.3, 1.1),
    _Family("Arabic: short vowels are not written", frozenset({"arb"}), 0.5, 1.4),
    _Family("Thai: no spaces between words", frozenset({"tha"}), 0.5, 1.8),
    _Family("Germanic and Romance", frozenset({"deu", "swe", "spa", "fra", "ita", "por", "ron"}), 0.6, 1.8),
    _Family("Slavic and Indo-Iranian", frozenset({"rus", "bul", "hin", "pes"}), 0.6, 1.7),
    _Family("Austronesian", frozenset({"ind", "zsm", "tgl"}), 0.7, 1.9),
    _Family("Vietnamese, Swahili, Quechua, Haitian, Finnish", frozenset({"vie", "swh", "quy", "hat", "fin"}), 0.6, 1.9),
)
_OTHER = _Family("no bounds are known for this language, so wide ones hold", frozenset(), 0.15, 2.5)

_SCRIPTS = {
    "Latn": ("LATIN", "FEMININE", "MASCULINE"),  # the ordinal indicators ª and º
    "Cyrl": ("CYRILLIC",),
    "Arab": ("ARABIC",),
    "Deva": ("DEVANAGARI",),
    "Thai": ("THAI",),
    "Hang": ("HANGUL",),
    "Hans": ("CJK",),
    "Jpan": ("CJK", "HIRAGANA", "KATAKANA"),
}
"""Script, as in FLORES codes → how the Unicode names of its letters begin."""

_NEIGHBOURS = {
    "arb": ("پچژگکی", "Persian"),
    "pes": ("يك", "Arabic"),
    "bul": ("ыэё", "Russian"),
    "ron": ("şţŞŢ", "cedilla, not comma"),
}
"""Letters of the right script that the language does not have, and whose they are."""

_MARKS = {"zho": "？", "jpn": "？", "arb": "؟", "pes": "؟"}
_ANY_MARK = re.compile("[?？؟⸮\u037e]")

_FREQUENT = (
    "the and of what which when how should would could with that this from have they you your their my who why if "
    "it because about after before people where whose does did been there here into other than then we"
)
"""Frequent English words, without those that are words of the other 24 languages too, such as 'in', 'on' and 'was'."""
_ENGLISH = frozenset(_FREQUENT.split())
_MOST_ENGLISH = 0.05

_WORD = re.compile(r"[^\W\d_]+")


def check(
    questions: Sequence[Located], language: str, english: Sequence[Located] = (), *, file: str = ""
) -> Iterator[Finding]:
    """What is wrong with the questions of a set in one language, check by check.

    english: the same set in English, to compare with; none where there is none, or where ``language`` is English.
    file: where a question that is missing belongs.
    """
    originals = {} if language == "eng" else {each.question.id: each for each in english}
    if originals:
        yield from _completeness(questions, originals, file)
    yield from _uniqueness(questions)
    for each in questions:
        yield from _tidiness(each)
        yield from _script(each, language)
        yield from _ending(each, language)
        if language != "eng":
            yield from _leftover_english(each)
        if original := originals.get(each.question.id):
            yield from _translated(each, original)
            yield from _length(each, original, language)


def _completeness(questions: Sequence[Located], originals: dict[str, Located], file: str) -> Iterator[Finding]:
    """The same ids as in English, and where both name a value or a source, the same one."""
    ids = {each.question.id for each in questions}
    for id, original in originals.items():
        if id not in ids:
            yield Finding(file, None, id, "no such line", f"as in {_place(original)}", "Add the question.")
    for each in questions:
        if (match := originals.get(each.question.id)) is None:
            yield _finding(each, "an id that the English questions lack", "one of theirs", "Mend the id, or remove it.")
            continue
        for name in ("value", "source"):
            own, theirs = getattr(each.question, name), getattr(match.question, name)
            if own and theirs and own != theirs:
                yield _finding(each, f"the {name} {own!r}", f"{theirs!r} as in {_place(match)}", "Mend one of them.")


def _uniqueness(questions: Sequence[Located]) -> Iterator[Finding]:
    """Every text once, whatever its case and spaces."""
    seen: dict[str, Located] = {}
    for each in questions:
        earlier = seen.setdefault(" ".join(each.question.text.casefold().split()), each)
        if earlier is not each:
            found = f"the text of {earlier.question.id!r} ({_place(earlier)})"
            yield _finding(each, found, "each text once", "Ask something else.")


def _tidiness(each: Located) -> Iterator[Finding]:
    """Composed characters (NFC), single spaces, one line."""
    text = each.question.text
    if not unicodedata.is_normalized("NFC", text):
        yield _finding(each, "characters in parts", "composed ones (Unicode NFC)", "Normalise the text.")
    if stray := re.search(r"[^\S\u00a0\u202f ]|\s{2}|^\s|\s$", text):
        found = f"the white space {stray[0]!a} at character {stray.start() + 1}"
        yield _finding(each, found, "single spaces between words", "Remove it.")


def _script(each: Located, language: str) -> Iterator[Finding]:
    """Letters of the language's own script; digits, punctuation and marks are free."""
    if language not in LANGUAGES:
        return
    text, script = each.question.text, LANGUAGES[language].flores.partition("_")[2]
    letters = [letter for letter in text if unicodedata.category(letter) in {"Lu", "Ll", "Lt", "Lo"}]
    foreign = [letter for letter in letters if not unicodedata.name(letter, "").startswith(_SCRIPTS[script])]
    name = LANGUAGES[language].name
    if foreign:
        expected = f"letters of the script {script} alone, in which {name} is written"
        yield _finding(each, _shown(foreign), expected, "Write the word as the language does.")
    elif not letters:
        yield _finding(each, "no letters", "a question in words", "Write it.")
    unknown, whose = _NEIGHBOURS.get(language, ("", ""))
    if strangers := [letter for letter in letters if letter in unknown]:
        yield _finding(each, f"{_shown(strangers)} ({whose})", f"letters of {name}", "Write it with its own letters.")


def _ending(each: Located, language: str) -> Iterator[Finding]:
    """One question, and the text ends with it, in the language's own mark."""
    text, mark = each.question.text, _MARKS.get(language, "?")
    if not text.endswith(mark):
        yield _finding(each, f"{text[-1:]!r} at the end", f"the mark {mark!r}", "End the text as a question.")
    if (count := len(_ANY_MARK.findall(text))) > 1:
        yield _finding(each, f"{count} question marks", "one question", "Leave the one that matters most.")
    if language == "spa" and (count := text.count("¿")) != 1:
        yield _finding(each, f"{count} opening marks", "one '¿'", "Put one where the question begins.")


def _leftover_english(each: Located) -> Iterator[Finding]:
    """Hardly any English function words."""
    words = _WORD.findall(each.question.text.casefold())
    english = [word for word in words if word in _ENGLISH]
    if english and len(english) / len(words) > _MOST_ENGLISH:
        found = f"{len(english)} English words of {len(words)} ({_shown(english)})"
        yield _finding(each, found, f"at most {_MOST_ENGLISH:.0%}", "Translate the rest of the text.")


def _translated(each: Located, original: Located) -> Iterator[Finding]:
    """Another text than the English one."""
    if each.question.text.casefold() == original.question.text.casefold():
        yield _finding(each, f"the English text of {_place(original)}", "a translation", "Translate it.")


def _length(each: Located, original: Located, language: str) -> Iterator[Finding]:
    """About as long as such texts are: much less was cut off, much more was added."""
    family = next((family for family in _FAMILIES if language in family.languages), _OTHER)
    own, theirs = len(each.question.text), len(original.question.text)
    if not family.low <= own / theirs <= family.high:
        found = f"{own} characters, {own / theirs:.2f} times the {theirs} in English"
        expected = f"{family.low} to {family.high} times ({family.name})"
        yield _finding(each, found, expected, "Look for what is missing or was added.")


def _finding(each: Located, found: str, expected: str, remedy: str) -> Finding:
    return Finding(each.file, each.line, each.question.id, found, expected, remedy)


def _place(each: Located) -> str:
    return f"{each.file}, line {each.line}"


def _shown(pieces: Sequence[str]) -> str:
    """Each piece once, no more than five."""
    once = list(dict.fromkeys(pieces))
    return ", ".join(map(repr, once[:5])) + (", …" if len(once) > 5 else "")
