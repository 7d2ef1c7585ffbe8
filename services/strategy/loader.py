"""Finding strategies by name: bundled ones, installed ones (entry points), and files in the user's folder.

All go the same way. A name that is unknown or doubled, or a file that fails to import, is an error with one
sentence; nothing is skipped in silence.
"""

import importlib
import importlib.util
import sys
import traceback
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from ...configs.addons import refusals
from ...configs.errors import SettingsError, StrategyError
from .base import Strategy
from .builtin import NAMES
from .parameters import nearest

GROUP = "cryptobot.strategies"
_BUILTIN = f"{__package__}.builtin"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a strategy comes from: bundled, installed or file; and the target or path."""

    kind: str
    target: str
    entry: EntryPoint | None = None


class Loader:
    """Knows all strategies of one home.

    Args:
        folder: the user's own strategies; None leaves them out.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def available(self) -> dict[str, Source]:
        """All names that can be loaded, sorted; nothing is imported.

        Raises:
            SettingsError: two strategies have one name.
        """
        found: dict[str, Source] = {}
        for name, target in NAMES.items():
            found[name] = Source("bundled", target)
        for entry in entry_points(group=GROUP):
            _add(found, entry.name, Source("installed", entry.value, entry))
        if self._folder is not None and self._folder.is_dir():
            for path in sorted(self._folder.glob("*.py")):
                if not path.name.startswith("_"):
                    _add(found, path.stem.replace("_", "-"), Source("file", str(path)))
        return dict(sorted(found.items()))

    def load(self, name: str) -> type[Strategy]:
        """The class of a strategy; a file is read anew each time.

        Raises:
            SettingsError: no strategy has this name; the nearest one is told.
            StrategyError: its code cannot be imported, with file and line.
        """
        known = self.available()
        source = known.get(name) or known.get(name.replace("_", "-"))
        if source is None:
            told = f"There is no strategy {name!r}{nearest(name, known)}"
            raise SettingsError(" ".join([told, *refusals()]))
        if source.kind == "file":
            return load_file(Path(source.target))
        try:
            if source.entry is not None:
                found = source.entry.load()
            else:
                module, _, attribute = source.target.partition(":")
                found = getattr(importlib.import_module(f"{_BUILTIN}.{module}"), attribute)
        except Exception as error:
            raise StrategyError(f"Strategy {name} cannot be loaded: {blame(error, '')}") from error
        if not (isinstance(found, type) and issubclass(found, Strategy)):
            raise StrategyError(f"Strategy {name}: {source.target} is no class derived from Strategy.")
        return found


def load_file(path: Path) -> type[Strategy]:
    """The one strategy that a file defines.

    Raises:
        SettingsError: there is no such file.
        StrategyError: it cannot be imported (with the line), or defines no strategy, or several.
    """
    if not path.is_file():
        raise SettingsError(f"There is no strategy file {path}.")
    name = f"cryptobot_strategy_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and inspect look the module of a class up there
    try:
        # Compiled here: a cached .pyc hides an edit made within the resolution of the file's clock.
        code = compile(path.read_bytes(), str(path), "exec")
        exec(code, module.__dict__)  # noqa: S102 - running the author's file is what loading it means
    except Exception as error:
        raise StrategyError(f"{blame(error, str(path))}.") from error
    return _only_strategy(module, path)


def _only_strategy(module: ModuleType, path: Path) -> type[Strategy]:
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        names = ", ".join(found.__name__ for found in classes) or "none"
        raise StrategyError(f"{path} must define one class derived from Strategy; it defines {names}.")
    return classes[0]


def blame(error: BaseException, path: str) -> str:
    """One sentence about an error in an author's code: file, line, kind and text.

    Args:
        path: prefer the innermost line of this file; "" takes the innermost line of all.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == path] if path else frames
    place = f"{own[-1].filename}, line {own[-1].lineno}: " if own else ""
    text = str(error).rstrip(".")
    return f"{place}{type(error).__name__}: {text}" if text else f"{place}{type(error).__name__}"


def _add(found: dict[str, Source], name: str, source: Source) -> None:
    if name in found:
        raise SettingsError(
            f"Two strategies are called {name!r}: {found[name].kind} {found[name].target} and "
            f"{source.kind} {source.target}; rename one of them."
        )
    found[name] = source
