"""Secrets over the API: their names and ages, new values, never a value back."""

from flask import Flask, Response

from ...bus import topics
from ...bus.contracts.service import Audit
from ...configs.errors import SettingsError
from ...configs.secret import Secret
from ...configs.vault import Vault
from ..access import requires
from ..context import dashboard, session
from ..problems import ApiProblem
from .answers import PREFIX, answer, body
from .lists import page_of
from .shapes import Message, NewSecret, SecretEntry, Secrets

TAKEN = "Services take it at their next start."


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/secrets", "api_secrets", secrets, methods=["GET"])
    add(f"{PREFIX}/secrets/rotate", "api_rotate_secrets", rotate, methods=["POST"])
    add(f"{PREFIX}/secrets/<name>", "api_set_secret", set_secret, methods=["POST"])
    add(f"{PREFIX}/secrets/<name>/remove", "api_remove_secret", remove, methods=["POST"])


@requires("secret.read")
def secrets() -> Response:
    """Names, versions and ages of the secrets, and how their master key is kept."""
    vault = Vault(dashboard().home)
    try:
        found = [
            SecretEntry(
                name=one.name, version=one.version, created_ms=one.created_ms, changed_ms=one.changed_ms,
                rotate_days=one.rotate_days, due=one.due,
            )
            for one in vault.names()
        ]  # fmt: skip
        told = Secrets(secrets=found, protection=vault.protection)
    except SettingsError as error:
        raise _refused(error) from error
    return page_of(told, "secrets", lambda one: one.name)


@requires("secret.write", resource="name", step_up=True)
def set_secret(name: str) -> Response:
    """Keep a secret, or a new value of it."""
    wanted = body(NewSecret)
    if not wanted.value:
        raise ApiProblem(400, "invalid_body", "The value is empty.")
    if not 0 <= wanted.rotate_days <= 3650:
        raise ApiProblem(400, "invalid_body", "rotate_days must be from 0 to 3650.")
    try:
        kept = Vault(dashboard().home).set(name, Secret(wanted.value), rotate_days=wanted.rotate_days)
    except SettingsError as error:
        _note("set secret", name, ok=False)
        raise _refused(error) from error
    _note("set secret", name)
    return answer(Message(message=f"{name} is kept (version {kept.version}). {TAKEN}"))


@requires("secret.write", resource="name", step_up=True)
def remove(name: str) -> Response:
    """Forget a secret."""
    try:
        Vault(dashboard().home).remove(name)
    except SettingsError as error:
        raise _refused(error, 404) from error
    _note("remove secret", name)
    return answer(Message(message=f"{name} is forgotten."))


@requires("secret.write", step_up=True)
def rotate() -> Response:
    """Give all secrets a new master key of the same kind; their values stay."""
    vault = Vault(dashboard().home)
    if vault.protection in ("passphrase", "environment"):
        raise ApiProblem(
            409, "by_hand",
            f"The master key is given by {vault.protection}: `cryptobot secret rotate` asks for the new one.",
        )  # fmt: skip
    try:
        vault.rotate_master()
    except SettingsError as error:
        raise _refused(error) from error
    _note("rotate master key", "secrets")
    return answer(Message(message="All secrets have a new master key; their values stay."))


def _refused(error: SettingsError, status: int = 409) -> ApiProblem:
    return ApiProblem(status, "secret_refused", str(error))


def _note(action: str, name: str, *, ok: bool = True) -> None:
    event = Audit(kind="config", actor=session().user, action=action, subject=name[:80], detail="", ok=ok)
    dashboard().gateway.publish_from_thread(topics.audit("config"), event)
