"""What is wrong with settings, said so that a person can mend it."""

from collections.abc import Sequence
from dataclasses import dataclass

from .errors import SettingsError


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from. `line` and `column` count from 1; 0 where there are none.

    Args:
        layer: default, profile, file, environment or command line.
        source: the file, variable or option.
    """

    layer: str
    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if self.line:
            return f"{self.source}:{self.line}:{self.column}"
        return self.source


DEFAULT = Origin("default", "default")


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault.

    Args:
        key: dotted path, "" when the whole file is meant.
        found: what stands there, "" when nothing does.
        text: the whole sentence, without its place.
        nearest: the key that was probably meant, or "".
    """

    origin: Origin
    key: str
    found: str
    text: str
    nearest: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}"


class WrongSettingsError(SettingsError):
    """All that is wrong with the settings at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "A setting is wrong" if count == 1 else f"{count} settings are wrong"
        super().__init__(f"{head}:\n" + "\n".join(f"  {problem}" for problem in self.problems))
