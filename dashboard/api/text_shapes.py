"""Bodies and answers of the first run, of config.yaml as a text, and of closing a position."""

from .shapes import Answer, Body


class Start(Body, frozen=True, kw_only=True):
    """The end of the first-run wizard. `exchange` is paper for the demo, which needs no key."""

    goal: str
    exchange: str = "paper"
    api_key: str = ""
    api_secret: str = ""
    api_password: str = ""


class SettingsText(Body, frozen=True, kw_only=True):
    """A whole config.yaml; `expected` is the checksum that GET told, "" replaces whatever is there."""

    text: str
    expected: str = ""


class ClosePosition(Body, frozen=True, kw_only=True):
    """The position to be sold at the market price."""

    exchange: str
    symbol: str


class Wrong(Answer, frozen=True, kw_only=True):
    """One thing that is wrong in a config.yaml. `line` and `column` count from 1; 0 is the whole."""

    line: int
    column: int
    key: str
    message: str


class SettingsCheck(Answer, frozen=True, kw_only=True):
    """What a text would mean: everything that is wrong in it, and what it changes of the present one."""

    ok: bool
    faults: list[Wrong]
    difference: str


class Template(Answer, frozen=True, kw_only=True):
    """A bundled config.yaml to start from."""

    name: str
    title: str
    about: str
    text: str


class Templates(Answer, frozen=True, kw_only=True):
    """The usual one first."""

    templates: list[Template]
