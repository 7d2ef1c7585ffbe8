"""How this program came onto the machine, and so who updates and removes it.

Packages put one word into the file `installed-by` beside the executable. Without it a frozen program is a
folder that somebody unpacked, and one that is not frozen came with pip.
"""

import os
import sys
from pathlib import Path
from typing import Literal, cast, get_args

from ...configs.frozen import executable, one_file
from ...configs.programfolder import ProgramFolder

Origin = Literal["deb", "rpm", "appimage", "nsis", "brew", "portable", "pip"]
MARK = "installed-by"
MANAGED: tuple[Origin, ...] = ("deb", "rpm", "brew")
"""Another program keeps these up to date: CryptoBot's own updater leaves them alone."""

_REMOVE: dict[Origin, str] = {
    "deb": "sudo apt remove cryptobot",
    "rpm": "sudo rpm --erase cryptobot",
    "brew": "brew uninstall cryptobot",
    "nsis": "Settings, Apps, CryptoBot, Uninstall",
}


def installed_by() -> Origin:
    """Who brought this program."""
    folder = program_folder()
    if folder is None:
        return "pip"
    try:
        word = (folder / MARK).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return "portable"
    return cast(Origin, word) if word in get_args(Origin) else "portable"


def program_folder() -> Path | None:
    """The folder of the frozen program; None when Python runs it from packages."""
    own = executable()
    return Path(own).resolve().parent if own else None


def how_to_remove(origin: Origin) -> str:
    """What a person does to take the program itself away, with all its versions."""
    versions = ProgramFolder.find()
    if versions is not None and origin in ("portable", "pip"):
        return f"delete the folder {versions.root}"
    if origin == "appimage":
        return f"delete the file {one_file()} and what it unpacked, {os.environ.get('APPDIR', '')}"
    if origin == "portable" and one_file():
        return f"delete the file {one_file()}"
    if origin == "portable":
        return f"delete the folder {program_folder()}"
    if origin == "pip":
        return f"{sys.executable} -m pip uninstall cryptobot"
    return _REMOVE[origin]
