"""Whether a new home still waits for its person to say what shall trade.

`cryptobot up` marks an empty home; while the mark is there the run that the packaged defaults name does not
trade. The mark goes when somebody decides: in the wizard, by settings of their own, by starting a strategy,
or with `cryptobot demo`.
"""

from pathlib import Path

from .files import replace
from .paths import Home


def begin(home: Home) -> None:
    """Mark a home in which nothing ever ran and nobody wrote settings; leave every other one alone."""
    ran = any(path.is_file() for path in home.state.rglob("*"))
    if not ran and not home.config_file.exists():
        replace(_mark(home), b"nobody has said yet what shall trade\n")


def pending(home: Home) -> bool:
    """Does nothing trade yet, because nobody has said what shall?"""
    return _mark(home).exists()


def end(home: Home) -> None:
    """Somebody has decided."""
    _mark(home).unlink(missing_ok=True)


def _mark(home: Home) -> Path:
    return home.state / "setup-pending"
