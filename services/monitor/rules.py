"""Alert rules: a value above its threshold for long enough, told once, and taken back when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...bus.contracts.service import Alert
from ...configs.sections.monitor import AlertRule

SOURCE = "monitor"
_UNITS = {
    "cpu_percent": "% CPU",
    "loop_lag_ms": "ms behind in its loop",
    "threads": "threads",
    "open_files": "open files",
    "silent_s": "s without a heartbeat",
    "restarts_per_hour": "restarts within an hour",
    "rss_bytes": "MiB of resident memory",
    "pss_bytes": "MiB of memory of its own",
    "disk_bytes": "MiB on the disk",
}
Values = Mapping[str, float]


@dataclass(slots=True)
class _Watch:
    """One rule on one service. `since`, on the caller's clock, is when the threshold was last crossed."""

    above: bool = False
    since: float = 0.0
    open: bool = False


class RuleBook:
    """Judges the present values once a second; remembers what it has told.

    Args:
        rules: by name, as the settings have them.
        open_keys: alerts that an earlier life of this process raised and nobody took back.
    """

    def __init__(self, rules: Mapping[str, AlertRule], open_keys: frozenset[str] = frozenset()) -> None:
        self._rules = {name: rule for name, rule in rules.items() if rule.enabled}
        self._watches: dict[tuple[str, str], _Watch] = {}
        for name in self._rules:
            prefix = key_of(name, "")
            for key in open_keys:
                if key.startswith(prefix):
                    self._watches[name, key.removeprefix(prefix)] = _Watch(above=True, open=True)
        self._orphans = {key for key in open_keys if key.startswith("rule.") and not self._knows(key)}

    def _knows(self, key: str) -> bool:
        return any(key.startswith(key_of(name, "")) for name in self._rules)

    def judge(self, now: float, services: Mapping[str, Values]) -> list[Alert]:
        """What is to be told now.

        Args:
            now: a monotonic clock, in seconds.
            services: the present values of each service; what is missing is not above anything.
        """
        told = [_alert(key, "info", "The rule is gone", "It is no longer in the settings.", recovered=True)
                for key in sorted(self._orphans)]  # fmt: skip
        self._orphans.clear()
        for name, rule in self._rules.items():
            watched = {service for rule_name, service in self._watches if rule_name == name}
            for service in sorted(watched | set(services)):
                if rule.service in {"*", service}:
                    found = self._look(name, rule, service, services.get(service, {}), now)
                    told.extend([found] if found else [])
        return told

    def _look(self, name: str, rule: AlertRule, service: str, values: Values, now: float) -> Alert | None:
        value = values.get(rule.metric)
        above = value is not None and value > rule.above
        watch = self._watches.get((name, service))
        if watch is None:
            if not above:
                return None
            watch = self._watches[name, service] = _Watch()
        if above != watch.above:
            watch.above, watch.since = above, now
        if now - watch.since < rule.for_s or above == watch.open:
            if not above and not watch.open:
                del self._watches[name, service]
            return None
        watch.open = above
        if not above:
            del self._watches[name, service]
        return _told(name, rule, service, value, above)


def key_of(rule: str, service: str) -> str:
    """The key of a rule's alert about one service."""
    return f"rule.{rule}.{service}"


def _told(name: str, rule: AlertRule, service: str, value: float | None, above: bool) -> Alert:
    scale = 1_048_576 if rule.metric.endswith("_bytes") else 1
    unit, limit = _UNITS[rule.metric], f"{rule.above / scale:g}"
    lasting = f" for {rule.for_s:g} s" if rule.for_s else ""
    if above:
        assert value is not None
        detail = f"{service}: {value / scale:.4g} {unit}, above {limit}{lasting} (rule {name})."
    else:
        detail = f"{service}: {unit} not above {limit} any more (rule {name})."
    return _alert(
        key_of(name, service), rule.severity, f"{service}: {unit} above {limit}", detail, recovered=not above
    )


def _alert(key: str, severity: str, title: str, detail: str, *, recovered: bool) -> Alert:
    return Alert(key=key, severity=severity, source=SOURCE, title=title, detail=detail, recovered=recovered)
