"""Whether both sides are equal after a storm of changes and crashes: `python -m bench.chaos [CHANGES] [SEED]`.

So many changes (500) are made on both sides of twenty incidents, while worker, service, gateway, PostgreSQL and the
sandbox are killed at random and started again. Then PagerDuty's retries and the worker have their time, and every
incident is compared: its status, and each comment and note, once on either side. Status 1: something differs.
"""

import random
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from bench.product import running
from devstack.stack import Stack
from tests.api.sandbox_account import URL, Account, compare, connect
from tests.world import Organization, World

INCIDENTS = 20
PROCESSES = ("worker", "service", "gateway", "pagerduty", "postgres")
BETWEEN_CRASHES = (1.0, 4.0)  # seconds
PAUSE = 0.6  # seconds between changes, at most
SETTLED_WITHIN = 400.0  # seconds
STATUS = {"triggered": "open", "acknowledged": "investigating", "resolved": "resolved"}
_CALM = httpx.HTTPError, AssertionError, KeyError, ValueError


class Killer:
    """Kills one process after the other in the background, until it is told to stop."""

    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self._stack, self._chance, self._stop = stack, chance, threading.Event()
        self.killed: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Killer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._chance.uniform(*BETWEEN_CRASHES)):
            name = self._chance.choice(PROCESSES)
            self._stack.crash(name)
            self.killed[name] += 1


def persistently(act: Callable[[], Any]) -> Any:
    """What a person does who sees an error: tries again until it is done."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return act()
        except _CALM:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


class Story:
    """The changes, and what must stand in the end."""

    def __init__(self, organization: Organization, account: Account, chance: random.Random) -> None:
        self._organization, self._account, self._chance = organization, account, chance
        self._user = account.ask("GET", "/users").json()["users"][0]["id"]
        self.pairs: list[tuple[str, str]] = []  # ours, theirs
        self.comments: dict[str, list[str]] = {}
        self.notes: dict[str, list[str]] = {}

    def begin(self) -> None:
        for number in range(INCIDENTS):
            theirs = self._account.play("incidents", title=f"Incident {number}")["incident"]["id"]
            row = self._row(f"Incident {number}")
            made = self._organization.responder.api.post("/api/incidents", json={"notification_id": row["id"]})
            ours = made.raise_for_status().json()["id"]
            self.pairs.append((ours, theirs))
            self.comments[ours], self.notes[ours] = [], []

    def _row(self, title: str) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while True:
            items = self._organization.responder.api.get("/api/notifications?view=all&limit=100").json()["items"]
            if found := [row for row in items if row["title"] == title]:
                return dict(found[0])
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def change(self) -> None:
        ours, theirs = self._chance.choice(self.pairs)
        self._chance.choice((self._move, self._move_there, self._comment, self._annotate))(ours, theirs)

    def _move(self, ours: str, _: str) -> None:
        body = {"status": self._chance.choice(list(STATUS.values()))}
        persistently(
            lambda: self._organization.responder.api.patch(f"/api/incidents/{ours}", json=body).raise_for_status()
        )

    def _move_there(self, _: str, theirs: str) -> None:
        action = self._chance.choice(("acknowledge", "resolve", "reopen", "unacknowledge"))
        persistently(lambda: self._account.play(f"incidents/{theirs}/{action}", who=self._user))

    def _comment(self, ours: str, _: str) -> None:
        text = f"Comment {uuid.uuid4().hex[:12]}"
        path = f"/api/incidents/{ours}/updates"

        def write() -> None:
            # A request whose answer was lost may have been done: a person looks first.
            if text not in self._lines(ours):
                self._organization.responder.api.post(path, json={"body": text}).raise_for_status()

        persistently(write)
        self.comments[ours].append(text)

    def _annotate(self, ours: str, theirs: str) -> None:
        text = f"Note {uuid.uuid4().hex[:12]}"

        def write() -> None:
            [incident] = [one for one in self._account.incidents if one["id"] == theirs]
            if text not in [note["content"] for note in incident["notes"]]:
                self._account.play(f"incidents/{theirs}/annotate", content=text, who=self._user)

        persistently(write)
        self.notes[ours].append(text)

    def _lines(self, ours: str) -> list[str]:
        answer = self._organization.viewer.api.get(f"/api/incidents/{ours}/updates?limit=200").raise_for_status()
        return [str(line["body"]) for line in answer.json()["items"]]

    def differences(self) -> list[str]:
        """What is not equal on both sides, or not there once, in words."""
        found: list[str] = []
        incidents = {one["id"]: one for one in self._account.incidents}
        for ours, theirs in self.pairs:
            here = self._organization.viewer.api.get(f"/api/incidents/{ours}").raise_for_status().json()
            there = incidents[theirs]
            if here["status"] != STATUS[there["status"]]:
                found.append(f"{theirs}: {here['status']} here, {there['status']} there")
            lines, notes = self._lines(ours), [note["content"] for note in there["notes"]]
            for text in self.comments[ours]:
                if (lines.count(text), notes.count(text)) != (1, 1):
                    found.append(f"{theirs}: {text}: {lines.count(text)} here, {notes.count(text)} there")
            for text in self.notes[ours]:
                told = sum(text in line for line in lines)
                if (told, notes.count(text)) != (1, 1):
                    found.append(f"{theirs}: {text}: {told} here, {notes.count(text)} there")
        return found


def main() -> int:
    changes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    chance = random.Random(seed)
    print(f"seed {seed}")
    environment = {"OUTBOX_INTERVAL": "0.5", "RECONCILE_AFTER": "0", "LOG_LEVEL": "info"}
    with running(environment) as (stack, _), World(stack) as world:
        organization, account = world.organization("Chaos"), Account(stack)
        account.play("users", name="Rita there", email=organization.responder.email)
        connect(organization, account)
        story = Story(organization, account, chance)
        story.begin()
        began = time.monotonic()
        with Killer(stack, random.Random(seed)) as killer:
            for number in range(1, changes + 1):
                story.change()
                time.sleep(chance.uniform(0, PAUSE))
                if number % 50 == 0:
                    print(f"{number} changes, {killer.killed.total()} crashes, {time.monotonic() - began:.0f} s")
        print(f"killed: {', '.join(f'{name} {times}' for name, times in sorted(killer.killed.items()))}")
        return _settle(organization, account, story)


def _settle(organization: Organization, account: Account, story: Story) -> int:
    """Waits until both sides are equal; answers the exit status."""
    began = time.monotonic()
    while True:
        persistently(lambda: account.play("retry"))
        persistently(lambda: compare(organization.admin))
        found = persistently(story.differences)
        took = time.monotonic() - began
        if not found or took > SETTLED_WITHIN:
            break
        time.sleep(2)
    tally = organization.admin.api.get(URL).json()["reconciliation"]
    for line in found:
        print(line)
    print(f"{len(found)} differences after {took:.0f} s; {tally['healed']} of {tally['changes']} changes healed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
