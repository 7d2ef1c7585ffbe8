"""Bodies that the API takes, and answers that are not a message of the bus."""

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from ...bus.contracts.trade import Balance, Position


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all bodies."""


class TradingChange(Body, frozen=True, kw_only=True):
    """A wish for another trading state: ACTIVE, REDUCING or HALTED."""

    state: str
    reason: str = ""
    cancel_orders: bool = False
    flatten: bool = False


class SettingsChange(Body, frozen=True, kw_only=True):
    """Texts as in config.yaml, null takes a key out; `expected` is the checksum that GET told."""

    changes: dict[str, str | None]
    expected: str = ""


class Rollback(Body, frozen=True, kw_only=True):
    """The revision of config.yaml to go back to."""

    revision: int


class NewUser(Body, frozen=True, kw_only=True):
    """An account to be made; its password is generated."""

    user: str
    role: str


class UserChange(Body, frozen=True, kw_only=True):
    """What shall change of an account; null leaves it."""

    role: str | None = None
    enabled: bool | None = None


class Proof(Body, frozen=True, kw_only=True):
    """A code of the second factor, or the password, or both."""

    code: str = ""
    password: str = ""


class TotpBegin(Body, frozen=True, kw_only=True):
    """One's own password."""

    password: str


class TotpCode(Body, frozen=True, kw_only=True):
    """What the device shows."""

    code: str


class TypedPassword(Body, frozen=True, kw_only=True):
    """A password as far as it is typed, and for whom; nothing of it is kept."""

    password: Annotated[str, msgspec.Meta(max_length=1024)]
    user: Annotated[str, msgspec.Meta(max_length=80)] = ""


class PasskeyMade(Body, frozen=True, kw_only=True):
    """What the browser made: its answer as JSON, for the ceremony that was begun."""

    ceremony: str
    response: str
    name: str = ""


class NewKey(Body, frozen=True, kw_only=True):
    """An API key to be made, for oneself when `user` is empty.

    Args:
        scopes: permissions, also narrowed ones such as strategy.control:ema-*.
        valid_s: seconds, 0 for ever.
        addresses: networks that may use it, such as 127.0.0.1 or 10.0.0.0/8; empty allows all.
    """

    name: str
    scopes: list[str]
    user: str = ""
    valid_s: float = 0.0
    addresses: list[str] = []


class Note(Body, frozen=True, kw_only=True):
    """A word to others, may be empty."""

    note: str = ""


class Rearm(Body, frozen=True, kw_only=True):
    """Why trading may go on; `blocks` ends pauses of markets and strategies, too."""

    reason: str = ""
    blocks: bool = False


class PlanChoice(Body, frozen=True, kw_only=True):
    """The plan to carry out, by the id that it was told under."""

    plan_id: str


class BacktestWish(Body, frozen=True, kw_only=True):
    """A backtest to be started; all values as text (docs/backtest.md).

    Args:
        kind: run, sweep, optimize, walk-forward, monte-carlo or trust.
        data: a series of the local store such as binance/BTC-USDT/1h, or a file.
        grid: NAME=VALUES, such as fast=5:50:5.
    """

    kind: str
    strategy: str
    data: str
    parameters: dict[str, str] = {}
    grid: list[str] = []
    rules: dict[str, str] = {}
    options: dict[str, str] = {}


class RoleChange(Body, frozen=True, kw_only=True):
    """All that a role may from now on, such as strategy.control:ema-*; empty removes it."""

    permissions: list[str]


class NewSecret(Body, frozen=True, kw_only=True):
    """A secret's value, and after how many days to remind of changing it (0 never)."""

    value: str
    rotate_days: int = 90


class Amendment(Body, frozen=True, kw_only=True):
    """What shall change of a resting order; null leaves it. `amount` is what shall still rest."""

    price: Decimal | None = None
    amount: Decimal | None = None


class Guard(Body, frozen=True, kw_only=True):
    """How a position shall be guarded; at least one of stop, trailing_percent and target."""

    symbol: str
    exchange: str = "paper"
    stop: Decimal | None = None
    trailing_percent: Decimal | None = None
    target: Decimal | None = None
    target_amount: Decimal | None = None


class EndGuard(Body, frozen=True, kw_only=True):
    """Whose guard shall go."""

    symbol: str
    exchange: str = "paper"


class ParametersChange(Body, frozen=True, kw_only=True):
    """Values by parameter, as text; `reset` first forgets what was changed before."""

    values: dict[str, str] = {}
    reset: bool = False


class Fault(Body, frozen=True, kw_only=True):
    """A fault of the paper exchange; GET says which kinds there are."""

    kind: str
    target: str = ""
    count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0


class Instances(Body, frozen=True, kw_only=True):
    """How many processes of a service shall run."""

    instances: Annotated[int, msgspec.Meta(ge=1, le=100)]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class Message(Answer, frozen=True, kw_only=True):
    """A sentence for the person who asked."""

    message: str


class Saved(Answer, frozen=True, kw_only=True):
    """A change of config.yaml; `revision` is null when nothing had to change."""

    message: str
    revision: int | None


class Positions(Answer, frozen=True, kw_only=True):
    """All positions."""

    positions: list[Position]


class Balances(Answer, frozen=True, kw_only=True):
    """All balances of the ledger."""

    balances: list[Balance]


class Setting(Answer, frozen=True, kw_only=True):
    """One key. `in_file`: config.yaml names it; `changed`: it is not the default."""

    key: str
    help: str
    allowed: str
    choices: list[str]
    applies: str
    default: str
    value: str
    origin: str
    changed: bool
    in_file: bool


class SettingsView(Answer, frozen=True, kw_only=True):
    """All keys, the text of config.yaml, and its checksum for `expected`."""

    settings: list[Setting]
    checksum: str
    text: str


class SettingsRevision(Answer, frozen=True, kw_only=True):
    """One accepted change."""

    revision: int
    ts_ms: int
    actor: str
    source: str
    summary: str
    difference: str


class SettingsHistory(Answer, frozen=True, kw_only=True):
    """Newest first."""

    history: list[SettingsRevision]


class TotpNew(Answer, frozen=True, kw_only=True):
    """A second factor to be confirmed: its secret, the same as otpauth://, and as a picture (data:)."""

    secret: str
    uri: str
    image: str


class Roles(Answer, frozen=True, kw_only=True):
    """Permissions by role; `builtin` stay as they are; `permissions` are all that can be given."""

    roles: dict[str, list[str]]
    builtin: list[str]
    permissions: list[str]


class SecretEntry(Answer, frozen=True, kw_only=True):
    """What may be told of a secret. `due`: it should be changed."""

    name: str
    version: int
    created_ms: int
    changed_ms: int
    rotate_days: int
    due: bool


class Secrets(Answer, frozen=True, kw_only=True):
    """By name. `protection`: how the master key is kept; "" while there is no secret."""

    secrets: list[SecretEntry]
    protection: str


class MessageKind(Answer, frozen=True, kw_only=True):
    """A kind of message; `permission` is what a person needs to cause it, "" when none."""

    number: int
    name: str
    version: int
    delivery: str
    permission: str
    summary: str


class MessageKinds(Answer, frozen=True, kw_only=True):
    """By number."""

    kinds: list[MessageKind]


class ReplayedMessage(Answer, frozen=True, kw_only=True):
    """A message of the journal. Those with one `correlation_id` have one cause."""

    topic: str
    source: str
    epoch: int
    seq: int
    ts_ms: int
    correlation_id: str
    kind: str
    payload: Any


class ReplayedMessages(Answer, frozen=True, kw_only=True):
    """Oldest first."""

    messages: list[ReplayedMessage]
