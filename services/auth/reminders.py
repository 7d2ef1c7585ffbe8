"""Reminds of secrets that are older than their policy allows."""

from collections.abc import Callable

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.service import Alert
from ...configs.errors import SettingsError
from ...configs.sections.secrets import SecretsSettings
from ...configs.vault import Vault


class SecretReminder:
    """Raises an alert for each secret that is due for a change, and ends it when it was changed.

    Args:
        vault: only names and dates are read; no master key is needed.
        policy: the settings in force.
    """

    def __init__(self, bus: AsyncBusApi, vault: Vault, policy: Callable[[], SecretsSettings]) -> None:
        self._bus, self._vault, self._policy = bus, vault, policy
        self._told: set[str] = set()
        self._master_told = False

    def look(self) -> None:
        """Compare the secrets with what was told before; called every few minutes."""
        try:
            due = {info.name: info.rotate_days for info in self._vault.names() if info.due}
            days = self._policy().master_rotate_days
            self._look_at_master(self._vault.master_due(days), days)
        except SettingsError:
            return  # whoever needs a secret is told by the error of that moment
        for name in sorted(due.keys() - self._told):
            self._tell(name, f"It is older than {due[name]} days. Change it at its venue and store it anew.")
        for name in sorted(self._told - due.keys()):
            self._tell(name, "It was changed.", recovered=True)
        self._told = set(due)

    def _look_at_master(self, due: bool, days: int) -> None:
        if due != self._master_told:
            detail = f"It is older than {days} days; `cryptobot secret rotate` makes another one."
            self._bus.publish(
                topics.alert("warning"),
                Alert(
                    key="secret.due.master",
                    severity="warning",
                    source="auth",
                    title="The master key of the secrets is due for a change",
                    detail=detail if due else "It was changed.",
                    recovered=not due,
                ),
            )
            self._master_told = due

    def _tell(self, name: str, detail: str, *, recovered: bool = False) -> None:
        alert = Alert(
            key=f"secret.due.{name}",
            severity="warning",
            source="auth",
            title=f"The secret {name} is due for a change",
            detail=detail,
            recovered=recovered,
        )
        self._bus.publish(topics.alert("warning"), alert)
