"""CryptoBot in the menus of one user, and as what opens bundles: Linux desktops, macOS, Windows.

Packages bring the same for all users; these are for programs that came as a folder, one file, or with pip.
"""

import os
import plistlib
import shlex
import shutil
import sys
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path

from ... import __version__
from ...configs.errors import CryptoBotError
from ...configs.files import replace
from ...configs.frozen import lasting_program
from ..platform.services.base import Runner, command_line, run_command
from . import desktop
from .wheel import BUNDLE


class Shortcuts(ABC):
    """The shortcuts of one kind of desktop. `remove` takes away exactly what `add` made."""

    def __init__(self, words: list[str], runner: Runner) -> None:
        self.words, self.runner = words, runner

    @abstractmethod
    def present(self) -> list[str]:
        """What is there of them: paths or keys."""

    @abstractmethod
    def add(self) -> list[str]:
        """Make them; what was made.

        Raises:
            CryptoBotError: something cannot be written.
        """

    @abstractmethod
    def remove(self) -> None:
        """Remove what is there.

        Raises:
            CryptoBotError: something cannot be removed.
        """


class LinuxShortcuts(Shortcuts):
    """Files of the XDG base directory, and the caches made from them.

    Args:
        share: the user's data folder.
    """

    def __init__(self, words: list[str], runner: Runner, share: Path | None = None) -> None:
        super().__init__(words, runner)
        given = os.environ.get("XDG_DATA_HOME")
        self.share = share or (Path(given) if given else Path.home() / ".local" / "share")

    def files(self) -> dict[Path, bytes]:
        """Each file and what is in it."""
        applications = self.share / "applications"
        return {
            applications / f"{desktop.APP_ID}.desktop": self._application(),
            applications / f"{desktop.OPENER_ID}.desktop": desktop.opener(self.words).encode(),
            self.share / "mime" / "packages" / f"{desktop.APP_ID}.xml": desktop.kinds().encode(),
            self.share / "icons" / "hicolor" / "scalable" / "apps" / f"{desktop.APP_ID}.svg": desktop.icon(),
        }

    def present(self) -> list[str]:
        return [str(path) for path in self.files() if path.exists()]

    def add(self) -> list[str]:
        for path, data in self.files().items():
            _write(path, data, 0o644)
        self._refresh()
        return self.present()

    def remove(self) -> None:
        for path in self.files():
            _unlink(path)
        self._refresh()

    def _application(self) -> bytes:
        window = find_spec("_tkinter") is not None
        return desktop.application(self.words, window=window).encode()

    def _refresh(self) -> None:
        """Desktops without these programs look at the files themselves."""
        for tool, folder in (("update-mime-database", "mime"), ("update-desktop-database", "applications")):
            if shutil.which(tool):
                self.runner([tool, str(self.share / folder)])


class MacShortcuts(Shortcuts):
    """An application of two files in the user's Applications folder."""

    def __init__(self, words: list[str], runner: Runner, folder: Path | None = None) -> None:
        super().__init__(words, runner)
        self.bundle = (folder or Path.home() / "Applications") / f"{desktop.NAME}.app"

    def present(self) -> list[str]:
        return [str(self.bundle)] if self.bundle.exists() else []

    def add(self) -> list[str]:
        contents = self.bundle / "Contents"
        start = f"#!/bin/sh\nexec {shlex.join([*self.words, 'launcher'])}\n"
        _write(contents / "Info.plist", plistlib.dumps(properties(), sort_keys=False), 0o644)
        _write(contents / "MacOS" / desktop.NAME, start.encode(), 0o755)
        return self.present()

    def remove(self) -> None:
        shutil.rmtree(self.bundle, ignore_errors=True)


class WindowsShortcuts(Shortcuts):
    """The Start menu and the user's own classes in the registry, by PowerShell and reg.exe."""

    def __init__(self, words: list[str], runner: Runner, menu: Path | None = None) -> None:
        super().__init__(words, runner)
        start = Path(os.environ.get("APPDATA", str(Path.home()))) / "Microsoft" / "Windows" / "Start Menu"
        self.link = (menu or start / "Programs") / f"{desktop.NAME}.lnk"

    def present(self) -> list[str]:
        return [str(self.link)] if self.link.exists() else []

    def add(self) -> list[str]:
        for words in (*self._classes(), self._link()):
            outcome = self.runner(words)
            if outcome.code:
                raise CryptoBotError(f"`{command_line(words)}` failed: {outcome.said.strip()}")
        return [str(self.link), *WINDOWS_CLASSES]

    def remove(self) -> None:
        for key in WINDOWS_CLASSES:
            self.runner(["reg.exe", "delete", key, "/f"])
        _unlink(self.link)

    def _classes(self) -> list[list[str]]:
        opening = command_line([*self.words, "addon", "open"]) + ' "%1"'
        ending, kind = WINDOWS_CLASSES
        return [
            ["reg.exe", "add", ending, "/ve", "/d", WINDOWS_KIND, "/f"],
            ["reg.exe", "add", kind, "/ve", "/d", "CryptoBot strategy", "/f"],
            ["reg.exe", "add", rf"{kind}\shell\open\command", "/ve", "/d", opening, "/f"],
        ]

    def _link(self) -> list[str]:
        quoted = {name: value.replace("'", "''") for name, value in self._parts().items()}
        script = (
            f"$s = (New-Object -ComObject WScript.Shell).CreateShortcut('{quoted['link']}'); "
            f"$s.TargetPath = '{quoted['target']}'; $s.Arguments = '{quoted['arguments']}'; $s.Save()"
        )
        return ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", script]

    def _parts(self) -> dict[str, str]:
        target, *rest = [*self.words, "launcher"]
        return {"link": str(self.link), "target": target, "arguments": command_line(rest)}


WINDOWS_KIND = "CryptoBot.Strategy"
WINDOWS_CLASSES = (rf"HKCU\Software\Classes\{BUNDLE}", rf"HKCU\Software\Classes\{WINDOWS_KIND}")


def properties() -> dict[str, object]:
    """Info.plist of an application."""
    return {
        "CFBundleIdentifier": desktop.APP_ID,
        "CFBundleName": desktop.NAME,
        "CFBundleDisplayName": desktop.NAME,
        "CFBundleExecutable": desktop.NAME,
        "CFBundlePackageType": "APPL",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleShortVersionString": __version__,
        "CFBundleVersion": __version__,
        "LSMinimumSystemVersion": "11.0",
        "LSApplicationCategoryType": "public.app-category.finance",
        "NSHighResolutionCapable": True,
    }


def shortcuts_here(runner: Runner = run_command) -> Shortcuts:
    """Those of this operating system."""
    words = lasting_program()
    if sys.platform == "win32":
        return WindowsShortcuts(words, runner)
    return MacShortcuts(words, runner) if sys.platform == "darwin" else LinuxShortcuts(words, runner)


def _write(path: Path, data: bytes, mode: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, data, mode=mode)
    except OSError as error:
        raise CryptoBotError(f"{path} cannot be written ({error.strerror or error}).") from error


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CryptoBotError(f"{path} cannot be removed ({error.strerror or error}).") from error
