"""What can be asked of the supervisor, over the control socket and over the bus."""

from collections.abc import Callable
from typing import Any, TypeVar

from ..configs.errors import CryptoBotError, UsageError
from . import states
from .context import Context
from .control.server import Handler, Reply
from .graph import dot, mermaid, text
from .groups import Rolling
from .loop import Timer
from .metrics import prometheus
from .plan import Step, plan_action, plan_reload
from .reload import carry_out, instances_of, new_manifests, scale, waiting_for_a_person
from .unit import Acted, Raised

_DEFAULT_WAIT_S = 60.0
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
        elif operation in {"start", "stop", "restart"}:
            remember = arguments.get("remember") is not False
            service = str(arguments.get("service") or "")
            names = self.acted(
                _actor(arguments),
                operation,
                service,
                lambda: self.change(operation, service, remember=remember),
            )
            self._answer_when_settled(names, arguments, reply)
        elif operation == "wait":
            wanted = [unit.name for unit in self._supervisor.lifecycle.units.values() if unit.wanted]
            self._answer_when_settled(wanted, {**arguments, "wait": True}, reply)
        elif operation == "rolling":
            self._rolling(str(arguments.get("service") or ""), reply)
        elif operation == "scale":
            self._scale(str(arguments.get("service") or ""), arguments.get("count"), reply)
        elif operation == "shutdown":
            reply({"stopping": True})
            self._supervisor.shut_down("asked for over the control socket")
        else:
            reply(self._look_up(operation, arguments))

    def _look_up(self, operation: str, arguments: dict[str, object]) -> object:
        lifecycle = self._supervisor.lifecycle
        if operation == "reload":
            return self.acted(_actor(arguments), "reload", "", self.reload)
        if operation == "plan":
            return self._plan(str(arguments.get("action", "")), str(arguments.get("service") or ""))
        if operation == "graph":
            drawn = {"text": text, "dot": dot, "mermaid": mermaid}.get(str(arguments.get("style") or "text"))
            if drawn is None:
                raise UsageError("A graph is drawn as text, dot or mermaid.")
            return drawn(lifecycle.graph, {name: unit.state for name, unit in lifecycle.units.items()})
        if operation == "metrics":
            return prometheus(self._supervisor.status())
        raise UsageError(
            f"There is no operation {operation!r}; known are status, start, stop, restart, rolling, scale, "
            "wait, shutdown, reload, plan, graph, metrics, events."
        )

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

    def change(self, operation: str, service: str, *, remember: bool = True) -> list[str]:
        """Start, stop or restart one service, or all when none is named; the names that are concerned.

        Args:
            remember: a stop is kept as a person's wish; without it the next daemon starts the service again.

        Raises:
            UsageError: there is no such service, or everything is being stopped.
        """
        lifecycle = self._supervisor.lifecycle
        if lifecycle.shutting_down:
            raise UsageError("The platform is being stopped; start it again with `cryptobot up`.")
        names = [lifecycle.unit(service).name] if service else lifecycle.graph.start_order()
        if operation == "start":
            names = [name for name in names if service or lifecycle.units[name].manifest.enabled]
            lifecycle.start(names, by_user=True)
        elif operation == "stop":
            for name in reversed(names):
                lifecycle.stop(name, by_user=remember)
        else:
            for name in names:
                if service or lifecycle.units[name].pid:
                    lifecycle.restart(name)
        self._supervisor.remember_stopped()
        return names

    def _rolling(self, service: str, reply: Reply) -> None:
        lifecycle = self._supervisor.lifecycle
        names = instances_of(lifecycle, lifecycle.unit(service).name)
        rolling = Rolling(lifecycle, names, lambda done, failed: reply({"done": done, "failed": failed}))
        self._supervisor.rollings.append(rolling)
        rolling.begin()

    def _scale(self, service: str, count: object, reply: Reply) -> None:
        if not isinstance(count, int) or not 1 <= count <= 100:
            raise UsageError("A service is scaled to 1 to 100 instances.")
        reply(scale(self._supervisor, service, count))

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

    def _plan(self, action: str, service: str) -> list[Step]:
        if action == "reload":
            steps = plan_reload(self._supervisor.lifecycle, new_manifests(self._supervisor)[1])
            return [*steps, *waiting_for_a_person(self._supervisor)]
        return plan_action(self._supervisor.lifecycle, action, service)

    # Answers that wait

    def _answer_when_settled(self, names: list[str], arguments: dict[str, object], reply: Reply) -> None:
        if not arguments.get("wait"):
            reply(self._result(names))
            return
        waiter = _Waiter(names, reply)
        limit = arguments.get("timeout_s", _DEFAULT_WAIT_S)
        limit_s = float(limit) if isinstance(limit, int | float) else _DEFAULT_WAIT_S
        waiter.timer = self._supervisor.loop.call_later(limit_s, lambda: self._finish(waiter))
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
            self._supervisor.raised(
                Raised(
                    key="control.refused",
                    severity="error",
                    source="supervisor",
                    title="Somebody was refused on the control socket",
                    detail=f"It was {why}; only the user who runs the platform may control it.",
                )
            )


def _actor(arguments: dict[str, object]) -> str:
    """Who asks over the socket: only the user who runs us and root can, so their own word for it will do."""
    return str(arguments.get("actor") or "cli")
