"""Who may publish and who may read what, where the broker can tell who is who (TCP with CURVE).

The first rule whose prefix fits decides; what no rule names is free to every key on the allow-list.
"""

import re

PUBLISH: tuple[tuple[str, frozenset[str]], ...] = (
    ("order.", frozenset({"trade"})),
    ("fill.", frozenset({"trade"})),
    ("position.", frozenset({"trade"})),
    ("balance.", frozenset({"trade"})),
    ("equity.", frozenset({"trade"})),
    ("risk.state", frozenset({"trade"})),
    ("risk.", frozenset({"risk"})),
    ("portfolio.", frozenset({"portfolio"})),
    ("backtest.", frozenset({"backtest"})),
    ("notify.", frozenset({"notify"})),
    ("update.", frozenset({"update"})),
    ("market.", frozenset({"data"})),
    ("signal.", frozenset({"strategy"})),
    ("service.state.", frozenset({"supervisor"})),
)
READ: tuple[tuple[str, frozenset[str]], ...] = (
    ("audit.", frozenset({"auth", "bus", "cli", "dashboard", "monitor", "notify", "supervisor", "tail"})),
)
INSIDE = "bus"
"""The holder of messages that come from within the broker's own process."""
_NUMBERED = re.compile(r"-\d+$")
_ACCOUNTS_OF = "trade-"


def holder_of(name: str) -> str:
    """Whose key a client uses: `cli-1234` and its like share that of `cli`, all accounts that of `trade`."""
    return "trade" if name.startswith(_ACCOUNTS_OF) else _NUMBERED.sub("", name)


def may_publish(holder: str, topic: str, source: str) -> bool:
    """Whether the holder of a key may publish on a topic under the name `source`."""
    if holder_of(source) != holder:
        return False
    for prefix, holders in PUBLISH:
        if topic.startswith(prefix):
            return holder in holders
    return True


def may_read(holder: str, prefix: str) -> bool:
    """Whether the holder of a key may subscribe to a prefix: to no part of what is kept from it."""
    for kept, holders in READ:
        if (prefix.startswith(kept) or kept.startswith(prefix)) and holder not in holders:
            return False
    return True
