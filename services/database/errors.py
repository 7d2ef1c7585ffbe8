"""What can go wrong with a database, named by what the reader must do next.

StartError
  DatabaseBrokenError      restore a backup
  DatabaseNewerError       install the newer program again, or restore a backup
  DatabaseAccessError      mend the address, the key, the rights or the disk
ServiceError
  DatabaseAwayError        the server is gone for now: try again
"""

from ...configs.errors import StartError, TryLaterError

_TROUBLES = (
    (
        "full",
        ("disk is full", "disk full", "no space left", "could not extend file", "table is full", "is full"),
    ),
    ("read-only", ("readonly", "read-only", "read only")),
    ("broken", ("malformed", "not a database", "disk i/o error", "crashed", "corrupt")),
)


def trouble_of(error: BaseException) -> str:
    """What an engine's error says about the database: full, read-only, broken, or "" for anything else."""
    text = str(error).lower()
    return next((state for state, signs in _TROUBLES if any(sign in text for sign in signs)), "")


class DatabaseBrokenError(StartError):
    """The file is damaged."""

    def __init__(self, where: str, finding: str) -> None:
        super().__init__(
            f"The database {where} is damaged ({finding}). Stop the platform and restore a backup with "
            f"`cryptobot db restore`; the damaged file is left as it is."
        )


class DatabaseNewerError(StartError):
    """A newer program has changed the tables."""

    def __init__(self, where: str, found: int, known: int) -> None:
        super().__init__(
            f"The database {where} has version {found}, this program knows versions up to {known}. "
            f"Install the newer program again, or restore a backup of before with `cryptobot db restore`."
        )


class DatabaseAccessError(StartError):
    """The database cannot be opened as things are."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"The database {where} cannot be opened: {reason}.")


class DatabaseAwayError(TryLaterError):
    """The server does not answer. Whether a commit on its way took place is unknown: look first."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"The database {where} does not answer ({reason}).")
