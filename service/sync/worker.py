"""`python -m service worker`: empties the outbox, one thing at a time of each organization, in their turns.

Beside that it compares integrations with PagerDuty's log (`service/sync/reconciling.py`), in a thread of its own.

As many may run as one likes: a thing that one of them holds on lease is nobody else's. One that is killed loses
nothing: when its lease is over, the next one tells what it left.
"""

import random
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
from postgrest.exceptions import APIError
from pydantic import TypeAdapter

from service.config import ConfigError, Settings, load_settings
from service.crypto import CannotOpen, Sealer
from service.logs import configure_logging, log
from service.pagerduty.account import UNREADABLE_KEY, Account, Refused, Unreachable
from service.rest import NOTHING, Rest, call
from service.sync.reconciling import Reconciler
from service.sync.telling import tell
from service.sync.turn import REFUSED_FOR, Job, Nobody, Overtaken, People, Turn

LEASE = 60  # seconds: longer than all that one thing asks of PagerDuty
_WITHIN = 25.0  # seconds, for all that one thing asks of PagerDuty
_SOON = 0.5  # seconds between looks while something is going on; at rest it is a setting
_GOES_ON_FOR = 20  # looks
LOOKS_A_ROUND = 5  # at rest, for one look for an integration that is to be compared
_MOST_ATTEMPTS = 12
_LONGEST_WAIT = 900.0  # seconds
_LIMITED_FOR = 30.0  # seconds, where PagerDuty does not say

_CLAIMED: TypeAdapter[Job | dict[str, str] | None] = TypeAdapter(Job | dict[str, str] | None)


class Worker:
    """One worker. `pause(seconds)` waits, and answers whether it is to stop."""

    def __init__(self, rest: Rest, sealer: Sealer, settings: Settings, pause: Callable[[float], bool]) -> None:
        self._rest, self._sealer, self._settings, self._pause = rest, sealer, settings, pause
        self._people = People()

    def run(self) -> None:
        """Until it is to stop; what it has begun it ends."""
        looks_left = 0
        at_rest = self._settings.outbox_interval
        while not self._pause(min(_SOON, at_rest) if looks_left else at_rest):
            looks_left = max(0, looks_left - 1)
            try:
                while self.take_turn():
                    looks_left = _GOES_ON_FOR
                    if self._pause(0):
                        return
            except (APIError, httpx.HTTPError) as error:
                log.warning("outbox_not_reached", error=type(error).__name__)

    def take_turn(self) -> bool:
        """Tells one thing, if somebody waits; answers whether to look again at once."""
        job = call(self._rest.as_service(), "claim_outbox", _CLAIMED, lease_seconds=LEASE)
        if isinstance(job, Job):
            self._do(job)
        return job is not None

    def _do(self, job: Job) -> None:
        try:
            acted_as = self._tell(job)
        except (Overtaken, Nobody) as reason:
            self._defer(job, "dead", str(reason))
        except CannotOpen:
            self._defer(job, "pause", UNREADABLE_KEY, REFUSED_FOR)
        except Refused as refused:
            if refused.status in (401, 403):
                self._defer(job, "pause", refused.words, REFUSED_FOR)
            else:
                self._defer(job, "dead", refused.words)
        except Unreachable as silent:
            self._wait(job, silent)
        else:
            log.info("outbox_told", organization_id=job.organization_id, thing=job.thing, attempts=job.attempts)
            call(
                self._rest.as_service(),
                "finish_outbox",
                NOTHING,
                outbox_id=job.id,
                version=job.version,
                acted_as=acted_as,
            )

    def _tell(self, job: Job) -> str | None:
        if not job.is_on or job.api_key is None:
            raise Nobody("PagerDuty is switched off here, or there is no API key.")
        key = self._sealer.open(job.api_key, job.organization_id, "api_key")
        with Account(key, self._settings.pagerduty_api_urls[job.region], _WITHIN) as account:
            turn = Turn(account, job, self._people, self._settings.public_url)
            acted_as = tell(turn)
        if turn.created:
            call(
                self._rest.as_service(),
                "link_paged_incident",
                NOTHING,
                outbox_id=job.id,
                pagerduty_id=turn.created.id,
                url=turn.created.url,
            )
        return acted_as

    def _wait(self, job: Job, silent: Unreachable) -> None:
        if silent.is_limit:
            self._defer(job, "pause", silent.words, (silent.retry_after or _LIMITED_FOR) + random.uniform(0, 2))  # noqa: S311
        elif job.attempts >= _MOST_ATTEMPTS:
            self._defer(job, "dead", silent.words)
        else:
            wait = min(2.0**job.attempts, _LONGEST_WAIT) * random.uniform(0.75, 1.25)  # noqa: S311
            self._defer(job, "later", silent.words, wait)

    def _defer(self, job: Job, outcome: str, error: str, seconds: float = 0.0) -> None:
        log.warning("outbox_deferred", organization_id=job.organization_id, outcome=outcome, reason=error)
        call(
            self._rest.as_service(),
            "defer_outbox",
            NOTHING,
            outbox_id=job.id,
            version=job.version,
            outcome=outcome,
            error=error,
            seconds=seconds,
        )


def run_worker() -> int:
    """The command: runs until it is told to stop; answers the exit status."""
    try:
        settings = load_settings()
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- before there is a log
        return 2
    configure_logging(settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sealer, rest = Sealer.from_base64(settings.sealing_keys), Rest(settings)
    reconciler = Reconciler(rest, sealer, settings, stop.wait)
    with ThreadPoolExecutor(1, "reconciler") as pool:
        reconciling = pool.submit(reconciler.run, LOOKS_A_ROUND * settings.outbox_interval)
        reconciling.add_done_callback(lambda _: stop.set())  # what breaks one ends both
        try:
            Worker(rest, sealer, settings, stop.wait).run()
        finally:
            stop.set()
    reconciling.result()
    return 0
