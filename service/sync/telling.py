"""How one thing of the outbox is told to PagerDuty, whatever became of an attempt before.

Level-triggered: what stands in PagerDuty is read first, and only a difference is sent, so that a message that is taken
twice, or again after a worker was killed, does nothing twice.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from service.pagerduty.fields import obj, objects
from service.sync.requests import REQUESTS
from service.sync.turn import Overtaken, Turn, is_earlier, is_later
from service.vocabulary import OutboxThing


def tell(turn: Turn) -> str | None:
    """Tells it; answers the address as whom, or None where PagerDuty had it already.

    Raises Overtaken and Nobody, and what Account.ask raises.
    """
    return _TELLERS[turn.job.thing](turn)


def _tell_status(turn: Turn) -> str | None:
    stands = turn.incident()
    if stands.get("status") == turn.job.wanted:
        return None
    if is_later(stands.get("last_status_change_at"), turn.job.changed_at):
        raise Overtaken(f"PagerDuty changed it later, to {stands.get('status')}: that stands.")
    return turn.put({"status": turn.job.wanted})


def _tell_note(turn: Turn) -> str | None:
    path = f"{turn.path}/notes"
    if turn.job.attempts > 1:  # the one before may have arrived
        notes = objects(obj(turn.account.ask("GET", path)).get("notes"))
        if any(
            note.get("content") == turn.job.wanted and not is_earlier(note.get("created_at"), turn.job.changed_at)
            for note in notes
        ):
            return None
    sender = turn.sender()
    turn.account.ask("POST", path, json={"note": {"content": turn.job.wanted}}, headers={"From": sender})
    return sender


_TELLERS: Mapping[OutboxThing, Callable[[Turn], str | None]] = MappingProxyType(
    {"status": _tell_status, "note": _tell_note, **REQUESTS}
)
