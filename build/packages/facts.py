"""What all packages say about themselves: name, version, machine, date, and what they need of the system."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from cryptobot import __version__

ROOT = Path(__file__).resolve().parents[2]
NAME = "cryptobot"
VERSION = __version__
MAINTAINER = "CryptoBot <dev@cryptobot.invalid>"
HOMEPAGE = "https://cryptobot.invalid/"
LICENCE = "Apache-2.0"
SUMMARY = "trading bots as supervised processes, with a paper exchange"
DESCRIPTION = """\
CryptoBot runs trading bots as supervised operating-system processes that
talk over ZeroMQ, with exact money, a dashboard, and a paper exchange with
recorded prices to start on. No Docker, no account and no key are needed to
try it: `cryptobot demo`.
"""
_ARCHES = {"x86_64": "amd64", "aarch64": "arm64", "AMD64": "amd64", "arm64": "arm64"}
ARCH = _ARCHES.get(platform.machine(), platform.machine())
_SYMBOL = re.compile(rb"GLIBC_2\.(\d+)(?:\.\d+)?\x00")
_ELF = b"\x7fELF"


def epoch() -> int:
    """The time that everything in a package bears: SOURCE_DATE_EPOCH, else that of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    words = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 1_700_000_000)


def glibc_floor(folder: Path) -> str:
    """The oldest glibc that everything compiled in a folder runs with, such as 2.35."""
    highest = 0
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and (data := path.read_bytes()).startswith(_ELF):
            highest = max([highest, *map(int, _SYMBOL.findall(data))])
    return f"2.{highest or 17}"


def check_folder(folder: Path) -> Path:
    """The executable of a standalone folder.

    Raises:
        SystemExit: there is none.
    """
    names = ["cryptobot.exe", "cryptobot"]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    sys.exit(f"{folder} holds no executable cryptobot; `make binary` makes that folder.")
