"""How HTTP reaches the application: through which proxies, at which addresses, how JSON is written."""

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix


def init_app(app: Flask, trusted_proxies: int) -> None:
    """`trusted_proxies`: how many in front of us set X-Forwarded-*; what came before them is hearsay."""
    if isinstance(app.json, DefaultJSONProvider):
        app.json.sort_keys = False
    app.url_map.merge_slashes = False  # a slash too many is a wrong address, not one to redirect to
    if trusted_proxies:
        hops = trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
