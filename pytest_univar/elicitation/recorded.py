"""A live model behind a cassette: what is recorded is replayed, what is missing is asked and recorded at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal, Protocol, get_args

from pytest_univar.cassette import Cassette, cassette_path
from pytest_univar.elicitation import Elicitation, Progress, Request, Tally, requests_for
from pytest_univar.errors import NotRecordedError, UsageError
from pytest_univar.languages import language as known_language
from pytest_univar.values import Answer, Question

Record = Literal["none", "new", "all"]
"""none: replay only, never call out. new: ask what is missing. all: ask everything again; the later line wins."""


class AnswerService(Protocol):
    """What is behind the cassette; ``litellm.LiteLLMService`` says what each part does."""

    model: str

    def key(self, request: Request) -> str: ...

    def ask(
        self, requests: Sequence[Request], *, tally: Tally, record: Callable[[Answer], None], progress: Progress
    ) -> dict[str, str]: ...


class RecordedElicitor:
    """Asks ``service`` for what the cassettes in ``cassette_dir`` do not hold, one process at a time for each profile.

    since: with ``record="all"``, answers recorded at or after this moment belong to this run and are not asked again
    (another xdist worker asked them). It is the moment of construction unless given.
    """

    def __init__(
        self, service: AnswerService, cassette_dir: Path, record: Record = "new", *, since: datetime | None = None
    ) -> None:
        if record not in get_args(Record):
            raise UsageError(f"found {record!r} as the recording mode, expected one of {', '.join(get_args(Record))}")
        self.llm = service.model
        self._service = service
        self._directory = cassette_dir
        self._record = record
        self._since = since or datetime.now(timezone.utc)

    def elicit(
        self, questions: Sequence[Question] | None, language: str, *, samples: int = 1, progress: Progress | None = None
    ) -> Elicitation:
        """See ``Elicitor``. Raises NotRecordedError, and what the service raises."""
        if questions is None:
            raise UsageError(
                f"found no questions to ask {self.llm}, expected a question set. Name one with --univar-questions"
            )
        requests = requests_for(questions, samples)
        cassette = Cassette(cassette_path(self._directory, self.llm, language))
        tally = Tally(asked=len(requests))
        problems: dict[str, str] = {}
        progress = progress or (lambda tally: None)
        missing = self._missing(cassette, requests)
        if missing and self._record == "none":
            raise self._not_recorded(cassette, language, len(missing), len(requests))
        if missing:
            with cassette.lock():
                cassette.refresh()  # while this process waited, another one may have asked
                missing = self._missing(cassette, requests)
                self._count_recorded(cassette, requests, missing, tally)
                progress(tally)

                def record(answer: Answer) -> None:
                    cassette.append(answer)
                    tally.keep(answer)

                problems = self._service.ask(missing, tally=tally, record=record, progress=progress)
        else:
            self._count_recorded(cassette, requests, missing, tally)
            progress(tally)
        return Elicitation(tuple(self._answers(cassette, requests, problems)), tally, problems)

    def pending(self, questions: Sequence[Question], language: str, *, samples: int = 1) -> list[Request]:
        """What ``elicit`` would ask the service for, or miss with recording off: for a dry run. Writes nothing."""
        cassette = Cassette(cassette_path(self._directory, self.llm, language))
        return self._missing(cassette, requests_for(questions, samples))

    def recorded(self, questions: Sequence[Question], language: str, *, samples: int = 1) -> list[Answer]:
        """What ``elicit`` would find in the cassette, in the order of the questions. Writes nothing."""
        requests = requests_for(questions, samples)
        cassette = Cassette(cassette_path(self._directory, self.llm, language))
        missing = set(self._missing(cassette, requests))
        return self._answers(cassette, [request for request in requests if request not in missing], {})

    def _missing(self, cassette: Cassette, requests: Sequence[Request]) -> list[Request]:
        return [request for request in requests if not self._is_settled(cassette.get(self._service.key(request)))]

    def _is_settled(self, answer: Answer | None) -> bool:
        if answer is None or self._record != "all":
            return answer is not None
        try:
            return answer.created is not None and datetime.fromisoformat(answer.created) >= self._since
        except (TypeError, ValueError):  # not a time that we wrote
            return False

    def _count_recorded(
        self, cassette: Cassette, requests: Sequence[Request], missing: Sequence[Request], tally: Tally
    ) -> None:
        asked = set(missing)
        for request in requests:
            answer = cassette.get(self._service.key(request))
            if request not in asked and answer is not None:
                tally.keep(answer)
                tally.recorded += 1

    def _answers(self, cassette: Cassette, requests: Sequence[Request], problems: dict[str, str]) -> list[Answer]:
        """The answers in the order of the requests, under the ids that the questions have now."""
        found = ((request, cassette.get(self._service.key(request))) for request in requests)
        return [
            replace(answer, question_id=request.question.id, sample=request.sample)
            for request, answer in found
            if answer is not None and request.id not in problems
        ]

    def _not_recorded(self, cassette: Cassette, language: str, missing: int, asked: int) -> NotRecordedError:
        name = f"{known_language(language).name} ({language})"
        held = (
            f"it holds {len(cassette)} answers, to other questions or with other parameters, samples or endpoint"
            if len(cassette)
            else "it holds no answers"
            if cassette.path.exists()
            else "there is no such file"
        )
        return NotRecordedError(
            f"{cassette.path}: {missing} of the {asked} answers of {self.llm} in {name} are missing ({held}) and "
            f"recording is off. Record them with: pytest --univar-model={self.llm} --univar-record=new"
        )
