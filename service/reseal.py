"""Seals every stored credential anew with the first of CREDENTIALS_KEYS, so that an old key can be retired."""

import sys
from typing import Any

import httpx
from postgrest import SyncRequestBuilder
from postgrest.exceptions import APIError

from service.config import ConfigError, load_settings
from service.crypto import CannotOpen, Sealer
from service.rest import Rest, rows

#: Column of credentials → the field that its value is bound to.
FIELDS = {
    "api_key": "api_key",
    "signing_secret": "signing_secret",
    "previous_signing_secret": "signing_secret",  # sealed as the current one, then moved
}
_PAGE = 200


def reseal_stored_credentials() -> int:
    """Runs over all organizations and prints what it did; answers the exit status (1: some could not be opened)."""
    try:
        settings = load_settings()
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    sealer = Sealer.from_base64(settings.sealing_keys)
    table = Rest(settings).as_service().table("credentials")
    try:
        done, failed = _reseal_all(table, sealer)
    except (APIError, httpx.HTTPError) as error:
        print(f"Supabase cannot be reached, or refuses: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{done} sealed anew with the first key, {failed} failed")  # noqa: T201
    return 1 if failed else 0


def _reseal_all(table: SyncRequestBuilder, sealer: Sealer) -> tuple[int, int]:
    """Numbers of credentials: sealed anew, failed."""
    done = failed = start = 0
    while True:
        page = rows(
            table.select("organization_id", "updated_at", *FIELDS)
            .order("organization_id")
            .range(start, start + _PAGE - 1)
        )
        for row in page:
            renewed, problems = _renewed(sealer, row)
            for problem in problems:
                print(f"organization {row['organization_id']}, {problem}", file=sys.stderr)  # noqa: T201
            failed += len(problems)
            done += _store(table, row, renewed)
        if len(page) < _PAGE:
            return done, failed
        start += _PAGE


def _renewed(sealer: Sealer, row: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The columns to write, and what is wrong with those that do not open: one must not keep back the others."""
    organization = row["organization_id"]
    renewed: dict[str, str] = {}
    problems: list[str] = []
    for column, field in FIELDS.items():
        if row[column] is None or sealer.is_current(row[column]):
            continue
        try:
            renewed[column] = sealer.seal(sealer.open(row[column], organization, field), organization, field)
        except CannotOpen as error:
            problems.append(f"{column}: {error}")
    return renewed, problems


def _store(table: SyncRequestBuilder, row: dict[str, Any], renewed: dict[str, str]) -> int:
    if not renewed:
        return 0
    # Only if nobody has saved another secret in the meantime: that one is sealed with the first key already.
    changed = rows(
        table.update(renewed)
        .eq("organization_id", row["organization_id"])
        .eq("updated_at", row["updated_at"])
        .select("organization_id")
    )
    return len(renewed) if changed else 0
