"""Texts taken apart into what a sentence translator can take, and put together again, with nothing lost.

Models such as NLLB and OPUS-MT are trained on single sentences and leave some out of a longer input. So a text becomes
pieces: a sentence to be translated, and before it whatever stays as it is (line breaks, list and heading marks,
numbers, emoji, fenced code). Joined as they are, the pieces are the text.

Sentence ends are found by sentencex (Wikimedia, MIT): compiled rules for some 300 languages, no model, no download. It
is asked by ISO 639-1 code, because it knows the abbreviations of most languages only under that one. For a language
that it has no rules for (Quechua, Haitian Creole) it uses the full stops and question marks of all scripts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_univar.errors import MissingExtraError

ISO_639_1 = {
    "eng": "en", "zho": "zh", "hin": "hi", "spa": "es", "arb": "ar", "fra": "fr", "ind": "id", "zsm": "ms",
    "por": "pt", "rus": "ru", "deu": "de", "pes": "fa", "jpn": "ja", "swh": "sw", "vie": "vi", "tgl": "tl",
    "kor": "ko", "ita": "it", "tha": "th", "ron": "ro", "swe": "sv", "hat": "ht", "quy": "qu", "bul": "bg",
    "fin": "fi",
}  # fmt: skip
"""The two letters of each of the 25 languages, by ISO 639-3 code; of zsm, swh and quy those of their macrolanguage."""

WITHOUT_SENTENCE_MARKS = {"tha"}
"""Thai sets spaces between sentences, and between clauses too, and has no mark for either."""

LONGEST_RUN = 120
"""Characters that a language without sentence marks gets in one piece: about one long sentence."""

# What opens a line without being part of its sentence: quotes, headings, bullets and numbers, in any nesting.
_LINE_MARKS = re.compile(r"\s*(?:(?:>|#{1,6}\s|[-*+•–·]\s|\(?\d{1,3}[.)．、]\s*(?!\d))\s*)*")
_EMPHASISED_LINE = re.compile(r"(\*{1,3}|_{1,3})(?=[^\s*_])([^*_\n]*[^\s*_])(\1\s*)")
_FENCE = re.compile(r"\s*(```|~~~)")
_ENDS_IN_FULL_STOP = re.compile(r"\.[\"'”’»)\]]*\s*$")
_CLAUSE_MARK = re.compile(r"[;:,.!?]+[\"'”’»)\]]*\s+|[،؛、，；：。！？।…—–]+[\"'”’»」』）\]]*\s*")
_SPACE = re.compile(r"\s+")


class Piece(NamedTuple):
    """before: stays as it is. sentence: to be translated; no space or emoji at its ends; empty at a text's end."""

    before: str
    sentence: str


def split(text: str, language: str) -> list[Piece]:
    """The pieces of a text in the language with this ISO 639-3 code; each sentence has a letter.

    A line break ends a sentence. Joined, ``before`` and ``sentence`` of all pieces are the text.
    Raises MissingExtraError without sentencex.
    """
    return _pieces(_parts(text, language))


def shortened(pieces: Iterable[Piece], fits: Callable[[str], bool]) -> list[Piece]:
    """The same text in pieces whose every sentence fits, unless a single character does not."""
    return _pieces(part for before, sentence in pieces for part in [(before, False), *_fitting(sentence, fits)])


def join(pieces: Sequence[Piece], english: Sequence[str]) -> str:
    """The translated text; english: of each piece's sentence, in order, empty where that is.

    Where nothing stood between two sentences, as in Chinese, English needs a space.
    """
    text = ""
    for piece, sentence in zip(pieces, english, strict=True):
        gap = " " if text and sentence and not piece.before else ""
        text += piece.before + gap + sentence
    return text


def has_letters(text: str) -> bool:
    return any(map(str.isalpha, text))


def _pieces(parts: Iterable[tuple[str, bool]]) -> list[Piece]:
    """From parts of a text in order, each with whether it is to be translated; one without letters never is."""
    pieces, before = [], ""
    for part, wanted in parts:
        start, end = 0, len(part)
        if not wanted or not has_letters(part):
            before += part
            continue
        while _stands_beside(part[start]):
            start += 1
        while _stands_beside(part[end - 1]):
            end -= 1
        pieces.append(Piece(before + part[:start], part[start:end]))
        before = part[end:]
    if before:
        pieces.append(Piece(before, ""))
    return pieces


def _stands_beside(character: str) -> bool:
    """Space and emoji at the ends of a sentence: the models know few emoji, and would lose the others."""
    return character.isspace() or character in "\u200d\ufe0f" or unicodedata.category(character) in ("So", "Sk")


def _parts(text: str, language: str) -> Iterator[tuple[str, bool]]:
    fence = None
    for line in text.splitlines(keepends=True):
        marked = _FENCE.match(line)
        if fence is not None or marked:
            yield line, False
            if fence is None:
                fence = marked[1] if marked else None
            elif marked and marked[1] == fence:
                fence = None
            continue
        marks = _LINE_MARKS.match(line)
        start = marks.end() if marks else 0
        yield line[:start], False
        rest = line[start:]
        if emphasised := _EMPHASISED_LINE.fullmatch(rest):
            opening, rest, closing = emphasised.groups()
        else:
            opening, closing = "", ""
        yield opening, False
        for sentence in _sentences(rest, language):
            yield sentence, True
        yield closing, False


def _sentences(line: str, language: str) -> Iterator[str]:
    try:
        import sentencex
    except ImportError:
        raise MissingExtraError("sentencex", "translate", "Splitting answers into sentences") from None

    found: list[str] = []
    for sentence in sentencex.segment(ISO_639_1.get(language, language), line):
        if found and _goes_on(found[-1], sentence):
            found[-1] += sentence
        else:
            found.append(sentence)
    for sentence in found:
        if language in WITHOUT_SENTENCE_MARKS:
            yield from (part for part, _ in _fitting(sentence, lambda run: len(run.strip()) <= LONGEST_RUN))
        else:
            yield sentence


def _goes_on(sentence: str, following: str) -> bool:
    """Whether the full stop between them belongs to an abbreviation or a number ("den 3. maj").

    Only in scripts with capitals, and only where the first one starts with a capital: some people never write any.
    """
    first = next(filter(str.isalpha, sentence), "")
    return first.isupper() and following[:1].islower() and _ENDS_IN_FULL_STOP.search(sentence) is not None


def _fitting(sentence: str, fits: Callable[[str], bool]) -> list[tuple[str, bool]]:
    """Halved until every part fits, where possible after a clause, else at a space, else between two characters."""
    if len(sentence) < 2 or fits(sentence):
        return [(sentence, True)]
    cut = _middle(sentence)
    return _fitting(sentence[:cut], fits) + _fitting(sentence[cut:], fits)


def _middle(sentence: str) -> int:
    """Where to cut: neither part is empty."""
    length = len(sentence)
    for mark, margin in ((_CLAUSE_MARK, 0.25), (_SPACE, 0.1)):
        cuts = [found.end() for found in mark.finditer(sentence)]
        if near := [cut for cut in cuts if margin * length < cut < (1 - margin) * length]:
            return min(near, key=lambda cut: abs(2 * cut - length))
    cut = length // 2
    while cut < length - 1 and unicodedata.category(sentence[cut]).startswith("M"):
        cut += 1  # a vowel sign stays with its letter
    return cut
