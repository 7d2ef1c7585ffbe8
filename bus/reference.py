"""The table of messages in docs/protocol.md, made from the contracts so that it cannot be wrong.

python -m cryptobot.bus.reference docs/protocol.md
"""

import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from . import contracts
from .contracts.base import SCHEMAS, Delivery, Message

HEADING = "## Messages\n"


def schemas() -> list[type[Message]]:
    """Every message class of the product, by number."""
    for module in iter_modules(contracts.__path__):
        import_module(f"{contracts.__name__}.{module.name}")
    own = [each for each in SCHEMAS.values() if each.__module__.startswith(contracts.__name__)]
    return sorted(own, key=lambda each: each.SCHEMA_ID)


def table() -> str:
    """The messages as a Markdown table."""
    lines = ["| number | message | kind | fields | what it says |", "|---|---|---|---|---|"]
    for schema in schemas():
        fields = ", ".join(f"`{name}`" for name in schema.__struct_fields__)
        says = " ".join((schema.__doc__ or "").strip().split("\n\n")[0].split()).replace("|", "\\|")
        lines.append(
            f"| {schema.SCHEMA_ID:#06x} | `{schema.__name__}` | {_kind(schema)} | {fields} | {says} |"
        )
    return "\n".join(lines) + "\n"


def _kind(schema: type[Message]) -> str:
    if schema.DELIVERY is not Delivery.REQUEST or schema.REPLY is None:
        return schema.DELIVERY.value
    permission = f", needs `{schema.PERMISSION}`" if schema.PERMISSION else ""
    return f"request, answered by `{schema.REPLY.__name__}`{permission}"


def renewed(page: str) -> str:
    """The page with its table as it should be."""
    before, _, _ = page.partition(HEADING)
    return before + HEADING + table()


def main(arguments: list[str]) -> int:
    """Renew the page named."""
    path = Path(arguments[0])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
