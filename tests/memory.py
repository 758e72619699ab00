"""Where Linux has files in memory, which no disk's file system is as quick as: for what servers write in tests."""

import shutil
from pathlib import Path

import psutil

FOLDER = Path("/dev/shm")
_ENOUGH = 4 * 1024**3  # bytes; all test processes together write less than one


def is_plenty() -> bool:
    """Whether this machine has so much memory for files that nobody will miss what tests take of it."""
    return FOLDER.is_dir() and min(shutil.disk_usage(FOLDER).free, psutil.virtual_memory().available) > _ENOUGH
