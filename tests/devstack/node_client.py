"""Scripts for Node that use the official JavaScript client."""

import shutil
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parent / "node"
NODE_MODULES = Path(__file__).parents[2] / "service" / "web" / "node_modules"


def node_command(script: str, *arguments: str) -> list[str]:
    """The command that runs a script of `node/`, whose first argument is the folder of installed packages."""
    node = shutil.which("node")
    assert node, "Node is needed for this test"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    # Node 22 has websockets, Node 20 has them behind a flag.
    flags = ["--experimental-websocket"] if int(version.lstrip("v").partition(".")[0]) < 22 else []
    return [node, *flags, str(SCRIPTS / script), str(NODE_MODULES), *arguments]
