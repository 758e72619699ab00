"""How often somebody may call: counted in memory, or in a store that several processes share."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address)


def init_app(app: Flask, storage_url: str) -> None:
    """`storage_url` is the setting RATE_LIMIT_STORAGE_URL."""
    app.config["RATELIMIT_STORAGE_URI"] = storage_url
    app.config["RATELIMIT_IN_MEMORY_FALLBACK_ENABLED"] = True  # a store that is down must not cost a webhook
    limiter.init_app(app)
