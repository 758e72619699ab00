"""PagerDuty in a box, for development and tests: its REST API v2, its OAuth, its webhooks, and a page to play its part.

Two base URLs stand for its two regions, `/us` and `/eu`, each an account of its own; `/identity` for its OAuth. It
answers as PagerDuty documents it, errors as `{"error": {"code", "message", "errors"}}` too; whatever else it is asked
it answers 501 and names the route. The API keys of `keys` behave each in their own way. What happened survives a
restart where the sandbox has a file to keep it in.
"""

from devstack.pagerduty.account import SUBDOMAIN, USER_EMAIL
from devstack.pagerduty.app import create_app
from devstack.pagerduty.keys import (
    CLIENT_ID,
    CLIENT_SECRET,
    EU_KEY,
    FORBIDDEN_KEY,
    FULL_ACCESS_KEY,
    KEYS,
    RATE_LIMIT_RESET,
    RATE_LIMITED_KEY,
    RATE_LIMITED_SILENTLY_KEY,
    READ_ONLY_KEY,
    REVOKED_KEY,
    TEAM_KEY,
    UNAVAILABLE_KEY,
    USER_KEY,
    Key,
)
from devstack.pagerduty.sandbox import Sandbox

__all__ = [
    "CLIENT_ID", "CLIENT_SECRET", "EU_KEY", "FORBIDDEN_KEY", "FULL_ACCESS_KEY", "KEYS", "RATE_LIMITED_KEY",
    "RATE_LIMITED_SILENTLY_KEY", "RATE_LIMIT_RESET", "READ_ONLY_KEY", "REVOKED_KEY", "SUBDOMAIN", "TEAM_KEY",
    "UNAVAILABLE_KEY", "USER_EMAIL", "USER_KEY", "Key", "Sandbox", "create_app",
]  # fmt: skip
