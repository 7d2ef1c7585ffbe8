"""Settings of the logs."""

from typing import Annotated, Literal

from .base import Section, setting


class LogSettings(Section, frozen=True, kw_only=True):
    """Logs of the services."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        setting("Least important lines that are kept.", applies="live"),
    ] = "info"
    max_bytes: Annotated[
        int, setting("A log file is rotated at this size.", unit="bytes", applies="person", ge=65_536)
    ] = 10_485_760
    keep: Annotated[int, setting("Rotated files kept for each service.", applies="person", ge=0, le=1000)] = (
        14
    )
    rotate_every_s: Annotated[
        float,
        setting(
            "A log file is rotated so often; 1d is at midnight UTC, 0 never.",
            unit="s",
            applies="person",
            ge=0,
        ),
    ] = 86_400.0
    max_age_s: Annotated[
        float,
        setting("Rotated files that are older are removed; 0 keeps them.", unit="s", applies="person", ge=0),
    ] = 30 * 86_400.0
