"""A translator behind a cassette: what is recorded is read, what is missing is translated and recorded at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pytest_univar.answer_lines import Translation
from pytest_univar.cassette import Cassette, cassette_path, translation_key
from pytest_univar.elicitation import Request, Tally
from pytest_univar.elicitation.recorded import Record
from pytest_univar.errors import NotRecordedError
from pytest_univar.languages import language as known_language
from pytest_univar.translation import Translator
from pytest_univar.values import Answer, Question


class InEnglish(NamedTuple):
    """Answers whose questions and texts are English now, in the order they came.

    problems: ``Request.id`` → why an answer could not be brought to English; it is not among the answers.
    """

    answers: tuple[Answer, ...]
    problems: dict[str, str]


class BackTranslation:
    """Brings the answers of one LLM to English; what is new is recorded in ``cassette_dir``, beside the answers.

    back_translate_questions: the paper's way. Otherwise a question whose English is known is not translated.
    """

    def __init__(
        self,
        translator: Translator,
        cassette_dir: Path,
        record: Record = "new",
        *,
        back_translate_questions: bool = False,
    ) -> None:
        self.translator = translator
        self._directory = cassette_dir
        self._record = record
        self._back_translate_questions = back_translate_questions

    @property
    def name(self) -> str:
        """What a profile's English depends on."""
        return self.translator.name + (", questions too" if self._back_translate_questions else "")

    def check(self, language: str) -> None:
        """TranslationError if it cannot translate from this language. With recording off nothing is translated."""
        if self._record != "none":
            self.translator.check(language)

    @property
    def tally(self) -> Tally | None:
        """What the translator's own calls took so far; None where it makes none."""
        return getattr(self.translator, "tally", None)

    def texts(self, answers: Sequence[Answer], known: Mapping[str, str]) -> list[str]:
        """What has to be translated, each text once. known: as for :meth:`to_english`."""
        own = {} if self._back_translate_questions else known
        every = dict.fromkeys(text for answer in answers for text in (answer.question, answer.answer))
        return [text for text in every if text not in own]

    def pending(self, answers: Sequence[Answer], language: str, *, known: Mapping[str, str]) -> list[str]:
        """What ``to_english`` would have translated, or miss with recording off: for a dry run. Writes nothing."""
        texts = self.texts(answers, known)
        cassette = Cassette(cassette_path(self._directory, answers[0].llm if answers else "", language))
        found = _recorded(cassette, self._keys(texts, language))
        return [text for text in texts if text not in found]

    def to_english(
        self,
        answers: Sequence[Answer],
        language: str,
        *,
        known: Mapping[str, str],
        progress: Callable[[int], None] | None = None,
    ) -> InEnglish:
        """Translate the answers, all in ``language``, and their questions.

        known: questions in that language whose English is known. progress: called with the number of texts that were
        settled since. Raises NotRecordedError, and what the translator raises.
        """
        llm = answers[0].llm if answers else ""
        texts = self.texts(answers, known)
        english, problems = self._translated(llm, texts, language, progress or (lambda count: None))
        if not self._back_translate_questions:
            english |= known
        kept: list[Answer] = []
        lost: dict[str, str] = {}
        for answer in answers:
            missing = [text for text in (answer.question, answer.answer) if text not in english]
            if missing:
                request = Request(Question(answer.question_id, answer.question), answer.sample)
                lost[request.id] = f"not translated: {problems[missing[-1]]}"
            else:
                kept.append(replace(answer, question=english[answer.question], answer=english[answer.answer]))
        return InEnglish(tuple(kept), lost)

    def _translated(
        self, llm: str, texts: Sequence[str], language: str, progress: Callable[[int], None]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Text → English, and text → why there is none."""
        translator = self.translator.name
        keys = self._keys(texts, language)
        cassette = Cassette(cassette_path(self._directory, llm, language))
        found = _recorded(cassette, keys)
        missing = [text for text in texts if text not in found]
        if missing and self._record == "none":
            raise NotRecordedError(
                f"{cassette.path}: {len(missing)} of {len(texts)} texts of {llm} in {known_language(language).name} "
                f"({language}) were not translated by {translator} yet, and recording is off (--univar-record=none). "
                f"Run once with --univar-record=new and keep the cassette"
            )
        problems: dict[str, str] = {}
        if missing:
            with cassette.lock():
                cassette.refresh()  # while this process waited, another one may have translated
                found = _recorded(cassette, keys)
                missing = [text for text in texts if text not in found]
                progress(len(texts) - len(missing))

                def done(index: int, english: str) -> None:
                    text = missing[index]
                    cassette.append_translation(Translation(keys[text], translator, language, text, english))
                    found[text] = english
                    progress(1)

                failed = self.translator.translate(missing, language, done=done)
                problems = {missing[index]: why for index, why in failed.items()}
        return found, problems

    def _keys(self, texts: Sequence[str], language: str) -> dict[str, str]:
        translator = self.translator.name
        return {text: translation_key(translator=translator, source_language=language, text=text) for text in texts}


def _recorded(cassette: Cassette, keys: dict[str, str]) -> dict[str, str]:
    english = {text: cassette.english(key) for text, key in keys.items()}
    return {text: found for text, found in english.items() if found is not None}
