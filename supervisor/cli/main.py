"""Where the process begins. Imports next to nothing: every start of a service pays for it."""

import sys
from collections.abc import Sequence

HOME_OPTION = "--home"
_MISSING = ""


def run(argv: Sequence[str]) -> int:
    """Run one command and return the exit code: 0 done, 1 failed, 2 wrong use or settings, 3 not running."""
    home, words = take_home(argv)
    if words == ["--version"]:
        return _print_version()
    if home != _MISSING and len(words) == 3 and words[:2] == ["service", "run"] and words[2][:1] != "-":
        if home is not None and words[2] == "supervisor":
            from ..start.headstart import begin

            begin(home)
        from .spawned import run_service

        return run_service(home, words[2])
    from .app import execute

    return execute(home, words)


def take_home(argv: Sequence[str]) -> tuple[str | None, list[str]]:
    """Split `--home DIR` off, wherever it stands before a lone `--`.

    Returns:
        The folder (None when not given, "" when its value is missing), and the other words.
    """
    home: str | None = None
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            words.extend((word, *rest))
        elif word == HOME_OPTION:
            home = next(rest, _MISSING)
        elif word.startswith(HOME_OPTION + "="):
            home = word[len(HOME_OPTION) + 1 :]
        else:
            words.append(word)
    return home, words


def _print_version() -> int:
    from ... import __version__

    sys.stdout.write(f"cryptobot {__version__}\n")
    return 0
