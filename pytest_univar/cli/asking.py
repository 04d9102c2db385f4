"""Asking a model for what a command writes, behind a cassette, with the account of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_univar.cli.common import progress_display
from pytest_univar.errors import CostError, UsageError

if TYPE_CHECKING:
    from pytest_univar.elicitation import Tally
    from pytest_univar.elicitation.litellm import LiteLLMService
    from pytest_univar.questions.prompting import Reply, Step
    from pytest_univar.values import Question


class Asker:
    """Puts prompts to one model, records every reply in ``work`` at once, and keeps the account of all of them."""

    def __init__(
        self,
        model: str,
        work: Path,
        *,
        api_base: str | None,
        temperature: float | None,
        seed: int | None,
        max_tokens: int | None,
        max_cost: float | None,
    ) -> None:
        from pytest_univar.elicitation import Tally
        from pytest_univar.elicitation.budget import Budget
        from pytest_univar.elicitation.pricing import price
        from pytest_univar.elicitation.vendor import its_warnings_ignored

        self.model = model
        self._work = work
        self._api_base = api_base
        self._temperature = temperature
        self._seed = seed
        self._max_tokens = max_tokens
        self._tally = Tally()
        with its_warnings_ignored():
            if max_cost is not None and price(model, 1, 1) is None:
                raise UsageError(
                    f"the price of {model} is unknown, so that --max-cost could not be kept. Leave --max-cost away"
                )
        self._budget = Budget(max_cost=max_cost)

    def __call__(self, step: Step, prompts: Sequence[Question]) -> dict[str, Reply]:
        from pytest_univar.elicitation.recorded import RecordedElicitor
        from pytest_univar.questions.prompting import Reply

        service = self.service(step)
        try:
            with progress_display().eliciting(f"{self.model} for {step.name}", len(prompts)) as progress:
                found = RecordedElicitor(service, self._work).elicit(prompts, "eng", progress=progress)
        except CostError as exc:
            raise CostError(
                f"stopped at the step {step.name!r}: the next call would cross --max-cost={self._budget.max_cost:g}, "
                f"and {self._budget.spent:.6f} USD are spent. Every reply so far is recorded in {self._work}: raise "
                f"--max-cost and run it again to ask only for the rest"
            ) from exc
        self._add(found.tally)
        replies = {id: Reply("", problem) for id, problem in found.problems.items()}
        for answer in found.answers:
            cut_off = answer.finish_reason == "length"
            problem = f"found a reply cut off at {service.params.max_tokens} tokens" if cut_off else ""
            replies[answer.question_id] = Reply(answer.answer, problem)
        return replies

    def service(self, step: Step) -> LiteLLMService:
        from pytest_univar.elicitation.litellm import LiteLLMService, SamplingParams

        tokens = self._max_tokens or step.tokens
        params = SamplingParams(temperature=self._temperature, top_p=None, max_tokens=tokens, seed=self._seed)
        return LiteLLMService(self.model, api_base=self._api_base, params=params, budget=self._budget)

    def spent(self) -> dict[str, Any]:
        """What the calls came to. recorded: replies that ``work`` held already. unpriced: calls of unknown price."""
        names = ("calls", "retries", "recorded", "prompt_tokens", "completion_tokens", "cost_usd", "unpriced")
        return {"work": str(self._work), **{name: getattr(self._tally, name) for name in names}}

    def account(self) -> str:
        """What the calls came to, as one line."""
        tally = self._tally
        cost = f"${tally.cost_usd:.4f}" + (f" and {tally.unpriced} calls of unknown price" if tally.unpriced else "")
        calls = f"{tally.calls} calls" + (f" ({tally.retries} of them repeats of failed ones)" if tally.retries else "")
        tokens = f"{tally.prompt_tokens} + {tally.completion_tokens} tokens"
        return f"{calls}, {tally.recorded} replies from {self._work}, {tokens}, {cost}"

    def _add(self, tally: Tally) -> None:
        for field in fields(tally):
            setattr(self._tally, field.name, getattr(self._tally, field.name) + getattr(tally, field.name))
