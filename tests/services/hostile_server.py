"""The server of ``openai_server`` with faults at random: what an endpoint can do to a request, it does to some."""

from __future__ import annotations

import random

from .openai_server import OpenAIServer, Received, Step, failure

LONG_ANSWER = "A very long answer. " * 20_000

_NO_CHOICE = b'{"id": "x", "object": "chat.completion", "model": "m", "choices": []}'
_ERROR_IN_200 = b'{"error": {"message": "overloaded", "code": 529}}'


def faults(hang: float) -> dict[str, Step]:
    """One step for each kind of fault. hang: seconds, to be longer than the client waits."""
    return {
        "429": failure(429, "slow down"),
        "429 with Retry-After": failure(429, "slow down", Retry_After="0.05"),
        "500": failure(500, "out of order"),
        "503": failure(503, "at capacity"),
        "hang": Step(hang=hang),
        "reset mid-body": Step(reset=True),
        "broken JSON": Step(body=b'{"id": "chatcmpl'),
        "no choice": Step(body=_NO_CHOICE),
        "content filter": Step("Partly", "content_filter"),
        "refused by policy": failure(400, "blocked", "content_policy_violation"),
        "200 with an error body": Step(body=_ERROR_IN_200),
        "very long answer": Step(LONG_ANSWER),
    }


class HostileServer(OpenAIServer):
    """Each request meets a fault with probability ``rate``; else the answer says the question again.

    What happens depends on the seed, the question and how often it was asked before, not on the order of arrival.
    """

    def __init__(self, seed: int, rate: float, hang: float) -> None:
        super().__init__()
        self._seed = seed
        self._rate = rate
        self._faults = faults(hang)
        self.met: list[str] = []
        """The faults that were met, in order."""

    def _next(self, received: Received) -> Step:
        with self._lock:
            self.requests.append(received)
            count = self._served[received.question]
            self._served[received.question] += 1
            chance = random.Random(f"{self._seed} {count} {received.question}")
            if chance.random() >= self._rate:
                return Step(f"To {received.question}")
            name = chance.choice(list(self._faults))
            self.met.append(name)
            return self._faults[name]
