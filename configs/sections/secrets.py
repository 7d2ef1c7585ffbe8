"""Settings of the secrets: how old they may become."""

from typing import Annotated

from .base import Section, setting


class SecretsSettings(Section, frozen=True, kw_only=True):
    """How old secrets may become before a person is reminded to change them."""

    rotate_days: Annotated[
        int,
        setting(
            "A new secret is due for a change after so many days; 0 never.", applies="live", ge=0, le=3650
        ),
    ] = 90
    master_rotate_days: Annotated[
        int,
        setting(
            "The master key is due for `cryptobot secret rotate` after so many days; 0 never.",
            applies="live",
            ge=0,
            le=3650,
        ),
    ] = 365
