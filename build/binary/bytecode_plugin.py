"""A plugin of Nuitka: what becomes C (with --compile our own code), and what stays bytecode (all else).

Third-party code gains nothing by it, and costs half an hour of compiling (docs/decisions/0130).
"""

import os

from nuitka.plugins.PluginBase import NuitkaPluginBase

_OURS = ("cryptobot", "entry")
_ALWAYS = (
    "entry",
    "cryptobot.configs.frozen",
)  # it tells by Nuitka's marks in it that the program is compiled
_ALL_OF_OURS = os.environ.get("CRYPTOBOT_BINARY_COMPILE") == "1"
_DECIDED_BY_NUITKA = ("xmlrpc.server",)


class NuitkaPluginThirdPartyAsBytecode(NuitkaPluginBase):
    """Answers for each module whether it is compiled. Nuitka's own additions have a hyphen or underscores."""

    plugin_name = "third-party-as-bytecode"
    plugin_desc = "At most our own code becomes C."

    @staticmethod
    def isAlwaysEnabled() -> bool:  # noqa: N802 - the name is Nuitka's
        """No option switches it on."""
        return True

    def decideCompilation(self, module_name: object) -> str | None:  # noqa: N802 - the name is Nuitka's
        """`bytecode`, or None for what Nuitka does by itself."""
        name = str(module_name)
        added = "-" in name or name.startswith("__")
        ours = name.partition(".")[0] in _OURS if _ALL_OF_OURS else name in _ALWAYS
        return None if added or ours or name in _DECIDED_BY_NUITKA else "bytecode"
