"""What the person at `cryptobot top` has chosen: a service, a view, an action that waits for a yes."""

from collections.abc import Sequence

SERVICES, LOG = "services", "log"
_ACTIONS = {"s": "start", "x": "stop", "r": "restart"}
HELP = "↑↓ choose · l log · s start · x stop · r restart · q ends"
LOG_HELP = "↑↓ another service · l services · q ends"


class Cockpit:
    """Turns keys into choices; does nothing itself.

    A stop or a restart asks first: the money path may hang on it.
    """

    def __init__(self) -> None:
        self.view = SERVICES
        self.chosen = ""
        self.asking = ""
        self.message = ""

    def press(self, key: str, names: Sequence[str]) -> tuple[str, str] | None:
        """Take a key; an action and its service when one is to be carried out."""
        self.settle(names)
        if self.asking:
            action, self.asking = self.asking, ""
            if key in {"y", "Y"}:
                return action, self.chosen
            self.message = f"{self.chosen} was left as it is."
            return None
        self.message = ""
        if key in {"up", "k", "down", "j"} and names:
            step = -1 if key in {"up", "k"} else 1
            self.chosen = names[(names.index(self.chosen) + step) % len(names)]
        elif key == "l":
            self.view = SERVICES if self.view == LOG else LOG
        elif key in _ACTIONS and self.chosen:
            if _ACTIONS[key] == "start":
                return "start", self.chosen
            self.asking = _ACTIONS[key]
        return None

    def settle(self, names: Sequence[str]) -> None:
        """A service that is gone cannot be chosen."""
        if self.chosen not in names:
            self.chosen = names[0] if names else ""
            self.asking = ""

    def footer(self) -> str:
        """The last line of the screen."""
        if self.asking:
            return f"{self.asking.capitalize()} {self.chosen}? y is yes, any other key no"
        return self.message or (LOG_HELP if self.view == LOG else HELP)
