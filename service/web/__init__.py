"""The web app: page shells and static files. Everything else happens in the browser, under its user's token."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from flask import Blueprint, Response, abort, make_response, render_template, request
from werkzeug.exceptions import NotFound

from service.pagerduty.events import V3_TYPES
from service.problems import KINDS, WEB_NOT_INSTALLED, Problem, not_found
from service.vocabulary import LEVELS, LIMITS, ROLES, STATUSES
from service.web.assets import Asset, Assets, MissingPackage, PageAssets
from service.web.security import page_headers

__all__ = ["WebSettings", "create_blueprint"]


class WebSettings(Protocol):
    """What the pages must know. The publishable key is public by design; nothing secret may ever be added here."""

    @property
    def supabase_url(self) -> str:
        """Origin of the Supabase project, as `https://abc.supabase.co`."""

    @property
    def supabase_publishable_key(self) -> str:
        """`sb_publishable_…`, or the legacy anon key."""

    @property
    def demo_people(self) -> Sequence[Mapping[str, str]]:
        """People to sign in as, each with email, password, name and what; empty outside the embedded stack."""


# Endpoint, path and title of each page. The script reads the path again, so a page is one shell.
_PAGES = (
    ("home", "/", "Incidents"),
    ("sign_in", "/sign-in", "Sign in"),
    ("incidents", "/incidents", "Incidents"),
    ("new_incident", "/incidents/new", "New incident"),
    ("incident", "/incidents/<id>", "Incident"),
    ("integrations", "/settings", "Integrations"),
    ("members", "/settings/members", "Members"),
    ("activity", "/settings/activity", "Activity"),
)
_YEAR = 31_536_000  # seconds


def create_blueprint(settings: WebSettings) -> Blueprint:
    """Serves the pages, `/static/…` and, for people, a page where there is none (404)."""
    pages = _Pages(settings)
    blueprint = Blueprint("web", __name__, template_folder="templates")
    for endpoint, path, title in _PAGES:
        blueprint.add_url_rule(path, endpoint=endpoint, view_func=_shell(pages, title))

    @blueprint.get("/static/<path:name>")
    def static(name: str) -> Response:
        return _file(pages.asset(name))

    @blueprint.app_errorhandler(404)
    def missing(error: NotFound) -> Response:
        if error.response is not None:  # made on purpose
            return make_response(error.response)
        if "text/html" in request.headers.get("Accept", "") and not request.path.startswith(("/api/", "/static/")):
            return pages.render("web/not_found.html", status=404)
        return not_found("address").response()

    return blueprint


class _Pages:
    """Templates with their assets, configuration and headers."""

    def __init__(self, settings: WebSettings) -> None:
        self._assets = Assets()
        self._supabase_url = settings.supabase_url
        self._config = {
            "supabase_url": settings.supabase_url,
            "supabase_key": settings.supabase_publishable_key,
            "demo_people": [dict(person) for person in settings.demo_people],
            "event_types": sorted(V3_TYPES),
            "limits": dict(LIMITS),
            "levels": LEVELS,
            "statuses": STATUSES,
            "roles": ROLES,
            "problems": {kind.slug: kind.text for kind in KINDS.values()},
        }

    def asset(self, name: str) -> Asset:
        """A static file; 404 if there is none."""
        try:
            found = self._assets.read(name)
        except MissingPackage as error:
            raise _not_installed(error) from None
        if found is None:
            abort(404)
        return found

    def render(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """A page. It holds nothing about its reader, who is known only to the script."""
        try:
            assets: PageAssets = self._assets.for_page()
        except MissingPackage as error:
            raise _not_installed(error) from None
        body = render_template(template, config=self._config, assets=assets, **context)
        response = make_response(body, status)
        response.headers.extend(page_headers(self._supabase_url, assets.script_hash))
        response.headers["Cache-Control"] = "no-cache"
        return _conditional(response, hashlib.sha256(body.encode()).hexdigest()[:20]) if status == 200 else response


def _shell(pages: _Pages, title: str) -> Callable[..., Response]:
    return lambda **_: pages.render("web/app.html", title=title)


def _file(asset: Asset) -> Response:
    response = make_response(asset.content)
    response.content_type = asset.content_type
    response.headers["X-Content-Type-Options"] = "nosniff"
    is_this_version = request.args.get("v") == asset.version
    response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if is_this_version else "no-cache"
    return _conditional(response, asset.version)


def _conditional(response: Response, etag: str) -> Response:
    response.set_etag(etag)
    response.make_conditional(request)
    return response


def _not_installed(error: MissingPackage) -> Problem:
    return WEB_NOT_INSTALLED(str(error))
