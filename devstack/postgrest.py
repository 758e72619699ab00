"""A real PostgREST in the place of the stand-in: where its program is, and what that is told.

Source of the settings: PostgREST 16, "Configuration"; their values are those of a Supabase project.
"""

import json
import os
import shutil
from collections.abc import Sequence

from devstack.keys import Keys
from devstack.rest.database import EXTRA_SEARCH_PATH


def find_program() -> str | None:
    """The program that POSTGREST_BIN names, or the one on PATH; None without either."""
    return os.environ.get("POSTGREST_BIN") or shutil.which("postgrest")


def settings(dsn: str, keys: Keys, schemas: Sequence[str], port: int, admin_port: int) -> dict[str, str]:
    """The environment of a PostgREST that logs in by `dsn` (the authenticator's) and listens on loopback.

    `GET /ready` at the admin port answers 200 once it has read the schema.
    """
    return {
        "PGRST_DB_URI": dsn,
        "PGRST_DB_SCHEMAS": ",".join(schemas),
        "PGRST_DB_EXTRA_SEARCH_PATH": ",".join(EXTRA_SEARCH_PATH),
        "PGRST_DB_ANON_ROLE": "anon",
        "PGRST_DB_MAX_ROWS": "1000",
        "PGRST_JWT_SECRET": json.dumps(keys.verification_jwks()),
        "PGRST_SERVER_HOST": "127.0.0.1",
        "PGRST_SERVER_PORT": str(port),
        "PGRST_ADMIN_SERVER_PORT": str(admin_port),
    }
