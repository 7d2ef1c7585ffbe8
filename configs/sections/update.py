"""Settings of updates: whether anybody is asked, where, and what an update waits for."""

from decimal import Decimal
from typing import Annotated, Literal

from .base import Section, decimal_setting, setting


class UpdateSettings(Section, frozen=True, kw_only=True):
    """Updates of the program itself."""

    check: Annotated[
        bool,
        setting(
            "Ask once a day whether there is a newer version. The server sees the address of this "
            "machine and, "
            "in the request's header and file name, the program's version and the kind of system; "
            "nothing else "
            "is sent, and nothing is sent while this is off.",
            applies="live",
        ),
    ] = False
    address: Annotated[
        str,
        setting(
            "Where updates come from; empty takes the address that came with the program.",
            form="an address that begins with https:// (http:// on this machine only)",
            pattern=r"^$|^https://[^\s]+$|^http://(127\.0\.0\.1|localhost)(:[0-9]+)?(/[^\s]*)?$",
            max_length=500,
            applies="live",
        ),
    ] = ""
    channel: Annotated[Literal["stable", "beta"], setting("Which versions are offered.", applies="live")] = (
        "stable"
    )
    wait_for: Annotated[
        Literal["protected", "flat", "nothing"],
        setting(
            "What an update waits for: every position has a stop resting at the venue, or there is none "
            "at all.",
            applies="live",
        ),
    ] = "protected"
    dust_value: Annotated[
        Decimal,
        decimal_setting(
            "A position that cost less than this counts as none: no venue takes a stop for it.",
            unit="quote",
            applies="live",
            ge="0",
        ),
    ] = Decimal(10)
    wait_s: Annotated[
        float, setting("An update that has waited for so long is given up.", unit="s", applies="live", ge=0)
    ] = 900.0
    confirm_s: Annotated[
        float,
        setting(
            "A new version is confirmed when all services ran well for so long; until then it opens nothing.",
            unit="s",
            applies="live",
            ge=1,
            le=3600,
        ),
    ] = 30.0
    trial_s: Annotated[
        float,
        setting(
            "A new version whose services are not all ready by then is taken back.",
            unit="s",
            applies="live",
            ge=10,
            le=7200,
        ),
    ] = 240.0
    keep: Annotated[
        int,
        setting("How many versions stay on the disk, the one in use included.", applies="live", ge=2, le=20),
    ] = 3
