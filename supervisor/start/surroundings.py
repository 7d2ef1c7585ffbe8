"""What of the supervisor's own environment its children get. Imports next to nothing."""

import os

READY_VARIABLE = "CRYPTOBOT_READY_FD"
LEASH_VARIABLE = "CRYPTOBOT_LEASH_FD"
_OURS = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    READY_VARIABLE,
    LEASH_VARIABLE,
    "LISTEN_FDS",
    "LISTEN_PID",
)
# They open the vault, and what a service may have of that is handed over.
_SECRET = ("CRYPTOBOT_PASSPHRASE", "CRYPTOBOT_MASTER_KEY")


def descriptor_from(variable: str) -> int:
    """The open descriptor whose number a variable holds, kept from our children; -1 when there is none."""
    number = os.environ.get(variable, "")
    if not number.isdigit():
        return -1
    try:
        os.set_inheritable(int(number), False)
    except OSError:
        return -1
    return int(number)


def inherited(extra: dict[str, str]) -> dict[str, str]:
    """Our environment without what is meant for us alone, and with `extra`."""
    kept = {key: value for key, value in os.environ.items() if key not in (*_OURS, *_SECRET)}
    kept.update(extra)
    return kept
