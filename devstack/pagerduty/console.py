"""The sandbox's page: what stands in the accounts, and buttons for all that people do in PagerDuty."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from devstack.pagerduty.account import Account, public
from devstack.pagerduty.errors import Refused, invalid, not_found
from devstack.pagerduty.incidents import PAGERDUTY, Actor
from devstack.pagerduty.keys import CLIENT_ID, EU_KEY, FULL_ACCESS_KEY
from devstack.pagerduty.sandbox import SWITCHES, Place, Sandbox, key_of
from devstack.pagerduty.store import Document

STORM = 40
_SHOWN = 50
_HOUR = 3600

_PAGE = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True)
Form = dict[str, str]
Action = Callable[[Request, Form], Awaitable[Any]]


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    """The page, and the actions behind its buttons; each takes a form, or JSON from whoever asks for JSON."""
    console = _Console(sandbox)
    actions: tuple[tuple[str, Action], ...] = (
        ("/console/clock", console.clock),
        ("/console/switches", console.switch),
        ("/console/reset", console.reset),
        ("/console/accounts", console.open_account),
        ("/console/{account}/users", console.add_user),
        ("/console/{account}/incidents", console.trigger),
        ("/console/{account}/storm", console.storm),
        ("/console/{account}/retry", console.retry),
        ("/console/{account}/incidents/{id}/{action}", console.act),
        ("/console/{account}/subscriptions/{id}/{action}", console.subscription),
    )
    return [
        Route("/", console.page),
        Route("/console/version", console.version),
        Route("/console/traffic", console.traffic),
        Route("/console/{account}", console.state),
        *(Route(path, _answering(action), methods=["POST"]) for path, action in actions),
    ]


def _answering(action: Action) -> Callable[[Request], Awaitable[Response]]:
    """Answers JSON to whoever sends JSON; a browser goes back to the page."""

    async def endpoint(request: Request) -> Response:
        is_json = request.headers.get("content-type", "").startswith("application/json")
        try:
            # A form of another site must not play PagerDuty.
            origin = request.headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
                raise Refused(403, "Access Denied")
            made = await action(request, await _form(request, is_json))
        except ValueError as error:
            return invalid(str(error)).response()
        except Refused as refused:
            return refused.response()
        return JSONResponse(made) if is_json else RedirectResponse(request.headers.get("referer") or "/", 303)

    return endpoint


async def _form(request: Request, is_json: bool) -> Form:
    body = await request.body()
    if not is_json:
        return dict(parse_qsl(body.decode(errors="replace")))
    given = json.loads(body or b"{}")
    if not isinstance(given, dict):
        raise invalid("The body is an object")
    return {name: str(value) for name, value in given.items() if value is not None}


class _Console:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def page(self, request: Request) -> Response:
        self._sandbox.start()
        name = request.query_params.get("account", "us")
        place = self._sandbox.places.get(name) or self._sandbox.places["us"]
        account = place.account
        users = account.all("user")
        acting = account.get("user", request.query_params.get("as")) or users[0]
        page = _PAGE.get_template("console.html").render(
            name=account.name, names=list(self._sandbox.places), host=account.host, users=users, acting=acting,
            services=account.all("service"), policies=account.all("escalation_policy"),
            priorities=account.all("priority"), incidents=account.all("incident")[::-1][:_SHOWN],
            open=account.all("incident", lambda i: i["status"] != "resolved"),
            subscriptions=account.all("webhook_subscription"), deliveries=account.all("delivery")[::-1][:_SHOWN],
            now=self._sandbox.clock.now(), ahead=self._sandbox.clock.ahead, switches=SWITCHES,
            positions=self._sandbox.switches, storm=STORM, key=_key(account), client_id=CLIENT_ID,
        )  # fmt: skip
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})

    async def version(self, _: Request) -> Response:
        """Grows with every change: the page looks again when it does."""
        return JSONResponse({"version": self._sandbox.store.changes})

    async def traffic(self, _: Request) -> Response:
        """What was asked of the REST API, oldest first, without keys."""
        return JSONResponse(self._sandbox.traffic)

    async def state(self, request: Request) -> Response:
        """An account as JSON, with what the REST API does not show: notes and deliveries."""
        try:
            account = self._place(request).account
        except Refused as refused:
            return refused.response()
        incidents = [
            public(i) | {"notes": i["_notes"], "snoozed_until": i["_snoozed_until"]} for i in account.all("incident")
        ]
        return JSONResponse(
            {
                "now": self._sandbox.clock.now().isoformat(), "incidents": incidents,
                "subscriptions": [public(s) for s in account.all("webhook_subscription")],
                "deliveries": account.all("delivery"), "switches": self._sandbox.switches,
            }
        )  # fmt: skip

    async def clock(self, _: Request, form: Form) -> Any:
        self._sandbox.clock.advance(float(form.get("advance", "")))
        self._sandbox.keep()
        return {"now": self._sandbox.clock.now().isoformat()}

    async def switch(self, _: Request, form: Form) -> Any:
        for name, value in form.items():
            self._sandbox.switch(name, value)
        return self._sandbox.switches

    async def reset(self, _: Request, __: Form) -> Any:
        self._sandbox.forget()
        return {}

    async def open_account(self, _: Request, form: Form) -> Any:
        return {"api_key": self._sandbox.open_account(form.get("region", "us"), form.get("subdomain", ""))}

    async def add_user(self, request: Request, form: Form) -> Any:
        if "@" not in form.get("email", ""):
            raise invalid("A user has an e-mail address")
        user = self._place(request).account.add_user(form.get("name") or form["email"], form["email"])
        return {"user": public(user)}

    async def trigger(self, request: Request, form: Form) -> Any:
        place = self._place(request)
        service = _named(place, "service", form.get("service")) or place.account.all("service")[0]
        title = form.get("title", "").strip() or "Checkout answers with errors"
        priority = _named(place, "priority", form.get("priority"))
        with self._sandbox.store.together():
            incident = place.incidents.trigger(
                service, title[:1024], Actor(None, "events"), details=form.get("details"),
                urgency="low" if form.get("urgency") == "low" else "high", priority=priority,
            )  # fmt: skip
        return {"incident": public(incident)}

    async def storm(self, request: Request, _: Form) -> Any:
        place = self._place(request)
        services = place.account.all("service")
        with self._sandbox.store.together():
            for number in range(STORM):
                service = services[number % len(services)]
                title = f"{service['name']}: host {number + 1} of {STORM} does not answer"
                place.incidents.trigger(service, title, Actor(None, "events"))
        return {"incidents": STORM}

    async def retry(self, request: Request, _: Form) -> Any:
        self._place(request).deliveries.retry_now()
        self._sandbox.clock.wake()
        return {}

    async def act(self, request: Request, form: Form) -> Any:
        place = self._place(request)
        incident = place.account.get("incident", request.path_params["id"])
        act = _ACTS.get(request.path_params["action"])
        if incident is None or act is None:
            raise not_found()
        user = place.account.get("user", form.get("as"))
        with self._sandbox.store.together():
            act(place, incident, form, Actor(user) if user else PAGERDUTY)
        self._sandbox.clock.wake()
        return {"incident": public(incident)}

    async def subscription(self, request: Request, _: Form) -> Any:
        place = self._place(request)
        subscription = place.account.get("webhook_subscription", request.path_params["id"])
        if subscription is None:
            raise not_found()
        match request.path_params["action"]:
            case "enable":
                place.deliveries.enable(subscription)
            case "disable":
                place.deliveries.disable(subscription)
            case "ping":
                place.deliveries.ping(subscription)
            case "delete":
                place.deliveries.forget(subscription)
                place.account.store.delete(place.account.kind("webhook_subscription"), [subscription["id"]])
            case _:
                raise not_found()
        return {}

    def _place(self, request: Request) -> Place:
        place = self._sandbox.places.get(request.path_params["account"])
        if place is None:
            raise not_found()
        return place


def _key(account: Account) -> str:
    return {"us": FULL_ACCESS_KEY, "eu": EU_KEY}.get(account.name, key_of(account.name))


def _named(place: Place, kind: str, document_id: str | None) -> Document | None:
    return place.account.get(kind, document_id) if document_id else None


def _wanted(place: Place, kind: str, form: Form) -> Document:
    found = place.account.get(kind, form.get(kind))
    if found is None:
        raise invalid(f"Choose a {kind.replace('_', ' ')}")
    return found


def _note(place: Place, incident: Document, form: Form, actor: Actor) -> None:
    if not form.get("content", "").strip():
        raise invalid("A note has a text")
    place.incidents.add_note(incident, form["content"], actor)


def _edit_note(place: Place, incident: Document, form: Form, actor: Actor) -> None:
    note = next((note for note in incident["_notes"] if note["id"] == form.get("note")), None)
    if note is None:
        raise not_found()
    if form.get("content"):
        place.incidents.edit_note(incident, note, form["content"], actor)
    else:
        place.incidents.delete_note(incident, note, actor)


def _reply(place: Place, incident: Document, form: Form, _: Actor) -> None:
    state = "declined" if form.get("state") == "declined" else "joined"
    place.incidents.reply(incident, _wanted(place, "user", form), state)


_ACTS: dict[str, Callable[[Place, Document, Form, Actor], Any]] = {
    "acknowledge": lambda r, i, _, actor: r.incidents.acknowledge(i, actor),
    "unacknowledge": lambda r, i, _, actor: r.incidents.unacknowledge(i, actor),
    "resolve": lambda r, i, form, actor: r.incidents.resolve(i, actor, form.get("resolution", "")),
    "reopen": lambda r, i, _, actor: r.incidents.reopen(i, actor),
    "reassign": lambda r, i, form, actor: r.incidents.reassign(i, [_wanted(r, "user", form)], actor),
    "escalate": lambda r, i, form, actor: r.incidents.escalate(i, int(form.get("level", "2")), actor),
    "delegate": lambda r, i, form, actor: r.incidents.delegate(i, _wanted(r, "escalation_policy", form), actor),
    "annotate": _note,
    "edit-note": _edit_note,
    "priority": lambda r, i, form, actor: r.incidents.set_priority(
        i, _named(r, "priority", form.get("priority")), actor
    ),
    "title": lambda r, i, form, actor: r.incidents.set_text(i, "title", form.get("title") or i["title"], actor),
    "urgency": lambda r, i, _, actor: r.incidents.set_text(
        i, "urgency", "low" if i["urgency"] == "high" else "high", actor
    ),
    "service": lambda r, i, form, actor: r.incidents.set_service(i, _wanted(r, "service", form), actor),
    "bridge": lambda r, i, form, actor: r.incidents.set_bridge(
        i, {"conference_url": form.get("url", ""), "conference_number": form.get("number", "")}, actor
    ),
    "snooze": lambda r, i, form, actor: r.incidents.snooze(i, int(form.get("seconds", str(_HOUR))), actor),
    "merge": lambda r, i, form, actor: r.incidents.merge(_wanted(r, "incident", form), [i], actor),
    "publish": lambda r, i, form, actor: r.incidents.publish(i, form.get("message") or "We are on it", None, actor),
    "ask": lambda r, i, form, actor: r.incidents.ask(
        i, [_wanted(r, "user", form)], form.get("message") or "Please help", actor.user or r.account.all("user")[0]
    ),
    "reply": _reply,
}
