"""The live service, through real sockets on 127.0.0.1."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest

from pytest_univar.elicitation import Elicitation, Request, Tally
from pytest_univar.elicitation.budget import Budget
from pytest_univar.elicitation.failures import KINDS, RETRY_AFTER_MAX, classify, parse_retry_after, scrub
from pytest_univar.elicitation.litellm import LiteLLMService, SamplingParams
from pytest_univar.elicitation.pricing import estimated_tokens
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.elicitation.reply import without_reasoning
from pytest_univar.errors import CostError, ElicitationError
from pytest_univar.values import Answer, Question

from .conftest import KEY
from .openai_server import OpenAIServer, Step, failure

Service = Callable[..., LiteLLMService]
ElicitorFactory = Callable[..., RecordedElicitor]


def questions(*texts: str) -> list[Question]:
    return [Question(f"id-{text}", text) for text in texts]


def ask(service: LiteLLMService, *texts: str) -> Elicitation:
    """What ``RecordedElicitor`` does, without a cassette."""
    tally = Tally(asked=len(texts))
    answers: list[Answer] = []

    def record(answer: Answer) -> None:
        answers.append(answer)
        tally.keep(answer)

    requests = [Request(question, 0) for question in questions(*texts)]
    problems = service.ask(requests, tally=tally, record=record, progress=lambda tally: None)
    return Elicitation(tuple(answers), tally, problems)


def test_an_answer_arrives_with_its_account(server: OpenAIServer, service: Service) -> None:
    server.script("Why?", Step("  Because.\n"))
    params = SamplingParams(temperature=0.5, seed=3, system_prompt="Be brief.")
    got = ask(service(model="openai/gpt-4o-mini", params=params), "Why?")
    (answer,) = got.answers
    assert (answer.llm, answer.question_id, answer.question) == ("openai/gpt-4o-mini", "id-Why?", "Why?")
    assert answer.answer == "Because."
    assert answer.usage == {"prompt_tokens": 11, "completion_tokens": 7}
    assert answer.cost_usd == pytest.approx(11 * 0.15e-6 + 7 * 0.6e-6)
    assert answer.params == {
        "temperature": 0.5,
        "top_p": 0.95,
        "max_tokens": 128,
        "seed": 3,
        "system_prompt": "Be brief.",
        "api_base": server.api_base,
    }
    assert got.tally == Tally(
        asked=1, kept=1, calls=1, prompt_tokens=11, completion_tokens=7, cost_usd=answer.cost_usd or 0.0
    )
    (request,) = server.requests
    assert request.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
    ]
    assert {name: request.body[name] for name in ("temperature", "top_p", "max_tokens", "seed")} == {
        "temperature": 0.5,
        "top_p": 0.95,
        "max_tokens": 128,
        "seed": 3,
    }


def test_samples_are_sent_different_seeds(server: OpenAIServer, elicitor: ElicitorFactory) -> None:
    got = elicitor(params=SamplingParams(seed=10)).elicit(questions("Why?"), "eng", samples=3)
    assert [answer.sample for answer in got.answers] == [0, 1, 2]
    assert sorted(request.body["seed"] for request in server.requests) == [10, 11, 12]


def test_an_unknown_price_is_not_zero(server: OpenAIServer, service: Service) -> None:
    got = ask(service(), "Why?")
    assert got.answers[0].cost_usd is None
    assert (got.tally.unpriced, got.tally.cost_usd) == (1, 0.0)


def test_retry_after_is_honoured(server: OpenAIServer, service: Service) -> None:
    server.script("Why?", failure(429, Retry_After="1"), Step())
    got = ask(service(), "Why?")
    first, second = server.requests
    assert second.at - first.at >= 1.0
    assert (got.tally.kept, got.tally.retries, got.tally.calls) == (1, 1, 2)


def test_retry_after_forms() -> None:
    now = datetime(2025, 1, 31, 12, tzinfo=timezone.utc)
    date = format_datetime(now + timedelta(seconds=7), usegmt=True)
    assert parse_retry_after("2.5") == 2.5
    assert parse_retry_after(date, now) == pytest.approx(7.0)
    assert parse_retry_after(date, now + timedelta(hours=1)) == 0.0
    assert parse_retry_after("86400") == RETRY_AFTER_MAX
    assert [parse_retry_after(value) for value in (None, "soon", "nan")] == [None, None, None]


@pytest.mark.parametrize(
    "fault",
    [
        failure(500),
        failure(503),
        failure(408),
        failure(529),
        Step(reset=True),
        Step(body=b'{"id": "chatcmpl'),
        Step(body=b'{"error": {"message": "overloaded", "code": 529}}'),
        Step(hang=5.0),
    ],
    ids=["500", "503", "408", "529", "reset mid-body", "broken JSON", "200 with an error body", "hang"],
)
@pytest.mark.parametrize("provider", ["openai", "hosted_vllm"])
def test_a_passing_fault_is_retried(server: OpenAIServer, service: Service, fault: Step, provider: str) -> None:
    server.script("Why?", fault, Step("Because."))
    got = ask(service(model=f"{provider}/some-model", timeout=1.0 if fault.hang else 30.0), "Why?")
    assert [answer.answer for answer in got.answers] == ["Because."]
    assert (got.tally.retries, len(server.requests)) == (1, 2)


def test_a_lasting_fault_leaves_its_question_missing(server: OpenAIServer, service: Service) -> None:
    server.script("Why?", failure(500, "out of order"))
    got = ask(service(max_attempts=3), "Why?", "How?")
    assert [answer.question for answer in got.answers] == ["How?"]
    assert server.questions().count("Why?") == 3
    assert (got.tally.missing, got.tally.retries) == (1, 2)
    assert "3 attempts" in got.problems["id-Why?"]
    assert "out of order" in got.problems["id-Why?"]


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm"])
@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        (failure(401, f"Incorrect API key provided: {KEY}"), "API key in the environment"),
        (failure(403), "the API base"),
        (failure(404, "The model does not exist", "model_not_found"), "the model's name"),
        (failure(400, "This model's maximum context length is 10 tokens", "context_length_exceeded"), "shorten"),
        (failure(400, "no such parameter"), "parameters"),
        (failure(429, "You exceeded your current quota", "insufficient_quota"), "billing"),
    ],
    ids=["401", "403", "404", "context too long", "400", "quota"],
)
def test_a_fault_that_will_not_pass_stops_at_once(
    server: OpenAIServer, service: Service, fault: Step, remedy: str, provider: str
) -> None:
    server.default = fault
    with pytest.raises(ElicitationError) as caught:
        ask(service(model=f"{provider}/some-model", concurrency=8), *"abcdefgh")
    assert len(server.requests) == 1
    message = str(caught.value)
    assert f"{provider}/some-model" in message
    assert server.api_base in message
    assert remedy in message


def test_no_secret_reaches_the_message_or_its_traceback(
    server: OpenAIServer, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_API_KEY", "correct-horse-battery")
    server.default = failure(401, f"Bearer {KEY} and correct-horse-battery at http://me:hush@host/ are wrong")
    with pytest.raises(ElicitationError) as caught:
        ask(service(), "Why?")
    shown = "".join(traceback.format_exception(caught.type, caught.value, caught.value.__traceback__))
    for secret in (KEY, "correct-horse-battery", "hush"):
        assert secret not in shown


def test_no_key_at_all_is_not_retried(server: OpenAIServer, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ElicitationError, match="API key in the environment"):
        ask(service(backoff=10.0), "Why?")
    assert server.requests == []


def test_an_unknown_provider_is_one_clear_message() -> None:
    with pytest.raises(ElicitationError, match=r"nonsense.*LLM Provider NOT provided"):
        ask(LiteLLMService("nonsense"), "Why?")


def test_a_self_hosted_model_needs_its_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOSTED_VLLM_API_BASE", raising=False)
    with pytest.raises(ElicitationError, match="--univar-api-base"):
        ask(LiteLLMService("hosted_vllm/our-model"), "Why?")


def test_an_unreachable_endpoint_is_retried_and_then_missing(service: Service) -> None:
    got = ask(service(api_base="http://127.0.0.1:9/v1", max_attempts=2), "Why?")
    assert (got.tally.missing, got.tally.calls) == (1, 2)


def test_every_exception_of_litellm_is_mapped() -> None:
    import litellm

    vendor = {cls.__name__ for cls in litellm.exceptions.LITELLM_EXCEPTION_TYPES}
    defined = {
        name
        for name, cls in vars(litellm.exceptions).items()
        if isinstance(cls, type) and issubclass(cls, Exception) and cls.__module__ == litellm.exceptions.__name__
    }
    assert vendor <= set(KINDS)
    assert defined <= set(KINDS)


def test_an_exception_nobody_knows_is_fatal() -> None:
    assert classify(LookupError("odd")).kind == "fatal"
    assert classify(LookupError("odd")).reason == "LookupError: odd"
    assert classify(ConnectionResetError()).kind == "transient"


def test_an_empty_answer_is_asked_again_once(server: OpenAIServer, service: Service) -> None:
    server.script("Once?", Step(""), Step("Now."))
    server.script("Twice?", Step(None), Step("  "), Step("Too late."))
    server.script("Nothing?", Step(body=b'{"id": "x", "object": "chat.completion", "model": "m", "choices": []}'))
    got = ask(service(), "Once?", "Twice?", "Nothing?")
    assert [answer.answer for answer in got.answers] == ["Now."]
    assert (got.tally.empty, got.tally.kept, got.tally.calls) == (2, 1, 6)
    assert got.problems == dict.fromkeys(["id-Twice?", "id-Nothing?"], "the answer was empty")


@pytest.mark.parametrize(
    "step",
    [
        Step("Partly.", "content_filter"),
        failure(400, "blocked by policy", "content_policy_violation"),
        Step("Stopped early", "length", completion_tokens=40),
        Step("<think>Let me see", "length", completion_tokens=128),
        Step("", "length", completion_tokens=128, reasoning="Let me see"),
    ],
    ids=["content_filter", "400 by policy", "the server's own limit", "all think", "all reasoning_content"],
)
def test_a_cut_off_answer_is_counted_and_not_kept(server: OpenAIServer, service: Service, step: Step) -> None:
    server.script("Why?", step)
    got = ask(service(), "Why?", "How?")
    assert [answer.question for answer in got.answers] == ["How?"]
    assert (got.tally.cut_off, got.tally.kept, len(server.requests)) == (1, 1, 2)
    assert set(got.problems) == {"id-Why?"}


def test_an_answer_at_the_limit_that_was_asked_for_is_kept(server: OpenAIServer, service: Service) -> None:
    server.script("Why?", Step("A long ans", "length", completion_tokens=128))
    got = ask(service(), "Why?")
    assert (got.tally.kept, got.tally.at_limit, got.tally.cut_off) == (1, 1, 0)


def test_hidden_reasoning_is_never_part_of_the_answer(server: OpenAIServer, service: Service) -> None:
    server.script("Tagged?", Step("<think>\nHm.\n</think>\n\nYes."))
    server.script("Half tagged?", Step("Hm.\n</think>\n\nYes."))
    server.script("Tagged otherwise?", Step("◁think▷Hm.◁/think▷Yes."))
    server.script("Apart?", Step("Yes.", reasoning="Hm."))
    got = ask(service(), "Tagged?", "Half tagged?", "Tagged otherwise?", "Apart?")
    assert [answer.answer for answer in got.answers] == ["Yes."] * 4


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Plain.", "Plain."),
        (" <think>a</think> b", "b"),
        ("<think>never ends", ""),
        ("a</think>b", "b"),
        ("\n◁think▷a◁/think▷ b", "b"),
        ("◁think▷never ends", ""),
        ("a◁/think▷b", "b"),
        ("It writes ◁think▷ and ◁/think▷.", "It writes ◁think▷ and ◁/think▷."),
        ("I write <think> tags </think> in prose.", "I write <think> tags </think> in prose."),
    ],
)
def test_without_reasoning(text: str, answer: str) -> None:
    assert without_reasoning(text) == answer


def test_a_lone_surrogate_can_be_written(server: OpenAIServer, elicitor: ElicitorFactory) -> None:
    server.script("Why?", Step("odd \ud83d end"))
    assert elicitor().elicit(questions("Why?"), "eng").answers[0].answer == "odd \ufffd end"


def test_the_cost_limit_stops_before_the_call_that_would_cross_it(
    server: OpenAIServer, elicitor: ElicitorFactory
) -> None:
    text = "Why is this so?"
    estimate = estimated_tokens([{"content": text}]) * 0.15e-6 + 128 * 0.6e-6
    actual = 11 * 0.15e-6 + 7 * 0.6e-6
    options = {"model": "openai/gpt-4o-mini", "budget": Budget(max_cost=2.5 * actual + estimate)}
    batch = questions(*(f"{text[:-2]}{letter}?" for letter in "abcdef"))
    with pytest.raises(CostError, match="--univar-max-cost"):
        elicitor(**options).elicit(batch, "eng")
    asked = len(server.requests)
    assert asked == 3
    assert options["budget"].spent == pytest.approx(asked * actual)  # type: ignore[attr-defined]
    assert options["budget"].reserved == pytest.approx(0.0)  # type: ignore[attr-defined]
    got = elicitor(model="openai/gpt-4o-mini").elicit(batch, "eng")  # what was paid for is kept
    assert (got.tally.recorded, got.tally.kept, len(server.requests)) == (asked, 6, 6)


def test_the_cost_limit_counts_what_is_in_flight(server: OpenAIServer, service: Service) -> None:
    server.default = Step(hang=0.2)
    estimate = estimated_tokens([{"content": "a"}]) * 0.15e-6 + 128 * 0.6e-6
    budget = Budget(max_cost=2.5 * estimate)
    with pytest.raises(CostError, match="in flight"):
        ask(service(model="openai/gpt-4o-mini", concurrency=6, budget=budget), *"abcdef")
    assert len(server.requests) <= 3


def test_a_limit_refuses_an_unknown_price_unless_allowed(server: OpenAIServer, service: Service) -> None:
    with pytest.raises(CostError, match=r"unknown.*--univar-allow-unknown-price"):
        ask(service(budget=Budget(max_cost=1.0)), "Why?")
    assert server.requests == []
    allowed = ask(service(budget=Budget(max_cost=1.0, allow_unknown_price=True)), "Why?")
    assert (allowed.tally.kept, allowed.tally.unpriced) == (1, 1)


def test_concurrency_is_bounded(server: OpenAIServer, service: Service) -> None:
    server.default = Step(hang=0.1)
    started = time.monotonic()
    got = ask(service(concurrency=4), *"abcdefghi")
    elapsed = time.monotonic() - started
    assert got.tally.kept == 9
    assert 0.3 <= elapsed < 0.9  # one alone, then two rounds of four


def test_services_share_one_loop_and_one_thread(server: OpenAIServer, service: Service) -> None:
    import threading

    for _ in range(3):
        ask(service(), "Why?")
    assert sum(thread.name == "univar-elicitation" for thread in threading.enumerate()) == 1


def test_ask_works_inside_a_running_loop(server: OpenAIServer, service: Service) -> None:
    async def main() -> Elicitation:
        return ask(service(), "Why?")

    assert asyncio.run(main()).tally.kept == 1


def test_an_error_while_recording_ends_the_run(server: OpenAIServer, service: Service) -> None:
    def record(answer: Answer) -> None:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        service().ask(
            [Request(question, 0) for question in questions("a", "b")],
            tally=Tally(),
            record=record,
            progress=lambda tally: None,
        )
    assert server.questions() == ["a"]


def test_user_info_in_the_endpoint_is_refused_without_showing_it(server: OpenAIServer, service: Service) -> None:
    with pytest.raises(ElicitationError, match="environment variable") as caught:
        ask(service(api_base=server.api_base.replace("http://", "http://user:s3cr3t@")), "Why?")
    assert "s3cr3t" not in str(caught.value)
    assert server.requests == []


def test_scrub_leaves_other_text_alone() -> None:
    text = "The token limit of task-oriented models is 128, see https://example.org/a?page=2"
    assert scrub(text) == text


def test_nothing_secret_is_written(
    server: OpenAIServer, elicitor: ElicitorFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijkl")
    server.script("b", failure(500, f"key {KEY} hf_abcdefghijkl"))
    got = elicitor(max_attempts=2).elicit(questions("a", "b"), "eng")
    assert got.tally.kept == 1
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".jsonl" for path in files)
    written = b"".join(path.read_bytes() for path in files) + repr(got).encode()
    for secret in (KEY, "hf_abcdefghijkl"):
        assert secret.encode() not in written
