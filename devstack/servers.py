"""The processes of the embedded stack, each started as `python -m devstack.servers NAME CONFIG`.

CONFIG is a JSON file that the stack writes (ports, data source names, where the keys are).
"""

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from devstack.asgi import server_config


def _gateway(config: dict[str, Any]) -> Starlette:
    from devstack.gateway import GatewayConfig, create_app
    from devstack.keys import Keys
    from devstack.migrate import exposed_schemas
    from devstack.realtime import Settings

    url = config["supabase_url"]
    return create_app(
        GatewayConfig(
            public_url=url,
            authenticator_dsn=config["authenticator_dsn"],
            auth_dsn=config["auth_dsn"],
            realtime_dsn=config["superuser_dsn"],
            keys=Keys.load_or_create(Path(config["keys_file"]), f"{url}/auth/v1"),
            postgrest_url=config.get("postgrest_url"),
            realtime_url=config.get("realtime_url"),
            realtime_tenant=config.get("realtime_tenant", ""),
            schemas=exposed_schemas(),
            site_url=f"http://localhost:{config['service_port']}",
            realtime_settings=Settings(**config["realtime_settings"]),
        )
    )


def _pagerduty(config: dict[str, Any]) -> Starlette:
    from devstack.pagerduty import Sandbox, create_app

    return create_app(Sandbox(Path(config["pagerduty_file"])))


_SERVERS = {"gateway": (_gateway, "supabase_port"), "pagerduty": (_pagerduty, "pagerduty_port")}


def main(name: str, config_file: str) -> None:
    """Serves until told to stop."""
    config = json.loads(Path(config_file).read_text())
    create, port = _SERVERS[name]
    settings = server_config(create(config), host="127.0.0.1", port=config[port], timeout_graceful_shutdown=2)
    server = uvicorn.Server(settings)
    server.run()
    sys.exit(0 if server.started else 1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
