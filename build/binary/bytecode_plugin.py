"""A plugin of Nuitka: our own code becomes C, everything else stays bytecode.

Third-party code gains nothing by it (docs/binary.md has the figures), and costs half an hour of compiling.
"""

import os

from nuitka.plugins.PluginBase import NuitkaPluginBase

_OURS = ("cryptobot", "entry")
_ALWAYS = (
    "entry",
    "cryptobot.configs.frozen",
)  # it tells by Nuitka's marks in it that the program is compiled
_QUICK = os.environ.get("CRYPTOBOT_BINARY_QUICK") == "1"
_DECIDED_BY_NUITKA = ("xmlrpc.server",)


class NuitkaPluginThirdPartyAsBytecode(NuitkaPluginBase):
    """Answers for each module whether it is compiled. Nuitka's own additions have a hyphen or underscores."""

    plugin_name = "third-party-as-bytecode"
    plugin_desc = "Only our own code becomes C."

    @staticmethod
    def isAlwaysEnabled() -> bool:  # noqa: N802 - the name is Nuitka's
        """No option switches it on."""
        return True

    def decideCompilation(self, module_name: object) -> str | None:  # noqa: N802 - the name is Nuitka's
        """`bytecode`, or None for what Nuitka does by itself."""
        name = str(module_name)
        added = "-" in name or name.startswith("__")
        ours = name in _ALWAYS if _QUICK else name.partition(".")[0] in _OURS
        return None if added or ours or name in _DECIDED_BY_NUITKA else "bytecode"
