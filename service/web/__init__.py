"""The web app: page shells and static files. Everything else happens in the browser, under its user's token."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request
from svcs.flask import container
from werkzeug.exceptions import NotFound

from service.config import Settings
from service.pagerduty.events import V3_TYPES
from service.problems import KINDS, WEB_NOT_INSTALLED, not_found
from service.vocabulary import LEVELS, LIMITS, ROLES, STATUSES
from service.web.assets import Assets, MissingBuild
from service.web.security import page_headers

__all__ = ["Pages", "blueprint"]

# Endpoint, path, title and script of each page. The script reads the path again, so a page is one shell.
_PAGES = (
    ("home", "/", "Incidents", "incidents/incidents.js"),
    ("sign_in", "/sign-in", "Sign in", "core/sign-in.js"),
    ("inbox", "/inbox", "Inbox", "inbox/page.js"),
    ("incidents", "/incidents", "Incidents", "incidents/incidents.js"),
    ("new_incident", "/incidents/new", "New incident", "incidents/new-incident.js"),
    ("incident", "/incidents/<id>", "Incident", "incidents/incident.js"),
    ("integrations", "/settings", "Integrations", "settings/settings.js"),
    ("members", "/settings/members", "Members", "settings/settings.js"),
    ("activity", "/settings/activity", "Activity", "settings/settings.js"),
    ("audit", "/settings/audit", "Audit", "settings/settings.js"),
)
# Links of the bar on top, as its script draws them, too.
_NAVIGATION = (("/inbox", "Inbox"), ("/incidents", "Incidents"), ("/settings", "Settings"))
_YEAR = 31_536_000  # seconds
# The manifest's icons: name, size in pixels, purpose.
_ICONS = (("icon-192", 192, "any"), ("icon-512", 512, "any"), ("maskable-512", 512, "maskable"))


class Pages:
    """Templates with their assets, configuration and headers."""

    def __init__(self, settings: Settings) -> None:
        self.assets = Assets()
        self._supabase_url = settings.supabase_url
        # What the scripts must know. The publishable key is public by design; nothing secret may ever be added here.
        self._config = {
            "product_name": settings.product_name,
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

    def file(self, name: str) -> Response:
        """A file of the bundle, to be kept for good; 404 if there is none."""
        asset = self.assets.read(name)
        if asset is None:
            abort(404)
        response = make_response(asset.content)
        response.content_type = asset.content_type
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        return response

    def stable(self, source: str) -> Response:
        """What a source became, at an address that browsers expect and that never changes. Raises MissingBuild."""
        asset = self.assets.of(source)
        response = make_response(asset.content)
        response.content_type = asset.content_type
        return self._checked(response)

    def manifest(self) -> Response:
        """The web app manifest (W3C Application Manifest): with it, phones install the pages as an app."""
        icons = [
            {
                "src": self.assets.url(f"icons/{name}.png"),
                "sizes": f"{size}x{size}",
                "type": "image/png",
                "purpose": purpose,
            }
            for name, size, purpose in _ICONS
        ]
        body = {
            "id": "/",
            "name": self._config["product_name"],
            "short_name": self._config["product_name"],
            "start_url": "/inbox",
            "scope": "/",
            "display": "standalone",
            "background_color": "#f5f6f8",
            "theme_color": "#0b6e4f",
            "icons": icons,
        }
        response = make_response(json.dumps(body))
        response.content_type = "application/manifest+json"
        return self._checked(response)

    def render(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """A page. It holds nothing about its reader, who is known only to the script. Raises MissingBuild."""
        body = render_template(template, config=self._config, **context)
        response = make_response(body, status)
        response.headers.extend(page_headers(self._supabase_url))
        return self._checked(response) if status == 200 else response

    def _checked(self, response: Response) -> Response:
        """To be asked for again each time, and sent again only if it is another."""
        response.headers["Cache-Control"] = "no-cache"
        response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:20])
        response.make_conditional(request)
        return response


blueprint = Blueprint("web", __name__, template_folder="templates")


def _shell(title: str, script: str) -> Callable[..., Response]:
    navigation = _NAVIGATION if title != "Sign in" else ()
    return lambda **_: container.get(Pages).render("web/app.html", title=title, script=script, navigation=navigation)


for _endpoint, _path, _title, _script in _PAGES:
    blueprint.add_url_rule(_path, endpoint=_endpoint, view_func=_shell(_title, _script))


@blueprint.get("/static/<name>")
def static(name: str) -> Response:
    return container.get(Pages).file(name)


@blueprint.get("/service-worker.js")
def service_worker() -> Response:
    response = container.get(Pages).stable("worker.js")
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    return response


@blueprint.get("/manifest.webmanifest")
def manifest() -> Response:
    return container.get(Pages).manifest()


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    return container.get(Pages).stable("icons/favicon.ico")


@blueprint.get("/apple-touch-icon.png")
def touch_icon() -> Response:
    return container.get(Pages).stable("icons/touch-180.png")


@blueprint.app_context_processor
def assets() -> dict[str, Assets]:
    return {"assets": container.get(Pages).assets}


@blueprint.app_errorhandler(MissingBuild)
def not_built(error: MissingBuild) -> Response:
    return WEB_NOT_INSTALLED(str(error)).response()


@blueprint.app_errorhandler(404)
def missing(error: NotFound) -> Response:
    if error.response is not None:  # made on purpose
        return make_response(error.response)
    if "text/html" in request.headers.get("Accept", "") and not request.path.startswith(("/api/", "/static/")):
        return container.get(Pages).render("web/not_found.html", status=404)
    return not_found("address").response()
