"""The service's commands.

python -m service new-key    prints a key for CREDENTIALS_KEYS
python -m service reseal     seals every stored credential anew with the first of CREDENTIALS_KEYS
python -m service worker     tells PagerDuty what is changed here, until it is stopped
python -m service migrations --to DIR
                             copies our migrations into DIR, another project's supabase/migrations
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from service.adopt import AdoptError, copy_migrations
from service.crypto import new_key
from service.reseal import reseal_stored_credentials
from service.sync.worker import run_worker


def main(arguments: Sequence[str]) -> int:
    """Runs a command; answers the exit status."""
    match list(arguments):
        case ["new-key"]:
            print(new_key())  # noqa: T201 -- the command's output
            return 0
        case ["reseal"]:
            return reseal_stored_credentials()
        case ["worker"]:
            return run_worker()
        case ["migrations", "--to", folder]:
            return _adopt(Path(folder))
        case _:
            print(__doc__, file=sys.stderr)  # noqa: T201
            return 2


def _adopt(folder: Path) -> int:
    try:
        copied = copy_migrations(folder)
    except (AdoptError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    said = [f"Wrote {file}" for file in copied] or ["Nothing to do: it has all of them."]
    print("\n".join(said))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
