"""Asking a live model, any provider or endpoint that litellm knows.

The one place with attempts, backoff and concurrency: litellm's own retries and the client's are switched off, because
they multiply. litellm is imported when the first question is asked, never before.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random

from pytest_univar.cassette import answer_key, clean_api_base
from pytest_univar.elicitation import Progress, Request, Tally, loop
from pytest_univar.elicitation.budget import Budget
from pytest_univar.elicitation.failures import Failure, classify, shown_cause
from pytest_univar.elicitation.pacing import Gate, Outcome, Pace
from pytest_univar.elicitation.pricing import estimated_tokens, price
from pytest_univar.elicitation.reply import Reply, read_reply
from pytest_univar.elicitation.sampling import SamplingParams
from pytest_univar.elicitation.vendor import few_collections, import_litellm, its_warnings_ignored
from pytest_univar.errors import CostError, ElicitationError, UsageError
from pytest_univar.values import Answer

__all__ = ["BACKOFF_MAX", "LiteLLMService", "SamplingParams"]

BACKOFF_MAX = 30.0
"""Seconds: the longest pause before another attempt, unless the server's Retry-After asks for more."""


@dataclass
class LiteLLMService:
    """Asks one model. Everything but ``model`` has a default.

    api_base: the endpoint, None for the provider's own (or what the provider's environment variable says; the answers'
    keys then stay the same wherever it points). concurrency: calls in flight at once, at the most (``pacing`` says how
    many there are). rpm: requests a minute, evenly spaced; None is no limit. timeout: seconds for one attempt.
    max_attempts: of one call. backoff: seconds before the second attempt; doubled each time up to BACKOFF_MAX, plus
    jitter. budget: may be shared by several services.
    """

    model: str
    api_base: str | None = None
    params: SamplingParams = field(default_factory=SamplingParams)
    concurrency: int = 8
    timeout: float = 60.0
    max_attempts: int = 5
    backoff: float = 0.5
    budget: Budget = field(default_factory=Budget)
    rpm: float | None = None

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise UsageError(f"found a concurrency of {self.concurrency}, expected at least 1")
        if self.rpm is not None and not self.rpm > 0:
            raise UsageError(f"found {self.rpm:g} requests a minute, expected more than 0, or none for no limit")
        # Of the service, not of one ``ask``: what was learned of the endpoint's limits holds for the next language too.
        self._gate = Gate(Pace(self.concurrency, self.rpm))

    def key(self, request: Request) -> str:
        """The cassette key of the answer to this request. Needs no litellm."""
        sampling = self.params.set_values()
        sampling.pop("system_prompt", None)  # is in the messages
        return answer_key(
            model=self.model,
            api_base=self.api_base,
            messages=self.messages(request),
            params=sampling,
            sample=request.sample,
            question=request.question.text,
        )

    def messages(self, request: Request) -> list[dict[str, str]]:
        """What is sent: the question as it stands, after the system prompt if there is one."""
        system = [{"role": "system", "content": self.params.system_prompt}] if self.params.system_prompt else []
        return [*system, {"role": "user", "content": request.question.text}]

    def recorded_params(self) -> dict[str, Any]:
        """What is written beside an answer: the parameters that are set, and the endpoint without its secrets."""
        endpoint = {"api_base": clean_api_base(self.api_base)} if self.api_base else {}
        return {**self.params.set_values(), **endpoint}

    def ask(
        self, requests: Sequence[Request], *, tally: Tally, record: Callable[[Answer], None], progress: Progress
    ) -> dict[str, str]:
        """Ask everything. Each answer goes to ``record`` the moment it arrives; ``Request.id`` → problem is returned.

        ``tally`` is kept up to date, but for ``asked`` and for the answers, which are ``record``'s to count. ``record``
        and ``progress`` are called on the event loop's thread. Raises ElicitationError when every question would fail
        alike (then what is in flight is dropped) and CostError before a call that would cross the limit (then what is
        in flight is waited for: it is paid for).
        """
        if not requests:
            return {}
        self._check_endpoint()
        with its_warnings_ignored(), few_collections():
            conversation = _Conversation(self, import_litellm(), requests, tally, record, progress)
            return loop.run(conversation.settle_all)

    def _check_endpoint(self) -> None:
        # litellm would send the questions to api.openai.com.
        if self.model.startswith("hosted_vllm/") and not (self.api_base or os.environ.get("HOSTED_VLLM_API_BASE")):
            raise ElicitationError(
                f"{self.model} is served by an endpoint of your own and none is given. Name it with "
                f"--univar-api-base=http://HOST:PORT/v1"
            )
        if self.api_base and "@" in urlsplit(self.api_base).netloc:
            raise ElicitationError(
                f"{self.model} at {clean_api_base(self.api_base)}: found a user name or password in the API base, "
                f"which cannot be sent beside an API key. Put the key in the provider's environment variable"
            )


class _TransientError(Exception):
    """An attempt failed in a way that another may not."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class _Conversation:
    """One ``ask``, on the event loop: ``concurrency`` workers that share a queue of requests."""

    def __init__(
        self,
        service: LiteLLMService,
        litellm: Any,
        requests: Sequence[Request],
        tally: Tally,
        record: Callable[[Answer], None],
        progress: Progress,
    ) -> None:
        self._service = service
        self._litellm = litellm
        self._queue = deque(requests)
        self._tally = tally
        self._record = record
        self._progress = progress
        self._problems: dict[str, str] = {}
        self._stopped: ElicitationError | None = None

    async def settle_all(self) -> dict[str, str]:
        count = min(self._service.concurrency, len(self._queue))
        workers = [asyncio.create_task(self._work()) for _ in range(count)]
        try:
            await asyncio.gather(*workers)
        except BaseException:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise
        if self._stopped:
            raise self._stopped
        return self._problems

    async def _work(self) -> None:
        while self._queue and not self._stopped:
            request = self._queue.popleft()
            try:
                await self._settle(request)
            except CostError as exc:  # the other workers finish what they have in flight
                self._stopped = exc

    async def _settle(self, request: Request) -> None:
        try:
            reply = await self._call(request)
            if reply.verdict == "empty":
                self._tally.retries += 1
                reply = await self._call(request)
        except _TransientError as exc:
            self._tally.missing += 1
            self._problems[request.id] = f"no answer after {self._service.max_attempts} attempts: {exc}"
        else:
            if reply.verdict == "kept":
                self._record(self._answer(request, reply))
            else:
                self._tally.empty += reply.verdict == "empty"
                self._tally.cut_off += reply.verdict == "cut_off"
                self._problems[request.id] = reply.problem
        self._progress(self._tally)

    async def _call(self, request: Request) -> Reply:
        """One completion, by as many attempts as it takes and the service allows."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._service.max_attempts),
            wait=self._pause,
            retry=retry_if_exception_type(_TransientError),
            before_sleep=self._count_retry,
            reraise=True,
        )
        return await retrying(self._attempt, request)

    def _pause(self, state: RetryCallState) -> float:
        """Seconds until the next attempt. The jitter is unseeded on purpose: it keeps processes from moving in step."""
        backoff = self._service.backoff
        pause = (wait_exponential(multiplier=backoff, max=BACKOFF_MAX) + wait_random(0, backoff))(state)
        error = state.outcome.exception() if state.outcome else None
        asked_for = error.failure.retry_after if isinstance(error, _TransientError) else None
        return max(pause, asked_for or 0.0)

    def _count_retry(self, state: RetryCallState) -> None:
        self._tally.retries += 1
        self._progress(self._tally)

    async def _attempt(self, request: Request) -> Reply:
        gate = self._service._gate
        call = await gate.enter()
        outcome: Outcome = "failed"
        retry_after = None
        try:
            if self._stopped:  # by another worker, while this one waited
                raise self._stopped
            reply = await self._paid(self._service.messages(request), request.sample)
            outcome = "answered"
            return reply
        except _TransientError as exc:
            outcome = "throttled" if exc.failure.throttled else "failed"
            retry_after = exc.failure.retry_after
            raise
        finally:
            gate.leave(call, outcome, retry_after)

    async def _paid(self, messages: list[dict[str, str]], sample: int) -> Reply:
        service = self._service
        reserved = service.budget.reserve(service.model, self._price(messages))
        self._tally.calls += 1
        cost: float | None = 0.0
        try:
            response = await asyncio.wait_for(self._completion(messages, sample), service.timeout)
            reply = read_reply(response, service.params.max_tokens)
            cost = reply.cost_usd
        except asyncio.TimeoutError:
            cost = None  # the provider may well have finished, and charge for it
            raise _TransientError(Failure("transient", f"no answer within {service.timeout:g} s")) from None
        except Exception as exc:
            # Broad on purpose: litellm's exceptions have no base in common but this one, and besides them come those
            # of the providers' clients and of a body that is no completion. One that got past here would also get past
            # the scrubbing of secrets. What classify does not know ends the audit, with its reason.
            return self._read_failure(exc)
        finally:
            service.budget.settle(reserved, cost)
        self._account(reply)
        return reply

    def _completion(self, messages: list[dict[str, str]], sample: int) -> Any:
        params = self._service.params
        options = {
            "temperature": params.temperature,
            "top_p": params.top_p,
            "seed": None if params.seed is None else params.seed + sample,
            "api_base": self._service.api_base,
        }
        return self._litellm.acompletion(
            model=self._service.model,
            messages=messages,
            max_tokens=params.max_tokens,
            timeout=self._service.timeout + 5,  # behind ours, so that only one of the two limits acts
            max_retries=0,
            num_retries=0,
            **{"no-log": True},  # no logger of litellm's is ours, and telling them takes a tenth of a call
            **{name: value for name, value in options.items() if value is not None},
            **params.extra,
        )

    def _read_failure(self, exc: Exception) -> Reply:
        failure = classify(exc)
        if failure.kind == "filtered":
            return Reply("", "cut_off", "content_filter", problem=failure.reason)
        if failure.kind == "transient":
            raise _TransientError(failure) from shown_cause(exc)
        self._stopped = failure.error(self._service.model, clean_api_base(self._service.api_base))
        raise self._stopped from shown_cause(exc)

    def _price(self, messages: list[dict[str, str]]) -> float | None:
        """The most this call can be expected to cost, in USD; None if the price is unknown. Only for a budget's use."""
        if self._service.budget.max_cost is None:
            return None
        service = self._service
        return price(service.model, estimated_tokens(messages), service.params.max_tokens)

    def _account(self, reply: Reply) -> None:
        self._tally.prompt_tokens += reply.usage.get("prompt_tokens", 0)
        self._tally.completion_tokens += reply.usage.get("completion_tokens", 0)
        self._tally.unpriced += reply.cost_usd is None
        self._tally.cost_usd += reply.cost_usd or 0.0

    def _answer(self, request: Request, reply: Reply) -> Answer:
        return Answer(
            llm=self._service.model,
            language=request.question.language,
            question_id=request.question.id,
            question=request.question.text,
            answer=reply.text,
            sample=request.sample,
            finish_reason=reply.finish_reason,
            usage=reply.usage,
            cost_usd=reply.cost_usd,
            params=self._service.recorded_params(),
            created=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            key=self._service.key(request),
        )
