"""The service: receives PagerDuty's webhooks, serves the API and the web app."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from service.config import Settings

__all__ = ["create_app"]


def create_app(settings: "Settings | None" = None) -> "Flask":
    """The WSGI application. Without settings, they are read from the environment (raises ConfigError)."""
    # Imported here, as the worker and the commands import this module, too, but need nothing of the web.
    from service.app import create_app as create

    return create(settings)
