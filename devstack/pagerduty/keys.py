"""Who may ask the sandbox: API keys and OAuth apps, each there to behave in its own way."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FULL_ACCESS_KEY = "sandbox-full-access"
READ_ONLY_KEY = "sandbox-read-only"
USER_KEY = "sandbox-user"
TEAM_KEY = "sandbox-team"
RATE_LIMITED_KEY = "sandbox-rate-limited"
RATE_LIMITED_SILENTLY_KEY = "sandbox-rate-limited-without-a-word"
UNAVAILABLE_KEY = "sandbox-unavailable"
FORBIDDEN_KEY = "sandbox-forbidden"
REVOKED_KEY = "sandbox-revoked"
EU_KEY = "sandbox-eu"

RATE_LIMIT_RESET = 42  # seconds

CLIENT_ID = "sandbox-app"
CLIENT_SECRET = "sandbox-app-secret"  # noqa: S105 -- of an account that exists nowhere


@dataclass(frozen=True)
class Key:
    """What an API key, or a token of an OAuth app, may do.

    `user` is the id of the user whose key it is; without one it is the account's. `team`: it sees what is that team's.
    `account` names one beside its region's first. `fails_with` is the status of every answer, for keys that are there
    to fail; `says_when` tells, in a 429, how long.
    `scopes` are those of an OAuth token; None: whatever `may_write` lets it.
    """

    region: str = "us"
    account: str | None = None
    may_write: bool = True
    user: str | None = None
    team: str | None = None
    fails_with: int | None = None
    says_when: bool = True
    scopes: frozenset[str] | None = None


KEYS: Mapping[str, Key] = MappingProxyType(
    {
        FULL_ACCESS_KEY: Key(),
        READ_ONLY_KEY: Key(may_write=False),
        USER_KEY: Key(user="PXPGF42"),
        TEAM_KEY: Key(team="PTEAM01"),
        RATE_LIMITED_KEY: Key(fails_with=429),
        RATE_LIMITED_SILENTLY_KEY: Key(fails_with=429, says_when=False),
        UNAVAILABLE_KEY: Key(fails_with=503),
        FORBIDDEN_KEY: Key(fails_with=403),
        REVOKED_KEY: Key(fails_with=401),
        EU_KEY: Key(region="eu"),
    }
)
