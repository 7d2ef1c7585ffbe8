"""Starting, stopping and restarting of services: every change of a state is decided here."""

import time
from collections import deque
from collections.abc import Callable, Iterable

from ..configs.errors import UsageError
from . import states
from .catalogue.order import Graph, nearest
from .catalogue.registry import Manifest
from .listeners import Listener, Prober
from .loop import SLICE_S, Loop
from .output.outputs import Outputs
from .platform.base import CannotSpawn, Platform, describe_exit
from .processes import Processes
from .unit import Raised, Unit
from .waiting import blocker

EXIT_TRY_LATER = 75
EXIT_CANNOT_START = 78
HOLD_S = 10.0
_KILL_TIMEOUT_S = 5.0


class Lifecycle:
    """All services and what happens to them.

    Args:
        extra_environment: what every child gets besides our own environment.
        home_argument: the home folder as children get it.
    """

    def __init__(
        self,
        loop: Loop,
        platform: Platform,
        outputs: Outputs,
        listener: Listener,
        *,
        home_argument: str,
        extra_environment: dict[str, str],
    ) -> None:
        self.loop, self.platform, self.outputs, self.listener = loop, platform, outputs, listener
        self.units: dict[str, Unit] = {}
        self.leaving: dict[str, Unit] = {}
        self.graph = Graph(())
        self.shutting_down = False
        self.prober: Prober | None = None
        self.drain_notifications: Callable[[], None] = lambda: None
        self.when_process_gone: Callable[[Unit, str], bool] = lambda unit, reason: False
        self.why_hold: Callable[[], str] = lambda: ""
        self.processes = Processes(
            loop,
            platform,
            outputs,
            listener,
            gone=self._gone,
            home_argument=home_argument,
            extra_environment=extra_environment,
        )
        self._waiting: set[str] = set()
        self._to_spawn: deque[Unit] = deque()
        self._when_all_stopped: Callable[[], None] | None = None

    # Asked for from outside

    def unit(self, name: str) -> Unit:
        """The service of that name.

        Raises:
            UsageError: there is none; the nearest name is given.
        """
        found = self.units.get(name)
        if found is None:
            raise UsageError(f"There is no service {name!r}; {nearest(name, self.units)}")
        return found

    def start(self, names: Iterable[str], *, by_user: bool = False) -> None:
        """Start services and what they require or want, each as soon as its requirements are ready."""
        asked = set(names)
        for name in self.graph.with_requirements(asked):
            unit = self.units[name]
            if name in asked:
                unit.user_stopped = unit.user_stopped and not by_user
            elif not unit.manifest.enabled or unit.user_stopped:
                continue
            unit.wanted = True
            if by_user and name in asked:
                unit.policy.reset()
            if unit.state in states.AT_REST or (unit.state == states.BACKOFF and by_user):
                self._begin(unit)
            elif unit.state == states.STOPPING:
                unit.start_again = True

    def stop(self, name: str, *, by_user: bool = False, reason: str = "") -> None:
        """Stop one service; others are left alone."""
        unit = self.unit(name)
        unit.user_stopped = unit.user_stopped or by_user
        unit.wanted = unit.start_again = False
        self._stop_unit(unit, reason or ("stopped by the user" if by_user else "stopped"))

    def restart(self, name: str, reason: str = "restart asked for") -> None:
        """Stop and start one service; a waiting one is tried again at once. Asked twice, it happens once."""
        unit = self.unit(name)
        unit.policy.reset()
        if not unit.pid:
            if unit.state != states.STARTING:
                self.start([name], by_user=True)
            return
        unit.user_stopped = False
        unit.wanted = unit.start_again = True
        self._stop_unit(unit, reason)

    def shutdown(self, done: Callable[[], None]) -> None:
        """Stop everything, dependents before what they depend on, then call `done`."""
        self._when_all_stopped = done
        if self.shutting_down:
            return
        self.shutting_down = self.processes.ending = True
        for unit in self.units.values():
            unit.wanted = unit.start_again = False
        for unit in tuple(self.units.values()):
            self._stop_when_free(unit)
        self._check_all_stopped()

    # Starting

    def _begin(self, unit: Unit, *, at_once: bool = False) -> None:
        unit.clear_timer()
        waits = blocker(unit, self.units)
        self._set(unit, states.STARTING, waits)
        if waits:
            self._waiting.add(unit.name)
        elif at_once and not self._to_spawn:
            self._spawn(unit)
        else:
            self._spawn_in_turn(unit)

    def _spawn_in_turn(self, unit: Unit) -> None:
        # Many starts at once are spread over turns of the loop, so that status is answered in between.
        if not self._to_spawn:
            self.loop.call_soon(self._spawn_some)
        self._to_spawn.append(unit)

    def _spawn_some(self) -> None:
        until = time.monotonic() + SLICE_S
        while self._to_spawn:
            unit = self._to_spawn.popleft()
            if unit.state == states.STARTING and not unit.pid and unit.name not in self._waiting:
                self._spawn(unit)
            if self._to_spawn and time.monotonic() > until:
                self.loop.call_soon(self._spawn_some)
                return

    def _spawn(self, unit: Unit) -> None:
        self._waiting.discard(unit.name)
        if unit.manifest.before_start:
            unit.reason = f"runs {unit.manifest.before_start[0]} first"
            unit.helper = self.processes.run_helper(
                unit, unit.manifest.before_start, lambda code: self._prepared(unit, code)
            )
        else:
            self._spawn_now(unit)

    def _prepared(self, unit: Unit, code: int | None) -> None:
        unit.helper = 0
        if unit.state != states.STARTING or unit.pid:
            return
        if code == 0:
            self._spawn_now(unit)
        else:
            self._failed(
                unit, f"{unit.manifest.before_start[0]}, which runs before it, {describe_exit(code)}", 0.0
            )

    def _spawn_now(self, unit: Unit) -> None:
        unit.kill_reason = unit.status_text = ""
        unit.said_stopping = False
        try:
            self.processes.spawn(unit)
        except CannotSpawn as error:
            self.listener.note("cannot spawn", service=unit.name, reason=error.reason)
            if error.lasting:
                self._fatal(unit, error.reason)
            else:
                self._failed(unit, error.reason, 0.0)
            return
        unit.started_at = time.monotonic()
        self._now_starting(unit)

    def _now_starting(self, unit: Unit) -> None:
        self.listener.spawned(unit)
        if unit.manifest.readiness.kind == "none":
            self.ready(unit)
            return
        unit.reason = "not ready yet"
        self._await_readiness(unit)

    def _await_readiness(self, unit: Unit) -> None:
        unit.timer = self.loop.call_later(unit.start_timeout_s, lambda: self._start_timed_out(unit))
        if unit.manifest.readiness.kind not in {"notify", "none"} and self.prober is not None:
            pid = unit.pid
            self.prober.watch(unit, lambda: self.ready(unit) if unit.pid == pid else None)

    def _start_timed_out(self, unit: Unit) -> None:
        detail = f" ({unit.status_text})" if unit.status_text else ""
        self.kill(unit, f"was not ready within {unit.start_timeout_s:g} s{detail}")

    def ready(self, unit: Unit) -> None:
        """It says, or a probe found, that it is ready."""
        if unit.state not in {states.STARTING, states.DEGRADED} or not unit.pid:
            return
        unit.clear_timer()
        unit.ready = True
        unit.status_text = ""  # what it said while it started explains no later end
        unit.ready_at = time.monotonic()
        if unit.manifest.target or unit.manifest.heartbeat_timeout_s is not None:
            unit.beat_at = unit.ready_at  # it has promised to beat from now on
        note = f"runs without {', '.join(unit.missing)}, which does not exist" if unit.missing else ""
        self._set(unit, states.RUNNING, note)

    # What children and the system tell

    def degrade(self, unit: Unit, reason: str) -> None:
        """The process lives and does not do its work."""
        if unit.state == states.RUNNING:
            self._set(unit, states.DEGRADED, reason)

    def recover(self, unit: Unit) -> None:
        """It does its work again."""
        if unit.state == states.DEGRADED:
            unit.ready = True
            self._set(unit, states.RUNNING, "recovered")

    def kill(self, unit: Unit, reason: str) -> None:
        """Kill the tree; the exit that follows counts as a failure with this reason."""
        if not unit.pid:
            return
        unit.kill_reason = reason
        self.listener.note("killed", service=unit.name, pid=unit.pid, reason=reason)
        self.processes.kill(unit)

    def on_exit(self, pid: int, code: int | None) -> None:
        """A process ended."""
        self.drain_notifications()  # its last words lie in the socket
        self.processes.on_exit(pid, code)

    def _gone(self, unit: Unit) -> None:
        if unit.manifest.after_stop:
            self.processes.run_helper(unit, unit.manifest.after_stop, lambda code: self._ended_for_good(unit))
        else:
            self._ended_for_good(unit)

    def _ended_for_good(self, unit: Unit) -> None:
        code, reason = unit.exit_code, unit.kill_reason
        ran_s = time.monotonic() - unit.ready_at if unit.ready else 0.0
        planned = code == 0 or (code is None and unit.said_stopping)
        stopping = unit.state == states.STOPPING
        unit.forget_process()
        if stopping:
            self._set(unit, states.STOPPED, unit.reason)
            self._has_left(unit)
            if unit.start_again and not self.shutting_down:
                unit.start_again = False
                unit.restarts += 1
                self._begin(unit)
            return
        reason = reason or describe_exit(code)
        if unit.status_text and not planned:
            reason = f"{reason}: {unit.status_text}"
        self._ended(unit, reason, planned, ran_s, code)

    def _ended(self, unit: Unit, reason: str, planned: bool, ran_s: float, code: int | None) -> None:
        policy = unit.manifest.restart
        if code == EXIT_CANNOT_START:
            why = unit.status_text or "it says that it cannot start as things are (exit code 78)"
            self._fatal_unless_held(unit, why)
        elif policy == "never" or (policy == "on-failure" and planned):
            self._set(unit, states.EXITED, reason)
        elif not self.when_process_gone(unit, reason):
            self._failed(unit, reason, ran_s, later=code == EXIT_TRY_LATER)

    def _failed(self, unit: Unit, reason: str, ran_s: float, *, later: bool = False) -> None:
        wait = unit.policy.failed(time.monotonic(), ran_s)
        if wait is None and later:
            self._hold_for(unit, "it waits for something that is away", reason)
            return
        if wait is None:
            limit, window = unit.policy.limit, unit.policy.window_s
            why = f"{reason}; failed more than {limit} times in {window:g} s or in a row"
            self._fatal_unless_held(unit, why)
            return
        self._set(unit, states.BACKOFF, reason)
        self.listener.raised(
            Raised(
                key=f"service.{unit.name}",
                severity="warning",
                source="supervisor",
                title=f"{unit.manifest.label} failed",
                detail=f"{unit.name} {reason}; restarting" + (f" in {wait:.1f} s." if wait else " now."),
            )
        )
        if wait == 0.0:
            self._retry(unit, at_once=True)  # ends are told in slices of a turn already
        else:
            unit.timer = self.loop.call_later(wait, lambda: self._retry(unit))

    def _retry(self, unit: Unit, *, at_once: bool = False) -> None:
        unit.restarts += 1
        self._begin(unit, at_once=at_once)

    def _fatal_unless_held(self, unit: Unit, reason: str) -> None:
        """What ails the whole machine and may pass is waited for; no person has to act for this service."""
        cause = self.why_hold()
        if cause:
            self._hold_for(unit, cause, reason)
        else:
            self._fatal(unit, reason)

    def _hold_for(self, unit: Unit, cause: str, reason: str) -> None:
        self._set(unit, states.BACKOFF, f"held, {cause}; tried again every {HOLD_S:g} s ({reason})")
        unit.timer = self.loop.call_later(HOLD_S, lambda: self._retry(unit))
        self.listener.raised(
            Raised(
                key=f"service.{unit.name}",
                severity="error",
                source="supervisor",
                title=f"{unit.manifest.label} waits",
                detail=f"{unit.name} is held: {cause}. It is tried again every {HOLD_S:g} s.",
            )
        )

    def _fatal(self, unit: Unit, reason: str) -> None:
        unit.forget_process()
        self._set(unit, states.FATAL, reason)
        self.listener.raised(
            Raised(
                key=f"service.{unit.name}",
                severity="critical",
                source="supervisor",
                title=f"{unit.manifest.label} does not run",
                detail=f"{unit.name}: {reason}. Mend it, then `cryptobot start {unit.name}`.",
            )
        )

    # Stopping

    def _stop_unit(self, unit: Unit, reason: str) -> None:
        self._waiting.discard(unit.name)
        if unit.state in {states.STARTING, states.RUNNING, states.DEGRADED} and unit.pid:
            unit.clear_timer()
            self._set(unit, states.STOPPING, reason)
            self._ask_to_stop(unit)
        elif unit.state in {states.STARTING, states.BACKOFF, states.EXITED, states.FATAL}:
            unit.clear_timer()
            self.processes.end_helper(unit)
            self._set(unit, states.STOPPED, reason)

    def _ask_to_stop(self, unit: Unit) -> None:
        if unit.strays:
            # Its main process is gone already and the rest has been killed.
            self.processes.expect_strays_gone(unit)
            return
        self.platform.ask_to_stop(unit.pid, unit.manifest.stop_signal)
        unit.timer = self.loop.call_later(unit.stop_timeout_s, lambda: self._stop_timed_out(unit))

    def _stop_timed_out(self, unit: Unit) -> None:
        self.listener.note("killed", service=unit.name, pid=unit.pid, reason="did not stop in time")
        self.processes.kill(unit)
        unit.timer = self.loop.call_later(_KILL_TIMEOUT_S, lambda: self._cannot_be_killed(unit))

    def _cannot_be_killed(self, unit: Unit) -> None:
        pid = unit.pid
        self.processes.abandon(unit)
        self._fatal(unit, f"its process {pid} cannot be killed (it waits inside the kernel)")

    def _stop_when_free(self, unit: Unit) -> None:
        if unit.state in states.AT_REST or unit.state == states.STOPPING:
            return
        for name in self.graph.dependants.get(unit.name, ()):
            if self.units[name].state not in states.AT_REST and unit.pid:
                return
        self._stop_unit(unit, "the platform stops")

    def _check_all_stopped(self) -> None:
        if self._when_all_stopped and all(
            unit.state in states.AT_REST for unit in (*self.units.values(), *self.leaving.values())
        ):
            done, self._when_all_stopped = self._when_all_stopped, None
            done()

    # For groups

    def hold(self, unit: Unit, reason: str) -> None:
        """Keep a service down until `release`; a running one is stopped."""
        if unit.pid:
            self._stop_unit(unit, reason)
        elif unit.state == states.STARTING:
            self._waiting.discard(unit.name)
            self.processes.end_helper(unit)
            self._set(unit, states.BACKOFF, reason)
        elif unit.state in {states.RUNNING, states.DEGRADED}:
            self._set(unit, states.BACKOFF, reason)

    def release(self, name: str) -> None:
        """Start a service that was held, as soon as its requirements are ready."""
        unit = self.units[name]
        if unit.state in {states.BACKOFF, states.STOPPED} and unit.wanted:
            self._retry(unit)

    def give_up(self, unit: Unit, reason: str) -> None:
        """A person has to act."""
        self._fatal(unit, reason)

    # States

    def _set(self, unit: Unit, state: str, reason: str) -> None:
        before = unit.state
        if before != state and not states.allowed(before, state):
            raise RuntimeError(f"{unit.name}: {before} may not become {state} (docs/states.md)")
        if state not in {states.RUNNING, states.DEGRADED}:
            unit.ready = False
        unit.reason = reason
        if before == state:
            return
        unit.state = state
        unit.since_ns = time.time_ns()
        self.listener.state_changed(unit, before)
        if state == states.RUNNING or state in states.AT_REST or state == states.BACKOFF:
            self._settled(unit)

    def _settled(self, unit: Unit) -> None:
        if self.shutting_down:
            if unit.state in states.AT_REST:
                for name in self.graph.before.get(unit.name, ()):
                    self._stop_when_free(self.units[name])
                self._check_all_stopped()
            return
        for name in tuple(self._waiting):
            if unit.name in self.graph.before[name]:
                waiting = self.units[name]
                waits = blocker(waiting, self.units)
                if waits:
                    waiting.reason = waits
                else:
                    self._waiting.discard(name)
                    self._spawn_in_turn(waiting)

    # Configuration and adoption

    def configure(self, manifests: Iterable[Manifest], make: Callable[[Manifest], Unit]) -> None:
        """Take these services; those that are known already keep their process and state."""
        chosen = list(manifests)
        self.graph = Graph(chosen)
        known, self.units = self.units, {}
        for manifest in chosen:
            unit = known.get(manifest.name) or self.leaving.pop(manifest.name, None) or make(manifest)
            unit.missing = self.graph.missing_wants(manifest.name)
            self.units[manifest.name] = unit

    def retire(self, name: str) -> None:
        """The service is no longer configured: stop it; the configuration that follows forgets it."""
        unit = self.units[name]
        self.stop(name, reason="no longer configured")
        if unit.pid:
            self.leaving[name] = unit
        else:
            self.outputs.close(name)

    def _has_left(self, unit: Unit) -> None:
        if self.leaving.get(unit.name) is unit:
            del self.leaving[unit.name]
            self.outputs.close(unit.name)

    def take_up(self, unit: Unit, pid: int, started_at: float) -> None:
        """Go on with a child of ours that was made before we were there."""
        self.processes.take_up(unit, pid)
        unit.wanted, unit.started_at = True, started_at
        self._set(unit, states.STARTING, "not ready yet")
        self._now_starting(unit)

    def adopt(self, unit: Unit, pid: int, born: int, *, ready: bool) -> bool:
        """Take up a process that an earlier supervisor started; False when it is gone or is another one."""
        if not self.processes.adopt(unit, pid, born):
            return False
        unit.wanted = True
        self._set(unit, states.STARTING, "adopted")
        if ready:
            self.ready(unit)
        else:
            self._await_readiness(unit)
        return True
