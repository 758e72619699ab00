"""A PagerDuty account, asked with its API key: what it answers, and how it says no.

PagerDuty docs: Errors, Rate Limits.
"""

import re
import time
from types import TracebackType
from typing import Any, Self

from service.pagerduty.client import Client, NoAnswer, json_of, seconds_to_wait
from service.pagerduty.fields import clean_text, obj, shorten

#: What is said of a request that PagerDuty did not take, as there were too many.
LIMITED = "PagerDuty is limiting this API key's requests. Try again later."
#: What is said where the saved key cannot be opened: another sealing key is in use.
UNREADABLE_KEY = "The saved API key cannot be read any more: enter it again."
_LONGEST = 5.0  # seconds, for one question
_LONGEST_WORDS = 400


class Refused(Exception):
    """PagerDuty said no, in words for an admin; `status` is its answer's (400, 401, 403, 404 …)."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class NotThere(Refused):
    """PagerDuty knows nothing of this id."""


class Unreachable(Exception):
    """PagerDuty does not answer, or not now.

    `retry_after` is in seconds, if it said when; `is_limit`: it has had too many requests.
    """

    def __init__(self, words: str, retry_after: int | None = None, *, is_limit: bool = False) -> None:
        super().__init__(words)
        self.words, self.retry_after, self.is_limit = words, retry_after, is_limit


class Account:
    """The account that a key belongs to; to be used in a `with`. All its questions together take `within` seconds."""

    def __init__(self, api_key: str, base_url: str, within: float = 15.0) -> None:
        self._client = Client(api_key, base_url, _LONGEST, time.monotonic() + within)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._client.close()

    def ask(self, method: str, path: str, **arguments: Any) -> Any:
        """The body of a good answer. Raises Refused, NotThere for a 404, and Unreachable."""
        try:
            response = self._client.ask(method, path, **arguments)
        except NoAnswer:
            raise Unreachable("PagerDuty did not answer. Try again in a moment.") from None
        status = response.status_code
        if 200 <= status < 300:
            return json_of(response)
        if status == 429:
            raise Unreachable(LIMITED, seconds_to_wait(response), is_limit=True)
        if status >= 500:
            raise Unreachable(f"PagerDuty answered with status {status}. Try again in a moment.")
        words = _words(status, json_of(response))
        raise NotThere(status, words) if status == 404 else Refused(status, words)


def segment(named: str) -> str:
    """An id as a part of a path. Raises Refused for what cannot be one."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", named):
        raise Refused(400, "This cannot be one of PagerDuty's ids.")
    return named


def _words(status: int, answer: Any) -> str:
    """PagerDuty's own words, for an admin: {"error": {"message", "errors"}}."""
    error = obj(obj(answer).get("error"))
    errors = error.get("errors")
    told = [error.get("message"), *(errors if isinstance(errors, list) else [])]
    said = ": ".join(clean_text(word) for word in told if isinstance(word, str) and word.strip())
    if status == 401:
        return "PagerDuty does not accept the saved API key any more."
    words = f"PagerDuty refused: {said}" if said else f"PagerDuty refused, with status {status}."
    return shorten(words, _LONGEST_WORDS)
