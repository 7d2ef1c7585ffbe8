"""What can be asked of the supervisor, over the control socket and over the bus."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from ...configs.errors import CryptoBotError, UsageError
from .. import states
from ..bridge.bus_metrics import scraped
from ..catalogue.graph import dot, mermaid, text
from ..catalogue.registry import is_built_in
from ..context import Context
from ..control.server import Handler, Reply
from ..groups import Rolling
from ..loop import Timer
from ..unit import Acted, Raised, Unit
from .plan import Step, in_turn, named, plan_action, plan_reload
from .reload import add, carry_out, new_manifests, remove, scale, scaled, waiting_for_a_person
from .wishes import Wish, read

_CHANGES = frozenset({"start", "stop", "restart"})
_ENDS = "The platform is being stopped; start it again with `cryptobot up`."
_INSTANT = frozenset({"scale", "add", "remove", "reload"})
T = TypeVar("T")


class _Waiter:
    """A reply that is given when the named services have settled, or when time is up."""

    def __init__(self, names: list[str], reply: Reply) -> None:
        self.names, self.reply = names, reply
        self.timer: Timer | None = None


class Operations(Handler):
    """Carries out requests; those that take time are answered when they are through, others go on."""

    def __init__(self, supervisor: Context) -> None:
        self._supervisor = supervisor
        self._waiters: list[_Waiter] = []
        self._check_due = False

    def handle(self, operation: str, arguments: dict[str, object], reply: Reply) -> None:
        if operation == "status":
            reply(self._supervisor.status())
            return
        wish = read(arguments)
        if operation in _CHANGES:
            names = self.asked(wish, operation, lambda: self.change(operation, wish))
            self._answer_when_settled(names, wish, reply)
        elif operation == "wait":
            wanted = [unit.name for unit in self._supervisor.lifecycle.units.values() if unit.wanted]
            self._answer_when_settled(wanted, msgspec.structs.replace(wish, wait=True), reply)
        elif operation == "rolling":
            self.asked(wish, operation, lambda: self._rolling(wish, reply))
        elif operation in _INSTANT:
            reply(self.asked(wish, operation, lambda: self._at_once(operation, wish)))
        elif operation == "replace":
            from ..versions.succession import succeed  # asked for once a version

            reply(self.asked(wish, operation, lambda: succeed(self._supervisor, wish.program)))
        elif operation == "shutdown":
            self.asked(wish, operation, lambda: reply({"stopping": True}))
            self._supervisor.shut_down(f"{wish.who} asked for it")
        else:
            reply(self._look_up(operation, wish))

    def _at_once(self, operation: str, wish: Wish) -> list[Step]:
        if self._supervisor.lifecycle.shutting_down:
            raise UsageError(_ENDS)
        if operation == "scale":
            return scale(self._supervisor, wish.service, wish.count)
        if operation == "add":
            return add(self._supervisor, wish.manifest)
        if operation == "remove":
            return remove(self._supervisor, wish.service)
        return self.reload()

    def _look_up(self, operation: str, wish: Wish) -> object:
        lifecycle = self._supervisor.lifecycle
        if operation == "plan":
            return self._plan(wish)
        if operation == "graph":
            drawn = {"text": text, "dot": dot, "mermaid": mermaid}.get(wish.style)
            if drawn is None:
                raise UsageError("A graph is drawn as text, dot or mermaid.")
            return drawn(lifecycle.graph, {name: unit.state for name, unit in lifecycle.units.items()})
        if operation == "metrics":
            return scraped(self._supervisor)
        if operation == "discover":
            units = lifecycle.units.values()
            return [describe(unit) for unit in units if wish.service in {"", unit.name}]
        raise UsageError(
            f"There is no operation {operation!r}; known are status, start, stop, restart, rolling, scale, "
            "add, remove, wait, replace, shutdown, reload, plan, graph, discover, metrics, events."
        )

    def asked(self, wish: Wish, operation: str, work: Callable[[], T]) -> T:
        """As `acted`, for a request on the control socket."""
        subject = wish.subject or str(wish.manifest.get("name", ""))
        if operation == "scale":
            operation = f"scale to {wish.count}"
        return self.acted(wish.who, operation, subject, work)

    def acted(self, actor: str, action: str, subject: str, work: Callable[[], T]) -> T:
        """Do something that somebody asked for and put it into the audit log, also when it is refused."""
        try:
            result = work()
        except CryptoBotError as error:
            self._supervisor.acted(
                Acted(actor=actor, action=action, subject=subject, ok=False, detail=str(error))
            )
            raise
        self._supervisor.acted(Acted(actor=actor, action=action, subject=subject, ok=True, detail=""))
        return result

    def change(self, operation: str, wish: Wish) -> list[str]:
        """Start, stop or restart one service, a group, or all when none is named; the names concerned.

        Raises:
            UsageError: there is no such service or group, or everything is being stopped.
        """
        lifecycle = self._supervisor.lifecycle
        if lifecycle.shutting_down:
            raise UsageError(_ENDS)
        names = named(lifecycle, wish.service, wish.group)
        if operation == "start":
            names = [name for name in names if wish.service or lifecycle.units[name].manifest.enabled]
            lifecycle.start(names, by_user=True)
        elif operation == "stop":
            for name in reversed(names):
                lifecycle.stop(name, by_user=wish.remember)
        else:
            for name in names:
                if wish.service or lifecycle.units[name].pid:
                    lifecycle.restart(name)
        self._supervisor.remember_stopped()
        return names

    def _rolling(self, wish: Wish, reply: Reply) -> None:
        lifecycle = self._supervisor.lifecycle
        if lifecycle.shutting_down:
            raise UsageError(_ENDS)
        names = in_turn(lifecycle, wish.service, wish.group)
        for rolling in self._supervisor.rollings:
            if rolling.busy_with(names):
                raise UsageError(f"A rolling restart of {', '.join(names)} is under way; wait for its end.")
        rolling = Rolling(lifecycle, names, lambda done, failed: reply({"done": done, "failed": failed}))
        self._supervisor.rollings.append(rolling)
        rolling.begin()

    def reload(self) -> list[Step]:
        """Take the settings and manifests again; restart only what changed.

        Raises:
            SettingsError: they are broken; all goes on as before.
        """
        settings, manifests = new_manifests(self._supervisor)
        steps = plan_reload(self._supervisor.lifecycle, manifests)
        waiting = waiting_for_a_person(self._supervisor)
        carry_out(self._supervisor, settings, manifests, steps)
        return [*steps, *waiting]

    def _plan(self, wish: Wish) -> list[Step]:
        supervisor = self._supervisor
        if wish.action == "reload":
            steps = plan_reload(supervisor.lifecycle, new_manifests(supervisor)[1])
            return [*steps, *waiting_for_a_person(supervisor)]
        if wish.action == "scale":
            return plan_reload(supervisor.lifecycle, scaled(supervisor, wish.service, wish.count))
        if wish.action == "add":
            return add(supervisor, wish.manifest, only_plan=True)
        if wish.action == "remove":
            return remove(supervisor, wish.service, only_plan=True)
        return plan_action(supervisor.lifecycle, wish.action, wish.service, wish.group)

    # Answers that wait

    def _answer_when_settled(self, names: list[str], wish: Wish, reply: Reply) -> None:
        if not wish.wait:
            reply(self._result(names))
            return
        waiter = _Waiter(names, reply)
        waiter.timer = self._supervisor.loop.call_later(wish.timeout_s, lambda: self._finish(waiter))
        self._waiters.append(waiter)
        self.state_changed()

    def state_changed(self) -> None:
        """Some service changed: look at the waiting replies, once a turn of the loop."""
        if self._waiters and not self._check_due:
            self._check_due = True
            self._supervisor.loop.call_soon(self._check)

    def _check(self) -> None:
        self._check_due = False
        for waiter in tuple(self._waiters):
            if all(self._settled(name) for name in waiter.names):
                self._finish(waiter)

    def _settled(self, name: str) -> bool:
        unit = self._supervisor.lifecycle.units.get(name)
        if unit is None:
            return True
        if unit.state == states.STARTING and not unit.pid:
            return any(self._failed(other) for other in unit.manifest.requires)
        return unit.ready or (unit.state in states.AT_REST and not unit.start_again)

    def _failed(self, name: str) -> bool:
        unit = self._supervisor.lifecycle.units[name]
        if unit.state == states.STARTING and not unit.pid:
            return any(self._failed(other) for other in unit.manifest.requires)
        return unit.state in states.AT_REST

    def _finish(self, waiter: _Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            if waiter.timer is not None:
                waiter.timer.cancel()
            waiter.reply(self._result(waiter.names))

    def _result(self, names: list[str]) -> dict[str, Any]:
        units = [
            self._supervisor.lifecycle.units[name]
            for name in names
            if name in self._supervisor.lifecycle.units
        ]
        now = self._supervisor.loop.now()
        return {
            "ready": all(unit.ready for unit in units),
            "settled": all(self._settled(unit.name) for unit in units),
            "services": [unit.status(now) for unit in units],
        }

    def snapshot(self) -> dict[str, object]:
        return {
            "services": self._supervisor.status()["services"],
            "alerts": list(self._supervisor.open_alerts.values()),
        }

    def refused(self, why: str) -> None:
        self._supervisor.journal.write("warning", "refused on the control socket", what=why)
        if "user" in why or "token" in why:
            self._supervisor.acted(
                Acted(actor=why, action="connect", subject="control socket", ok=False, detail="refused")
            )
            self._supervisor.raised(
                Raised(
                    key="control.refused",
                    severity="error",
                    source="supervisor",
                    title="Somebody was refused on the control socket",
                    detail=f"It was {why}; only the user who runs the platform may control it.",
                )
            )


def describe(unit: Unit) -> dict[str, object]:
    """Where a service is found and what it answers, as it told when it became ready; and its manifest."""
    manifest = unit.manifest
    return {
        "name": manifest.name,
        "title": manifest.label,
        "kind": "built-in" if is_built_in(manifest.name) else "add-on",
        "state": unit.state,
        "ready": unit.ready,
        "pid": unit.pid,
        "endpoint": unit.facts.get("X_ENDPOINT", ""),
        "epoch": int(unit.facts.get("X_EPOCH", "0") or 0),
        "schemas": [name for name in unit.facts.get("X_SCHEMAS", "").split(",") if name],
        "requires": manifest.requires,
        "wants": manifest.wants,
        "group": manifest.group,
        "restart": manifest.restart,
        "enabled": manifest.enabled,
        "optional": manifest.optional,
        "instances": manifest.instances,
    }
