"""What went wrong at the provider: every exception of litellm, mapped in this one place, and secrets kept out of it.

The table goes by class name along the exception's bases, so that it needs no litellm. ``tests/services`` walks
litellm's own list and fails if one is missing here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from pytest_univar.errors import ElicitationError

Kind = Literal["transient", "fatal", "filtered"]
"""transient: worth another attempt. fatal: every question would fail the same way. filtered: this question only."""

RETRY_AFTER_MAX = 120.0
"""Seconds. A server that asks for a longer pause gets this one; a CI job cannot sit out an hour."""

KINDS: dict[str, Kind | Literal["by status"]] = {
    "Timeout": "transient",
    "TimeoutError": "transient",
    "ConnectionError": "transient",
    "RateLimitError": "transient",
    "InternalServerError": "transient",
    "ServiceUnavailableError": "transient",
    "BadGatewayError": "transient",
    "MidStreamFallbackError": "transient",
    "APIConnectionError": "transient",
    "APIResponseValidationError": "transient",
    "JSONSchemaValidationError": "transient",
    "APIError": "by status",
    "MockException": "by status",
    "ContentPolicyViolationError": "filtered",
    "RejectedRequestError": "filtered",
    "GuardrailRaisedException": "filtered",
    "BlockedPiiEntityError": "filtered",
    "ModifyResponseException": "filtered",
    "SensitiveDataRouteException": "filtered",
    "AuthenticationError": "fatal",
    "PermissionDeniedError": "fatal",
    "PaymentRequiredError": "fatal",
    "BudgetExceededError": "fatal",
    "NotFoundError": "fatal",
    "ModelNotMappedError": "fatal",
    "LiteLLMUnknownProvider": "fatal",
    "BadRequestError": "fatal",
    "InvalidRequestError": "fatal",
    "ImageFetchError": "fatal",
    "VectorStoreSearchError": "fatal",
    "UnprocessableEntityError": "fatal",
    "UnsupportedParamsError": "fatal",
    "ContextWindowExceededError": "fatal",
    "OpenAIError": "fatal",
}

# Failures that litellm reports as something they are not: no key at all, or a user name in the URL beside a key, as a
# server error, an unpaid bill as a rate limit, a filtered prompt (told by its code alone) as a bad request.
_NO_KEY = re.compile(r"missing credentials|api_key client option must be set", re.IGNORECASE)
_USER_AND_KEY = re.compile(r"cannot combine authorization header", re.IGNORECASE)
_FILTERED = re.compile(r"content_policy_violation|content_filter|content management policy", re.IGNORECASE)
_NO_MONEY = re.compile(r"insufficient_quota|exceeded your current quota|billing", re.IGNORECASE)

_REMEDIES = {
    "AuthenticationError": "check the provider's API key in the environment",
    "PermissionDeniedError": "check that the API key may use this model",
    "NotFoundError": "check the model's name and the API base",
    "ContextWindowExceededError": "shorten the system prompt or the question, or lower max_tokens",
    "UnsupportedParamsError": "set the parameter that the model does not take to none",
}


@dataclass(frozen=True)
class Failure:
    """A provider's failure. reason: free of secrets. retry_after: the seconds that the server asked for, or None.

    throttled: there were too many calls (429).
    """

    kind: Kind
    reason: str
    retry_after: float | None = None
    remedy: str = "check the model's name, its parameters and the API base"
    throttled: bool = False

    def error(self, model: str, endpoint: str | None) -> ElicitationError:
        """The one message the user gets: model, endpoint, what happened, what to do."""
        where = f"at {endpoint}" if endpoint else "at its provider's own endpoint"
        return ElicitationError(f"{model} {where} cannot be asked: {self.reason}. To go on, {self.remedy}")


def classify(exc: BaseException) -> Failure:
    """What an exception of litellm means for the question that met it."""
    names = [cls.__name__ for cls in type(exc).__mro__]
    name = next((name for name in names if name in KINDS), "")
    kind = KINDS.get(name, "fatal")
    text = str(exc)
    reason = f"{type(exc).__name__}: {scrub(' '.join(text.split()))[:400]}".rstrip(": ")
    status = getattr(exc, "status_code", None)
    if kind == "by status":
        kind = _kind_of_status(status if isinstance(status, int) else None)
    if name == "BadRequestError" and _FILTERED.search(f"{text} {getattr(exc, 'code', '')}"):
        return Failure("filtered", reason)
    if _NO_KEY.search(text):
        return Failure("fatal", reason, remedy=_REMEDIES["AuthenticationError"])
    if _USER_AND_KEY.search(text):
        return Failure("fatal", reason, remedy="take the user name and the password out of the API base")
    if name == "RateLimitError" and _NO_MONEY.search(text):
        return Failure("fatal", reason, remedy="check the provider account's plan and billing")
    if kind == "transient":
        return Failure(kind, reason, _retry_after(exc), throttled=name == "RateLimitError" or status == 429)
    return Failure(kind, reason, remedy=_REMEDIES.get(name, Failure.remedy))


def _kind_of_status(status: int | None) -> Kind:
    # 200 is a success whose body is no completion; None a failure before any status.
    return "transient" if status in (None, 200, 408, 409, 425, 429) or status >= 500 else "fatal"


def _retry_after(exc: BaseException) -> float | None:
    headers: Any = getattr(exc, "litellm_response_headers", None) or getattr(
        getattr(exc, "response", None), "headers", None
    )
    if not isinstance(headers, Mapping):
        return None
    return parse_retry_after(headers.get("retry-after") or headers.get("Retry-After"))


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait, from 0 to RETRY_AFTER_MAX, from a Retry-After header: a number of seconds or an HTTP date."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=timezone.utc)
        seconds = (date - (now or datetime.now(timezone.utc))).total_seconds()
    return min(max(seconds, 0.0), RETRY_AFTER_MAX) if seconds == seconds else None


# --- secrets ---------------------------------------------------------------------------------------------------------

_SECRET_NAME = re.compile(r"(?:API_?KEY|TOKEN|SECRET|PASSWORD|ACCESS_KEY(?:_ID)?)$", re.IGNORECASE)
_SECRET_TEXT = (
    (re.compile(r"\b(Bearer|Basic)\s+[^\s\"',;]+", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"\b(?:sk|pk|gsk|hf|xai|key|AIza)[-_][A-Za-z0-9_*-]{6,}|\bAIza[A-Za-z0-9_-]{20,}"), "***"),
    (re.compile(r"(\w://)[^/\s@]+@"), r"\1"),
    (re.compile(r"([?&](?:api[-_]?key|key|token|access_token)=)[^&\s\"']+", re.IGNORECASE), r"\1***"),
)


def scrub(text: str) -> str:
    """The text without the values of secret environment variables and without what looks like a key or a password."""
    secrets = {value for name, value in os.environ.items() if _SECRET_NAME.search(name) and len(value) >= 6}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def shown_cause(exc: BaseException) -> BaseException | None:
    """The exception to raise ``from``: itself, unless a traceback of it or of its own causes would print a secret."""
    link: BaseException | None = exc
    while link is not None:
        if scrub(str(link)) != str(link):
            return None
        link = link.__cause__ or link.__context__
    return exc
