"""How HTTP reaches the application: through which proxies, at which addresses, how its answers are kept."""

import resource

from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

from service.logs import log
from service.unread import CloseUnread


def init_app(app: Flask, trusted_proxies: int) -> None:
    """`trusted_proxies`: how many in front of us set X-Forwarded-*; what came before them is hearsay."""
    if isinstance(app.json, DefaultJSONProvider):
        app.json.sort_keys = False
    app.url_map.merge_slashes = False  # a slash too many is a wrong address, not one to redirect to
    app.after_request(_keep_to_its_reader)
    app.wsgi_app = CloseUnread(app.wsgi_app)  # type: ignore[method-assign]
    if trusted_proxies:
        hops = trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    else:
        _warn_of_proxies(app)
    _allow_many_connections()


def _keep_to_its_reader(response: Response) -> Response:
    """No browser guesses a type; and what says nothing else (pages and their files do) is data that no cache keeps."""
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _warn_of_proxies(app: Flask) -> None:
    """Somebody forwards requests to us, and nobody told us: all callers seem to have one address. Said once."""

    @app.before_request
    def warn() -> None:
        if "X-Forwarded-For" in request.headers and not app.extensions.get("proxy_warning"):
            app.extensions["proxy_warning"] = True
            log.warning(
                "forwarded_for_ignored",
                problem="X-Forwarded-For arrives, but TRUSTED_PROXIES is 0: all callers behind a proxy count as one. "
                "Set TRUSTED_PROXIES to the number of proxies in front, if they are yours.",
            )


def _allow_many_connections() -> None:
    """A connection costs a file descriptor; many systems begin with 1,024 of them and let a process ask for more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
