"""The processes of the services: which pid is whose, how one is made, and that nothing of it stays."""

import os
from collections.abc import Callable
from typing import NamedTuple, Protocol

from ..configs.errors import SettingsError
from ..configs.schema import SupervisorSettings
from .catalogue.registry import Manifest, program
from .loop import Loop
from .output.outputs import Outputs
from .platform.base import HELPER_VARIABLE, CannotSpawn, Platform, SpawnRequest, describe_exit
from .platform.cgroups import Ceilings
from .start.headstart_plan import Simple
from .start.shapes import shape_of
from .start.surroundings import inherited
from .unit import Unit

_STRAY_TIMEOUT_S = 1.0
_HELPER_TIMEOUT_S = 30.0


class Notes(Protocol):
    """Where things worth knowing are written down."""

    def note(self, event: str, **fields: object) -> None: ...


class _Prepared(NamedTuple):
    """How a service's process is made, but for its output and secrets, and what it was worked out from."""

    manifest: Manifest
    settings: SupervisorSettings
    request: SpawnRequest
    shape: str


class Processes:
    """Spawns, finds and ends processes; decides nothing.

    Args:
        gone: called when a service's process and all it left behind are gone.
        home_argument: the home folder as children get it.
        extra_environment: what every child gets besides our own environment.
    """

    def __init__(
        self,
        loop: Loop,
        platform: Platform,
        outputs: Outputs,
        notes: Notes,
        *,
        gone: Callable[[Unit], None],
        home_argument: str,
        extra_environment: dict[str, str],
    ) -> None:
        self._loop, self._platform, self._outputs, self._notes = loop, platform, outputs, notes
        self._gone = gone
        self._home = home_argument
        self._environment = inherited(extra_environment)
        self._by_pid: dict[int, Unit] = {}
        self._known: dict[str, _Prepared] = {}
        self._by_stray: dict[int, Unit] = {}
        self._helpers: dict[int, Callable[[int | None], None]] = {}
        self.ending = False
        self.hand_over: Callable[[tuple[str, ...]], int] | None = None

    def spawn(self, unit: Unit) -> None:
        """Make the service's process.

        Raises:
            CannotSpawn: with the reason in one sentence.
        """
        manifest = unit.manifest
        try:
            prepared = self._prepared(unit)
            output = self._outputs.open(manifest.name)
            secrets = self._secrets(manifest)
            try:
                unit.pid = self._platform.spawn(prepared.request._replace(output=output, secrets=secrets))
            finally:
                if secrets >= 0:
                    os.close(secrets)
        except OSError as error:  # no descriptor is left
            raise CannotSpawn(
                f"The system has no room for a process now ({error.strerror}).", lasting=False
            ) from error
        unit.shape = prepared.shape
        self._by_pid[unit.pid] = unit
        if manifest.limits.cpu_max_percent is not None and "cpu" not in self._platform.held(unit.name):
            self._notes.note("cpu_max_percent is not enforced", service=unit.name, reason="no control group")

    def _argv(self, manifest: Manifest) -> list[str]:
        return list(manifest.command) or [*program(), "--home", self._home, "service", "run", manifest.name]

    def _prepared(self, unit: Unit) -> _Prepared:
        """Worked out once for a manifest and settings, not once a restart."""
        manifest = unit.manifest
        known = self._known.get(manifest.name)
        if known is None or known.manifest is not manifest or known.settings is not unit.settings:
            request = self._confined(unit, self._request(unit, self._argv(manifest), output=-1))
            known = _Prepared(manifest, unit.settings, request, shape_of(manifest))
            self._known[manifest.name] = known
        return known

    def _secrets(self, manifest: Manifest) -> int:
        """What this service may know, behind a descriptor; -1 for programs of others that name nothing."""
        if self.hand_over is None or not (manifest.target or manifest.secrets):
            return -1
        try:
            return self.hand_over(manifest.secrets)
        except SettingsError as error:
            raise CannotSpawn(str(error), lasting=True) from error

    def _request(self, unit: Unit, argv: list[str], *, output: int) -> SpawnRequest:
        manifest = unit.manifest
        nice, cpus = _priority(unit)
        return SpawnRequest(
            argv,
            {**self._environment, **self._own_environment(manifest)},
            output,
            manifest.directory,
            manifest.limits.rlimits,
            nice,
            cpus,
        )

    def _own_environment(self, manifest: Manifest) -> dict[str, str]:
        return {**manifest.environment, "CRYPTOBOT_HOME": self._home, "CRYPTOBOT_SERVICE": manifest.name}

    def simple(self, unit: Unit) -> Simple | None:
        """How its process is made when one plain call will do for it; None when it takes more."""
        manifest, limits = unit.manifest, unit.manifest.limits
        confined = limits.rlimits or limits.cpu_max_percent or limits.processes or limits.memory_bytes
        if confined or manifest.directory or manifest.secrets or any(_priority(unit)):
            return None
        argv = self._argv(manifest)
        if os.sep not in argv[0]:
            return None  # it is looked for in PATH
        environment = self._own_environment(manifest)
        return Simple(unit.name, argv, environment, bool(manifest.target))

    def _confined(self, unit: Unit, request: SpawnRequest) -> SpawnRequest:
        """For the service itself, not for hooks: with the ceilings that the system may enforce."""
        limits = unit.manifest.limits
        # What only warns or stops must not be killed and restarted by the kernel.
        memory = limits.memory_bytes if limits.action == "restart" else None
        ceilings = Ceilings(memory, limits.cpu_max_percent, limits.processes)
        return request._replace(service=unit.name, ceilings=ceilings if any(ceilings) else None)

    def adopt(self, unit: Unit, pid: int, born: int) -> bool:
        """Take up a process that is not our child; False when it is gone or is another one."""
        if not self._platform.adopt(pid, born):
            return False
        unit.pid, unit.born, unit.adopted = pid, born, True
        self._by_pid[pid] = unit
        return True

    def take_up(self, unit: Unit, pid: int) -> None:
        """A child of ours was made for this service before we were there (headstart.py)."""
        self._platform.expect(pid)
        unit.pid, unit.shape = pid, self._prepared(unit).shape
        self._by_pid[pid] = unit

    def owner(self, pid: int) -> Unit | None:
        """Whose process this is, or in whose session."""
        found = self._by_pid.get(pid)
        if found is not None:
            return found
        for main, unit in self._by_pid.items():
            if self._platform.same_group(pid, main):
                return unit
        return None

    def kill(self, unit: Unit) -> None:
        """Kill the whole tree of a service now."""
        self._platform.kill_tree(unit.pid)

    def abandon(self, unit: Unit) -> None:
        """Kill it and hear no more of it."""
        self._by_pid.pop(unit.pid, None)
        self._platform.kill_tree(unit.pid)
        self._platform.forget(unit.pid)

    def on_exit(self, pid: int, code: int | None) -> None:
        """A process ended: a service's, what one left behind, a helper, the log keeper or an orphan."""
        unit = self._by_pid.pop(pid, None)
        if unit is None:
            self._other_ended(pid, code)
            return
        unit.clear_timer()
        unit.exit_code = code
        unit.kill_reason = unit.kill_reason or (self._platform.limit_hit(unit.name) if code else "")
        self._platform.forget(pid)
        self._outputs.ended(unit.name)
        self._sweep(unit, pid)

    def _other_ended(self, pid: int, code: int | None) -> None:
        helper = self._helpers.pop(pid, None)
        owner = self._by_stray.pop(pid, None)
        if helper is not None:
            self._platform.forget(pid)
            helper(code)
        elif owner is not None:
            owner.strays.discard(pid)
            if not owner.strays:
                self._sweep(owner, 0)
        elif pid == self._outputs.keeper_pid:
            if not self.ending:
                self._notes.note("log keeper ended", pid=pid)
                self._outputs.keeper_ended()
        else:
            self._notes.note("orphan reaped", pid=pid, exit=describe_exit(code))

    def _sweep(self, unit: Unit, main: int) -> None:
        strays = self._platform.strays(unit.name, main)
        if not strays:
            self._all_gone(unit)
            return
        self._notes.note("left processes behind", service=unit.name, pids=sorted(strays))
        unit.strays = set(strays)
        self.expect_strays_gone(unit)
        for stray in strays:
            self._by_stray[stray] = unit
            self._platform.kill_tree(stray)

    def expect_strays_gone(self, unit: Unit) -> None:
        """Strays that are not our children die unseen: go on after a moment in any case."""
        unit.clear_timer()
        unit.timer = self._loop.call_later(_STRAY_TIMEOUT_S, lambda: self._all_gone(unit))

    def _all_gone(self, unit: Unit) -> None:
        unit.clear_timer()
        for stray in unit.strays:
            self._by_stray.pop(stray, None)
        unit.strays = set()
        self._gone(unit)

    def run_helper(self, unit: Unit, argv: tuple[str, ...], done: Callable[[int | None], None]) -> int:
        """Run a short command (a hook, a probe) in the service's environment; `done` gets its exit code.

        Returns its pid; 0 when it cannot be run, and then `done` gets None.
        """
        try:
            request = self._request(unit, list(argv), output=self._outputs.open(unit.name))
            request.environment[HELPER_VARIABLE] = "1"
            pid = self._platform.spawn(request)
        except (CannotSpawn, OSError) as error:
            self._notes.note("cannot run", service=unit.name, command=argv[0], reason=str(error))
            self._loop.call_soon(lambda: done(None))
            return 0
        self._helpers[pid] = done
        self._loop.call_later(_HELPER_TIMEOUT_S, lambda: self._kill_helper(pid))
        return pid

    def end_helper(self, unit: Unit) -> None:
        """The hook of a service is no longer wanted: end it, and let nothing follow."""
        if unit.helper in self._helpers:
            self._helpers[unit.helper] = _ignore
            self._kill_helper(unit.helper)
        unit.helper = 0

    def end_helpers(self) -> None:
        """The supervisor ends: no hook or probe outlives it."""
        for pid in tuple(self._helpers):
            self._kill_helper(pid)

    def _kill_helper(self, pid: int) -> None:
        if pid in self._helpers:
            self._platform.kill_tree(pid)


def _priority(unit: Unit) -> tuple[int, tuple[int, ...]]:
    limits, role = unit.manifest.limits, unit.settings.roles.get(unit.manifest.part)
    return (
        limits.nice or (role.nice if role else 0),
        limits.cpus or (tuple(role.cpus) if role else ()),
    )


def _ignore(_code: int | None) -> None:
    """For a helper whose outcome nobody awaits any more."""
