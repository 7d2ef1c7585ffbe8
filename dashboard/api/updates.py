"""Versions of the program over the API: look, download, apply, go back."""

from flask import Flask, Response

from ...bus.contracts.base import Done
from ...bus.contracts.update import (
    ApplyUpdate,
    CheckUpdate,
    DownloadUpdate,
    GetUpdate,
    RollBackUpdate,
    UpdateReport,
)
from ..access import requires
from ..context import session
from .answers import PREFIX, answer, ask_running, body
from .shapes import Body, Message

SERVICE = "update"
# The update address may be slow, and a process is started for it.
LOOK_TIMEOUT_S = 60.0


class UpdateWish(Body, frozen=True, kw_only=True):
    """The version that the person saw; `anyway` does not wait for flat or protected positions."""

    version: str
    anyway: bool = False


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/update", "api_update", update, methods=["GET"])
    add(f"{PREFIX}/update/check", "api_check_update", check, methods=["POST"])
    add(f"{PREFIX}/update/download", "api_download_update", download, methods=["POST"])
    add(f"{PREFIX}/update/apply", "api_apply_update", apply, methods=["POST"])
    add(f"{PREFIX}/update/rollback", "api_roll_back_update", roll_back, methods=["POST"])


@requires("service.read")
def update() -> Response:
    """The version in use, the newest known one, and how far an update is; nobody is asked."""
    return answer(ask_running(SERVICE, GetUpdate(), UpdateReport, LOOK_TIMEOUT_S))


@requires("update.manage")
def check() -> Response:
    """Ask the update address now whether there is a newer version."""
    return answer(ask_running(SERVICE, CheckUpdate(actor=session().user), UpdateReport, LOOK_TIMEOUT_S))


@requires("update.manage")
def download() -> Response:
    """Fetch and verify the newest version; answered when that has begun."""
    return _begun(ask_running(SERVICE, DownloadUpdate(actor=session().user), Done, LOOK_TIMEOUT_S))


@requires("update.manage", step_up=True)
def apply() -> Response:
    """Switch to the version that is ready; answered when that has begun. It is taken back when it fails."""
    wish = body(UpdateWish)
    question = ApplyUpdate(version=wish.version[:40], anyway=wish.anyway, actor=session().user)
    return _begun(ask_running(SERVICE, question, Done, LOOK_TIMEOUT_S))


@requires("update.manage", step_up=True)
def roll_back() -> Response:
    """Go back to the version before; answered when that has begun."""
    question = RollBackUpdate(version=body(UpdateWish).version[:40], actor=session().user)
    return _begun(ask_running(SERVICE, question, Done, LOOK_TIMEOUT_S))


def _begun(done: Done) -> Response:
    return answer(Message(message=done.message))
