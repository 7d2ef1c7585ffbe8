"""Settings that are worth more than config.write: who gets in, where secrets go, what sends real orders.

Without it whoever may change settings, an API key too, could name a provider that logs them in as an admin,
send a bot's token to another server, or give a service's process an environment that runs other code.
"""

import fnmatch
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from ...bus.contracts.auth import permits
from ...configs import accounts
from ...configs.errors import SettingsError
from ...configs.schema import Settings
from ..access import demand_step_up
from ..context import dashboard, session
from ..problems import ApiProblem

if TYPE_CHECKING:
    from ...configs.load import Loaded

PAPER = re.compile(r"paper(-\d)?")
# Whole runs, whether they send orders or simulate them, and for which account.
_RUN = re.compile(r"strategy\.instances(\.[^.]+(\.(mode|account))?)?")
# What asks a person again who they are; and the permission that it is as good as, where there is one.
GUARDED: tuple[tuple[str, str], ...] = (
    ("accounts", ""),
    ("auth", "user.manage"),
    ("bus", "service.control"),
    ("dashboard.certificate", ""),
    ("dashboard.host", ""),
    ("dashboard.private_key", ""),
    ("data.exchange", ""),
    ("machines", "service.control"),
    ("notify.telegram_api", "secret.write"),
    ("profile", ""),
    ("services.*.environment", "secret.write"),
    ("update.address", "update.manage"),
)


def demand_rights(keys: Iterable[str]) -> None:
    """Let nobody change these settings who lacks what they are as good as, or has not proved who they are.

    Raises:
        ApiProblem: permission_denied, person_needed, step_up_needed.
    """
    keys, held = list(keys), session().permissions
    touched = [
        (pattern, needed) for pattern, needed in GUARDED if any(_touches(key, pattern) for key in keys)
    ]
    for pattern, needed in touched:
        if not permits(held, needed):
            raise ApiProblem(
                403,
                "permission_denied",
                f"Changing {pattern} needs the permission {needed}, too, which you lack.",
            )
    if touched or _need_person(keys):
        demand_step_up()


def demand_rights_for_text(text: str) -> None:
    """As `demand_rights`, for all that this config.yaml would change; a wrong text is another's to refuse."""
    from ...configs.load import load, load_text

    try:
        then = load_text(text, "config.yaml").settings
    except SettingsError:
        demand_step_up()
        return
    try:
        now = load(dashboard().home).settings
    except SettingsError:
        now = Settings()
        demand_step_up()
    demand_rights(changed(now, then))
    if sending(then) - sending(now):
        demand_step_up()


def changed(now: Settings, then: Settings) -> set[str]:
    """The keys of all values that differ."""
    before, after = dict(_leaves(msgspec.to_builtins(now))), dict(_leaves(msgspec.to_builtins(then)))
    missing = object()
    return {
        key for key in before.keys() | after.keys() if before.get(key, missing) != after.get(key, missing)
    }


def sending(settings: Settings) -> set[str]:
    """The runs that send orders to a real exchange."""
    runs = settings.strategy.instances.items()
    return {
        name
        for name, run in runs
        if run.enabled and run.mode == "live" and not _is_paper(settings, run.account)
    }


def _is_paper(settings: Settings, account: str) -> bool:
    return PAPER.fullmatch(accounts.venue_of(settings, account)) is not None


def _touches(key: str, pattern: str) -> bool:
    # A whole section holds what is guarded in it.
    return all(fnmatch.fnmatchcase(*pair) for pair in zip(key.split("."), pattern.split("."), strict=False))


def _need_person(keys: Iterable[str]) -> bool:
    """May a reload alone not put one of them in force, or may it make a run send real orders?"""
    from ...configs.load import load

    try:
        loaded = load(dashboard().home)
    except SettingsError:
        return False
    real = any(not _is_paper(loaded.settings, name) for name in accounts.names(loaded.settings))
    return any((real and _RUN.fullmatch(key)) or _is_for_people(loaded, key) for key in keys)


def _is_for_people(loaded: "Loaded", key: str) -> bool:
    from ...configs.explain import explain

    try:
        return explain(loaded, key).applies == "person"
    except SettingsError:
        return False  # no such key (yet); who writes it is told


def _leaves(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from _leaves(one, f"{path}.{name}" if path else str(name))
    else:
        yield path, value
