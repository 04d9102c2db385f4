"""How answers are sampled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_univar.elicitation.failures import scrub
from pytest_univar.errors import UsageError

_SECRET = re.compile(
    r"(?:api[-_]?key|headers?|authorization|auth|password|secret|credentials?|cookie|(?:private|access|secret)_key(?:_id)?"
    r"|(?<!max_)(?<!completion_)(?<!new_)token)$",
    re.IGNORECASE,
)
_OWN_SETTINGS = {"temperature", "top_p", "max_tokens", "max_completion_tokens", "seed"}
_NOT_SAMPLING = re.compile(
    r"model|messages|n|stream|stream_options|timeout|.*_?retries|api_base|base_url|api_version|custom_llm_provider"
    r"|mock_.*|.*fallbacks.*|metadata|cache|caching|user|proxy|.*client"
)


@dataclass(frozen=True)
class SamplingParams:
    """How answers are sampled. The defaults are the paper's; None leaves a parameter to the provider.

    max_tokens: length limit of an answer, in tokens. seed: sample *i* of a question is sent ``seed + i``, because with
    one seed all samples would be the same. extra: further parameters of the provider, such as ``reasoning_effort`` or
    ``top_k``, sent as they are. They are part of the key and recorded, so whatever may carry a secret is a UsageError,
    as is what has a setting of its own or is not about sampling.
    """

    temperature: float | None = None
    top_p: float | None = 0.95
    max_tokens: int = 128
    seed: int | None = None
    system_prompt: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name in self.extra:
            if name in _OWN_SETTINGS:
                raise UsageError(
                    f"found {name!r} among the extra parameters, but it has a setting of its own. Use that"
                )
            if _NOT_SAMPLING.fullmatch(name):
                raise UsageError(
                    f"found {name!r} among the extra parameters, expected parameters of how answers are sampled. "
                    f"Remove it"
                )
        for name in _names(self.extra):
            if _SECRET.search(name):
                raise UsageError(
                    f"found {name!r} among the extra parameters, which are written beside every answer and must hold "
                    f"no secret. Put keys into the provider's environment variable"
                )
        try:
            written = json.dumps(dict(self.extra), allow_nan=False)
        except (TypeError, ValueError) as exc:
            raise UsageError(f"found extra parameters that are not JSON ({exc}), expected JSON values") from exc
        if scrub(written) != written:
            raise UsageError(
                f"found a secret among the extra parameters ({', '.join(self.extra)}), which are written beside every "
                f"answer. Put keys into the provider's environment variable"
            )

    def set_values(self) -> dict[str, Any]:
        """The parameters that are set, by name; ``extra`` only where there is something in it."""
        values: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "system_prompt": self.system_prompt,
            "extra": dict(self.extra) or None,
        }
        return {name: value for name, value in values.items() if value is not None}


def _names(value: Any) -> Iterator[str]:
    """Every name in a JSON value, at any depth."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from _names(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names(inner)
