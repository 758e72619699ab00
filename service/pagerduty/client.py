"""PagerDuty's REST API v2, through the official client.

The client that all questions are asked with, and the first of them: whether an API key is good, and what for.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2  # what the official client sends its requests with
import pagerduty

from service.pagerduty.fields import obj, objects, text, web_url
from service.vocabulary import API_KEY_LIMIT, REGIONS, Region

Status = Literal["valid", "read_only", "invalid_key", "wrong_region", "forbidden", "rate_limited", "unreachable"]

BASE_URLS: Mapping[str, str] = MappingProxyType(
    {"us": "https://api.pagerduty.com", "eu": "https://api.eu.pagerduty.com"}
)
# The whole test must answer within this many seconds, whatever PagerDuty does; no question is asked after it.
DEADLINE = 7.5
_CONNECT_TIMEOUT = 2.5
_LEAST_TIMEOUT = 0.5
_LONGEST_WAIT = 3600

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NAMES: Mapping[str, str] = MappingProxyType({"us": "US", "eu": "EU"})


@dataclass(frozen=True, slots=True)
class KeyTest:
    """What a key turned out to be.

    `ok`: PagerDuty accepts it in the region asked for; `read_only` keys are accepted too, but `can_write` is False.
    `can_write` is None when it could not be found out. `region` is the one that accepted the key (for `wrong_region`
    the right one). `account` is the account's subdomain, `user_email` is set for a user's key. `retry_after` is in
    seconds. `message` says what to do.
    """

    status: Status
    ok: bool
    message: str
    region: Region | None = None
    account: str | None = None
    can_write: bool | None = None
    abilities_count: int | None = None
    user_email: str | None = None
    retry_after: int | None = None


def check_api_key(
    api_key: str,
    region: Region | None,
    base_urls: Mapping[str, str] = BASE_URLS,  # no test of pytest's, in spite of its name
    timeout: float = 5.0,
) -> KeyTest:
    """Asks PagerDuty about a key. Never raises for what PagerDuty or the network does.

    Takes 8 s at most, the time for resolving host names not counted. A key that cannot be one (empty, longer than 128
    characters, with white space or special letters) is `invalid_key` without asking anybody.

    The key belongs to one region: without `region`, US is tried before EU; with it, the other one is asked only if the
    named one refuses the key, to tell a wrong region from a wrong key. `timeout` is in seconds, for each question.
    Raises pagerduty.UrlError if a base URL is neither https nor on this machine.
    """
    complaint = _malformed(api_key)
    if complaint:
        return KeyTest("invalid_key", False, complaint)
    deadline = time.monotonic() + DEADLINE
    order = REGIONS if region is None else (region, *(other for other in REGIONS if other != region))
    outcomes: list[KeyTest] = []
    for candidate in order:
        with Client(api_key, base_urls[candidate], timeout, deadline) as client:
            outcome = _ask(client, candidate)
        outcomes.append(outcome)
        if outcome.status != "invalid_key" and (region is not None or outcome.status != "unreachable"):
            break
    return _verdict(region, outcomes)


class Client(pagerduty.RestApiV2Client):
    """The official client, made to answer soon: no retries, a deadline, and http allowed on this machine (the sandbox).

    As it comes it waits and retries without limit on 429 and three times on network errors, and takes only https.
    """

    max_network_attempts = 0

    def __init__(self, api_key: str, base_url: str, timeout: float, deadline: float) -> None:
        on_this_machine = urlsplit(base_url).hostname in _LOOPBACK
        super().__init__(api_key, base_url=base_url, trust_env=not on_this_machine)
        self._longest, self._deadline = timeout, deadline

    @property
    def url(self) -> str:
        return self._base

    @url.setter
    def url(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise pagerduty.UrlError("PagerDuty's API is reached by https only, except on this machine")
        self._base = base_url

    @property
    def seconds_left(self) -> float:
        return self._deadline - time.monotonic()

    def postprocess(self, response: Any, suffix: str | None = None) -> None:
        """Called with every response, before the client would sleep and ask again after a 429."""
        super().postprocess(response, suffix)
        if response.status_code == 429:
            raise pagerduty.HttpError("rate limited", response)

    def ask(self, method: str, path: str, **arguments: Any) -> Any:
        """One request; answers the response, whatever its status. Raises NoAnswer when there is none in time."""
        if self.seconds_left < _LEAST_TIMEOUT:
            raise NoAnswer
        allowed = min(self._longest, self.seconds_left)
        # Seconds to connect, to read, to write, and to get a connection of the pool.
        self.timeout = (min(allowed, _CONNECT_TIMEOUT), allowed, allowed, allowed)  # type: ignore[assignment]  # as httpx
        try:
            return self.request(method, path, **arguments)
        except pagerduty.HttpError as error:  # 401, 429 and redirects
            return error.response
        except (pagerduty.Error, httpx2.HTTPError, httpx2.InvalidURL):
            raise NoAnswer from None


class NoAnswer(Exception):
    """PagerDuty could not be reached, or did not answer in time."""


def _malformed(api_key: str) -> str | None:
    if not api_key:
        return "The API key is empty. Paste the key as PagerDuty shows it when it is created."
    if len(api_key) > API_KEY_LIMIT:
        return f"This is longer than {API_KEY_LIMIT} characters, so it is not a PagerDuty API key."
    if not re.fullmatch(r"[\x21-\x7e]+", api_key):
        return "A PagerDuty API key has no spaces, line breaks or special letters. Paste the key alone."
    return None


def _ask(client: Client, region: Region) -> KeyTest:
    """Tests the key in one region: GET /abilities answers 200 for every valid key, 401 for others."""
    try:
        response = client.ask("GET", "/abilities")
    except NoAnswer:
        return _unreachable("did not answer")
    if response.status_code != 200:
        return _refused(response)
    abilities = obj(json_of(response)).get("abilities")
    if not isinstance(abilities, list):
        return _unreachable("gave an answer that cannot be understood")
    can_write = _can_write(client)
    email, account = _owner(client)
    return _accepted(region, can_write, account, email, len(abilities))


def _refused(response: Any) -> KeyTest:
    status = response.status_code
    if status == 401:
        return KeyTest(
            "invalid_key",
            False,
            "PagerDuty does not know this API key. Check that it was copied whole and has not been revoked.",
        )
    if status == 403:
        return KeyTest(
            "forbidden",
            False,
            "PagerDuty knows this API key but refuses it here. Check the account's IP allow list and the key's scope.",
        )
    if status == 429:
        seconds = seconds_to_wait(response)
        when = f"in {seconds} seconds" if seconds else "in a minute"
        return KeyTest(
            "rate_limited",
            False,
            f"PagerDuty is limiting this API key's requests. Try again {when}.",
            retry_after=seconds,
        )
    return _unreachable(f"answered with status {status}")


def _unreachable(what: str) -> KeyTest:
    return KeyTest(
        "unreachable",
        False,
        f"PagerDuty {what}. Try again in a moment; if it lasts, check status.pagerduty.com and that this server can "
        "reach PagerDuty.",
    )


def _can_write(client: Client) -> bool | None:
    """Whether the key may write, found out by a write that cannot change anything.

    A webhook subscription without any field is never created: a key that may write is told so with 400, a read-only one
    gets 403 before its request is looked at (PagerDuty: read-only keys answer 403 on writes). None if it is unclear.
    """
    try:
        status = client.ask("POST", "/webhook_subscriptions", json={}).status_code
    except NoAnswer:
        return None
    return {400: True, 422: True, 403: False}.get(status)


def _owner(client: Client) -> tuple[str | None, str | None]:
    """The user's e-mail address (None for an account's key) and the account's subdomain, as far as they can be learned.

    An account's key has no user: GET /users/me answers 400. Then any user's URL names the account.
    """
    try:
        mine = client.ask("GET", "/users/me")
        if mine.status_code == 200:
            user = obj(obj(json_of(mine)).get("user"))
            return text(user.get("email"), 255), _subdomain(user.get("html_url"))
        anyone = client.ask("GET", "/users", params={"limit": 1})
    except NoAnswer:
        return None, None
    users = objects(obj(json_of(anyone)).get("users")) if anyone.status_code == 200 else []
    return None, next((found for user in users if (found := _subdomain(user.get("html_url")))), None)


def _accepted(
    region: Region, can_write: bool | None, account: str | None, email: str | None, abilities_count: int
) -> KeyTest:
    where = f"{account} ({_NAMES[region]})" if account else f"an account in PagerDuty's {_NAMES[region]} region"
    if can_write is False:
        message = (
            f"The API key works for {where}, but may only read. Alerts arrive; to update incidents in PagerDuty, use a "
            "key that is not read-only" + (", of a user who may manage webhooks." if email else ".")
        )
    elif can_write is None:
        message = f"The API key works for {where}. Whether it may also write could not be found out."
    else:
        message = f"The API key works for {where}."
    status: Status = "read_only" if can_write is False else "valid"
    return KeyTest(status, True, message, region, account, can_write, abilities_count, email)


def _verdict(region: Region | None, outcomes: list[KeyTest]) -> KeyTest:
    """One answer from what each region said, in the order they were asked."""
    last = outcomes[-1]
    if region is None:
        # One region refused the key and the other one is silent: the key may well belong to the silent one.
        silent = next((outcome for outcome in outcomes if outcome.status == "unreachable"), None)
        return silent if silent and last.status == "invalid_key" else last
    if len(outcomes) == 1 or not last.ok or last.region is None:
        return outcomes[0]
    return KeyTest(
        "wrong_region",
        False,
        f"This API key belongs to PagerDuty's {_NAMES[last.region]} region, not {_NAMES[region]}. Change the region.",
        region=last.region,
        account=last.account,
        can_write=last.can_write,
        abilities_count=last.abilities_count,
        user_email=last.user_email,
    )


def json_of(response: Any) -> Any:
    """The answer's JSON; None if it is none."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def seconds_to_wait(response: Any) -> int | None:
    """For how long PagerDuty asks to wait, by `ratelimit-reset`; None where it does not say."""
    value = response.headers.get("ratelimit-reset", "")
    return min(max(int(value), 1), _LONGEST_WAIT) if re.fullmatch(r"[0-9]{1,9}", value) else None


def _subdomain(url: Any) -> str | None:
    """ "acme" of https://acme.pagerduty.com/users/PXPGF42 and of https://acme.eu.pagerduty.com/…"""
    found = web_url(url)
    host = urlsplit(found).hostname if found else None
    return host.split(".")[0] if host and host.endswith(".pagerduty.com") else None
