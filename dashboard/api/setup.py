"""The end of the first-run wizard: a goal and a market become settings, and the bot runs."""

from flask import Flask, Response

from ...bus import topics
from ...bus.contracts.service import Audit
from ...bus.contracts.trade import CheckKey, KeyReport
from ...configs import firstrun
from ...configs.errors import SettingsError
from ..access import requires
from ..context import dashboard, session
from ..problems import ApiProblem
from .answers import PREFIX, answer, ask, body
from .settings import PAPER, put_in_force
from .shapes import Saved
from .text_shapes import Start, Template
from .texts import templates

# The venue is reached for the first time, and its client is loaded.
KEY_TIMEOUT_S = 40.0
# On a real market the candles are those of people, and nothing is bought before a person says so.
LIVE_TIMEFRAME = "5m"
_LEFT_OUT = frozenset({"several-exchanges"})


def install(app: Flask) -> None:
    """Add the route."""
    app.add_url_rule(f"{PREFIX}/setup/finish", "api_finish_setup", finish, methods=["POST"])


def goals() -> list[Template]:
    """What a bot may be for; the usual one first."""
    return [one for one in templates() if one.name not in _LEFT_OUT]


@requires("config.write", step_up=True)
def finish() -> Response:
    """Take a template for the demo or for an exchange; its key is checked and kept in the vault first."""
    wish = body(Start)
    if wish.goal not in {goal.name for goal in goals()}:
        raise ApiProblem(400, "unknown_goal", f"There is no goal {wish.goal[:40]!r}.")
    if wish.exchange != PAPER:
        _keep_key(wish)
    text = _text(wish)
    from ...configs import edit

    try:
        made = edit.put_text(
            dashboard().home, text, actor=session().user, source="dashboard",
            summary=f"first run: {wish.goal} on {wish.exchange}",
        )  # fmt: skip
    except SettingsError as error:
        raise ApiProblem(409, "settings_refused", str(error)) from error
    firstrun.end(dashboard().home)
    message = f"Your bot is set up. {put_in_force()}"
    return answer(Saved(message=message, revision=made.number if made else None))


def _text(wish: Start) -> str:
    """The template's text; on a real exchange its runs are dry ones."""
    from ...configs.exchange import template
    from ...configs.load import load_text
    from ...configs.yamltext import with_value

    text = template(wish.goal)
    if wish.exchange == PAPER:
        return text
    changes: dict[tuple[str, ...], str] = {("data", "exchange"): wish.exchange}
    changes["data", "timeframe"] = LIVE_TIMEFRAME
    for name in load_text(text, "template").settings.strategy.instances:
        run = ("strategy", "instances", name)
        changes |= {(*run, "timeframe"): LIVE_TIMEFRAME, (*run, "mode"): "dry"}
    for path, value in changes.items():
        text = with_value(text, path, value, "text")
    return text


def _keep_key(wish: Start) -> None:
    """Into the vault, once the venue has taken it and said that it cannot withdraw.

    Raises:
        ApiProblem: key_missing, key_withdraws, key_cannot_trade, secret_refused.
    """
    if not (wish.api_key and wish.api_secret):
        raise ApiProblem(400, "key_missing", "An exchange needs an API key and its secret.")
    question = CheckKey(
        exchange=wish.exchange, api_key=wish.api_key, api_secret=wish.api_secret,
        api_password=wish.api_password,
    )  # fmt: skip
    report = ask("trade", question, KeyReport, KEY_TIMEOUT_S)
    if report.withdraw:
        raise ApiProblem(
            409, "key_withdraws",
            f"This key may withdraw money from {wish.exchange}, so it was not kept. "
            "Make one there that may trade but not withdraw.",
        )  # fmt: skip
    if report.trade is False:
        raise ApiProblem(409, "key_cannot_trade", f"This key may not trade on {wish.exchange}.")
    _store(wish)


def _store(wish: Start) -> None:
    from ...configs.secret import Secret
    from ...configs.vault import Vault

    board = dashboard()
    given = {"api_key": wish.api_key, "api_secret": wish.api_secret, "api_password": wish.api_password}
    try:
        for name, value in given.items():
            if value:
                Vault(board.home).set(f"{wish.exchange}.{name}", Secret(value))
                told = Audit(
                    kind="config", actor=session().user, action="set secret",
                    subject=f"{wish.exchange}.{name}", detail="first run", ok=True,
                )  # fmt: skip
                board.gateway.publish_from_thread(topics.audit("config"), told)
    except SettingsError as error:
        raise ApiProblem(409, "secret_refused", str(error)) from error
