"""What the launcher remembers of this person: homes that were opened, and how the window looks."""

import contextlib
from pathlib import Path
from typing import Literal

import msgspec

from ...configs.files import replace
from ...configs.paths import Home

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = ("system", "light", "dark")
_KEPT = 12


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    homes: list[str] = []
    theme: Theme = "system"


class Memory:
    """One small file of this person's settings; losing it loses a list of folders.

    Args:
        path: the file; without it the platform's place for settings of a person.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or _path()
        self._stored = self._read()

    @property
    def theme(self) -> Theme:
        """How the window looks; system follows the desktop."""
        return self._stored.theme

    def homes(self, first: Home) -> list[Path]:
        """Homes to choose from: `first`, then what was opened lately and still exists."""
        others = (Path(text) for text in self._stored.homes)
        return [first.root, *(path for path in others if path != first.root and path.is_dir())]

    def opened(self, home: Home) -> None:
        """Remember a home as the newest."""
        texts = [str(home.root), *(text for text in self._stored.homes if text != str(home.root))]
        self._write(msgspec.structs.replace(self._stored, homes=texts[:_KEPT]))

    def choose_theme(self, theme: Theme) -> None:
        """Remember how the window shall look."""
        self._write(msgspec.structs.replace(self._stored, theme=theme))

    def _read(self) -> _Stored:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Stored)
        except (OSError, msgspec.MsgspecError):
            return _Stored()

    def _write(self, stored: _Stored) -> None:
        self._stored = stored
        with contextlib.suppress(OSError):  # a comfort: without it the list is shorter next time
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace(self._path, msgspec.json.encode(stored))


def _path() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir("cryptobot", appauthor=False)) / "launcher.json"
