"""Settings over the API: what holds and why, change, history, undo. The file config.yaml is the truth."""

from flask import Flask, Response

from ...bus.contracts.base import Done
from ...bus.contracts.service import ControlService
from ...configs.errors import BusError, RequestFailedError, SettingsError
from ..access import requires
from ..context import dashboard, session
from ..gateway import SUPERVISOR
from ..problems import ApiProblem
from .answers import PREFIX, answer, ask, body
from .guarded import demand_rights, demand_rights_for_text
from .lists import page_of
from .shapes import (
    Rollback,
    Saved,
    Setting,
    SettingsChange,
    SettingsHistory,
    SettingsRevision,
    SettingsView,
)

RELOAD_TIMEOUT_S = 10.0
PAPER = "paper"
BY_HAND = "`cryptobot reload` puts it in force."


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/settings", "api_settings", read, methods=["GET"])
    add(f"{PREFIX}/settings", "api_change_settings", change, methods=["POST"])
    add(f"{PREFIX}/settings/history", "api_settings_history", past, methods=["GET"])
    add(f"{PREFIX}/settings/rollback", "api_settings_rollback", rollback, methods=["POST"])


@requires("config.read")
def read() -> Response:
    """Every key with its value, where that came from, and what is allowed."""
    from ...configs import edit
    from ...configs.explain import all_keys, explain, shown
    from ...configs.load import load

    home = dashboard().home
    try:
        loaded, file = load(home), edit.current(home)
        explained = [explain(loaded, key) for key in all_keys()]
    except SettingsError as error:
        raise ApiProblem(409, "settings_broken", str(error)) from error
    entries = [
        Setting(
            key=one.key,
            help=one.help,
            allowed=one.allowed,
            choices=list(one.choices),
            applies=one.applies,
            default=shown(one.default, one.unit),
            value=shown(one.value, one.unit),
            origin=str(one.origin),
            changed=one.value != one.default,
            in_file=any(said.layer == "config.yaml" for said in one.said),
        )
        for one in explained
    ]
    return answer(SettingsView(settings=entries, checksum=file.checksum, text=file.text))


@requires("config.write")
def change() -> Response:
    """Check and write; nothing is written when anything is wrong."""
    from ...configs import edit

    wanted = body(SettingsChange)
    demand_rights(wanted.changes)
    try:
        made = edit.set_values(
            dashboard().home,
            wanted.changes,
            actor=session().user,
            source="dashboard",
            expected=wanted.expected,
        )
    except SettingsError as error:
        raise ApiProblem(409, "settings_refused", str(error)) from error
    if made is None:
        return answer(Saved(message="It was so already.", revision=None))
    return answer(Saved(message=f"Saved. {put_in_force()}", revision=made.number))


@requires("config.read")
def past() -> Response:
    """All accepted changes, newest first, each with what it changed."""
    from ...configs import history

    revisions = history.history(dashboard().home)
    entries = []
    before = ""
    for one in revisions:
        difference = history.difference(before, one.text, "before", "after")
        entries.append(
            SettingsRevision(
                revision=one.number,
                ts_ms=one.ts_ms,
                actor=one.actor,
                source=one.source,
                summary=one.summary,
                difference=difference,
            )
        )
        before = one.text
    return page_of(SettingsHistory(history=entries[::-1]), "history", lambda one: str(one.revision))


@requires("config.write", step_up=True)
def rollback() -> Response:
    """Make an earlier text of config.yaml the current one. That is a change, too."""
    from ...configs import edit, history

    wanted, home = body(Rollback), dashboard().home
    try:
        text = next((one.text for one in history.history(home) if one.number == wanted.revision), None)
        if text is not None:
            demand_rights_for_text(text)
        made = edit.rollback(home, wanted.revision, actor=session().user, source="dashboard")
    except SettingsError as error:
        raise ApiProblem(409, "settings_refused", str(error)) from error
    if made is None:
        return answer(Saved(message="It was so already.", revision=None))
    return answer(
        Saved(message=f"Back to revision {wanted.revision}. {put_in_force()}", revision=made.number)
    )


def put_in_force() -> str:
    """Have the supervisor take the new settings over; what it did, as a sentence."""
    question = ControlService(action="reload", service="", actor=session().user)
    try:
        done = ask(SUPERVISOR, question, Done, RELOAD_TIMEOUT_S)
    except RequestFailedError as error:
        return BY_HAND if error.code in ("unknown_action", "refused") else f"{error.message} {BY_HAND}"
    except BusError:
        return BY_HAND
    gateway = dashboard().gateway
    gateway.tell_from_thread(gateway.refresh, SUPERVISOR)
    return done.message
