"""Whether this program may update itself, and what a person runs where it may not."""

import os
import sys

from ...configs.errors import UsageError
from ...configs.programfolder import FOLDER_VARIABLE, ProgramFolder
from ..install.origin import installed_by

_BY = {
    "deb": "was installed as a .deb package; update it with `sudo apt install --only-upgrade cryptobot`, or "
    "`sudo apt install ./cryptobot_NEW.deb`",
    "rpm": "was installed as an .rpm package; update it with `sudo dnf upgrade cryptobot`",
    "brew": "was installed with Homebrew; update it with `brew upgrade cryptobot`",
    "appimage": "runs as an AppImage; download the new one and start that",
    "nsis": "was installed by a set-up program; download the new one and start that",
    "portable": "runs from a folder that does not hold its versions side by side; download the new one",
}


def program_folder() -> ProgramFolder:
    """The folder of the versions.

    Raises:
        UsageError: something else keeps this program up to date; with what to run instead.
    """
    folder = ProgramFolder.find()
    if folder is None or installed_by() in ("deb", "rpm", "brew"):
        raise UsageError(why_not())
    if not os.access(folder.root, os.W_OK):
        raise UsageError(
            f"The program folder {folder.root} cannot be written by this user; run the command as its owner."
        )
    return folder


def why_not() -> str:
    """One sentence: who keeps this program up to date, and how."""
    if os.environ.get(FOLDER_VARIABLE):
        return (
            f"The program folder {os.environ[FOLDER_VARIABLE]} lacks `current` or `versions`; download it "
            "anew."
        )
    origin = installed_by()
    if origin == "pip":
        if _is_editable():
            return "CryptoBot runs from its source; update it with `git pull` and `make install`."
        return (
            f"CryptoBot was installed with pip; update it with `{sys.executable} -m pip install --upgrade "
            "cryptobot`."
        )
    return f"CryptoBot {_BY[origin]}."


def managed() -> str:
    """As `program_folder`, without raising: "" when this program updates itself."""
    try:
        program_folder()
    except UsageError as error:
        return str(error)
    return ""


def _is_editable() -> bool:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = distribution("cryptobot").read_text("direct_url.json") or ""
    except PackageNotFoundError:
        return True
    return '"editable": true' in found or '"editable":true' in found
