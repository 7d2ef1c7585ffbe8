"""Settings of the databases."""

from typing import Annotated

from .base import Section, setting


class DatabaseSettings(Section, frozen=True, kw_only=True):
    """Where the services keep their tables."""

    url: Annotated[
        str,
        setting(
            "Empty takes SQLite files in the home; else postgresql://user@host/name or "
            "mariadb://user@host/name, without the password, which is the secret database.password.",
            applies="person",
        ),
    ] = ""
    encrypted: Annotated[
        bool,
        setting(
            "Encrypt the SQLite files (SQLCipher); files that are there are converted at the next start.",
            applies="person",
        ),
    ] = False
    connections: Annotated[
        int,
        setting(
            "Most connections that one service reads with at a time, beside those it writes with.",
            ge=1,
            le=32,
        ),
    ] = 4
    slow_after_s: Annotated[
        float,
        setting(
            "Answers or transactions that take longer, twice in a row, are an alert: the database is slow.",
            unit="s",
            applies="live",
            gt=0,
        ),
    ] = 1.0
    backups_kept: Annotated[
        int,
        setting(
            "Backups made before migrations that are kept for each database.", applies="live", ge=1, le=1000
        ),
    ] = 5
