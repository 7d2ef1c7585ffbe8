"""A progress bar on stderr, where that is a terminal."""

import sys
from types import TracebackType


class Progress:
    """Shows how many of how many are done.

    Args:
        what: the things that are counted.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = sys.stderr.isatty()
        self._wide = 0

    def __enter__(self) -> "Progress":
        return self

    def told(self, done: int, all_: int) -> None:
        """So many are done."""
        if not self._shown:
            return
        full = 30 * done // max(1, all_)
        line = f"[{'#' * full}{'.' * (30 - full)}] {done}/{all_} {self._what}"
        self._wide = max(self._wide, len(line))
        sys.stderr.write(f"\r{line}")
        sys.stderr.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._wide:
            sys.stderr.write("\r" + " " * self._wide + "\r")
            sys.stderr.flush()
