"""docs/settings.md and the JSON Schema, made from the schema so that they cannot be wrong.

`python -m cryptobot.configs.reference docs` writes both; a test fails when they are stale.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from . import shape as shapes
from .exchange import template, template_names
from .explain import shown
from .load import profile_text
from .schema import Settings
from .shape import Field, Shape
from .surroundings import CHOSEN
from .tree import describe, leaves, parse
from .values import allowed

_APPLIES = {"live": "at once", "restart": "restarts its services", "person": "needs a person"}
_LONG_DEFAULT = 80  # a table shows the names of a longer map
_HEAD = """\
# Settings
Made from `configs/schema.py` by `python -m cryptobot.configs.reference docs`; do not edit this page.

Everything has a default: CryptoBot runs without a file, on paper money. What you want otherwise stands in
`config.yaml` in the home folder. Begin with a template, then change single keys:

    cryptobot config import --template dip-buyer      a start for a common case, listed below
    cryptobot config set trade.max_order_value 250    checked first; your comments and order are kept
    cryptobot reload                                  puts it in force and restarts only what must

## Commands
| `cryptobot config …` | what it does |
|---|---|
| `get KEY`, `explain [KEY]` | the value; what the key means, what is allowed, and who said so |
| `set KEY VALUE`, `set A=1 B=2`, `set --unset KEY` | change `config.yaml`; says what a reload will do |
| `check [FILE]` | every fault at once: file, line, key, what was found, what is allowed, what was meant |
| `diff` | what differs from the defaults, and why |
| `history`, `rollback NUMBER` | who changed what, when, from where; go back, which is itself a change |
| `export`, `import FILE` | take settings to another home; secrets are never among them |

## Layers
The later one wins: defaults, surroundings, profile, `config.yaml`, environment
(`CRYPTOBOT__TRADE__MAX_OPEN_ORDERS=3`), command line (`--set trade.max_open_orders=3`).

A list in a later layer replaces the list below, and so does a map in a file (the strategies in yours are all
that run); maps marked *joins* are joined instead. Environment and command line change single entries.

## Writing values
    trade:                          # sections and keys; a # begins a comment
      max_order_value: 250.50       # a decimal keeps every digit
    data:
      symbols: [BTC/USDT, ETH/USDT] # a list
    supervisor:
      start_timeout_s: 1m30s        # durations: 90, 90s, 250ms, 5m, 1h30m, 2d, 1w
    bus:
      journal_max_bytes: 64MiB      # sizes: 4096, 64KiB, 10MB
    services:
      paper: {enabled: true}        # true and false; yes and on are text

## When a change counts
| *a change* below | means |
|---|---|
| at once | within a second of `cryptobot reload`; nothing restarts |
| restarts its services | `cryptobot reload` restarts those that read it, and no others |
| needs a person | not before you `cryptobot down` and `up`; a reload leaves it and says so |
"""


def settings_markdown() -> str:
    """The text of docs/settings.md."""
    blocks = [_HEAD, _templates(), _profiles(), _surroundings(), _sections()]
    top = [entry for entry in shapes.fields_of(Settings).values() if entry.shape.struct is None]
    blocks.append("## Top level\n" + _table("", top))
    for name, entry in shapes.fields_of(Settings).items():
        if entry.shape.struct is not None:
            fields = list(shapes.fields_of(entry.shape.struct).values())
            blocks.append(f"## {name}\n{entry.shape.help}\n\n{_table(name, fields)}")
    for title, struct in _map_sections():
        fields = list(shapes.fields_of(struct).values())
        blocks.append(f"## {title}\n{struct.__doc__}\n\n{_table(title, fields)}")
    return "\n".join(blocks)


def _templates() -> str:
    lines = ["## Templates", "| name | for |", "|---|---|"]
    for name in template_names():
        words = template(name).partition("\n")[0].lstrip("# ").rstrip()
        lines.append(f"| `{name}` | {words} |")
    return "\n".join(lines) + "\n"


def _profiles() -> str:
    """What each profile says, from its own file."""
    lines = ["## Profiles", "`profile: NAME` in `config.yaml` chooses one.", "", "| name | for | changes |"]
    lines.append("|---|---|---|")
    for name in shapes.fields_of(Settings)["profile"].shape.choices:
        text = profile_text(name)
        tree, _ = parse(text, "profile", name)
        words = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
        said = [(".".join(path), describe(leaf).strip('"')) for path, leaf in leaves(tree)]
        told = ", ".join(f"`{key}: {value}`" for key, value in said)
        lines.append(f"| `{name}` | {words} | {told} |")
    return "\n".join(lines) + "\n"


def _surroundings() -> str:
    lines = [
        "## Surroundings",
        "Container, CI, systemd, WSL, a missing display, a laptop on battery, little memory, a small disk, a",
        "home that is read-only, on a share or in memory: `cryptobot doctor` says what was found and what to",
        "do. These few choose values by themselves, never about money; `surroundings: off` leaves that out.",
        "",
        "| found | chooses |",
        "|---|---|",
    ]
    for name, chosen in CHOSEN.items():
        told = ", ".join(f"`{key}: {value}`" for key, value in chosen.items())
        lines.append(f"| {name} | {told} |")
    return "\n".join(lines) + "\n"


def _sections() -> str:
    lines = ["## Sections", "| section | about |", "|---|---|"]
    for name, entry in shapes.fields_of(Settings).items():
        if entry.shape.struct is not None:
            lines.append(f"| [`{name}`](#{name}) | {entry.shape.help} |")
    return "\n".join(lines) + "\n"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a settings file; drives forms and editors."""
    schema = _section_schema(Settings)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CryptoBot settings",
        **schema,
    }


def _map_sections() -> list[tuple[str, type[msgspec.Struct]]]:
    found = []
    for path, entry in shapes.walk(Settings):
        item = entry.shape.item
        if entry.shape.kind == "map" and item is not None and item.struct is not None:
            found.append((".".join(path) + ".NAME", item.struct))
    return found


def _table(prefix: str, fields: list[Field]) -> str:
    lines = ["| key | default | allowed | what it does | a change |", "|---|---|---|---|---|"]
    for entry in fields:
        key = f"{prefix}.{entry.name}" if prefix else entry.name
        default = "required" if entry.default is msgspec.NODEFAULT else f"`{_default(entry)}`"
        joins = " (*joins*)" if entry.shape.merges else ""
        words = allowed(entry.shape).replace("|", "\\|")
        applies = _APPLIES[entry.shape.applies]
        lines.append(f"| `{key}` | {default} | {words}{joins} | {entry.shape.help} | {applies} |")
    return "\n".join(lines) + "\n"


def _default(entry: Field) -> str:
    text = shown(entry.default, entry.shape.unit)
    if isinstance(entry.default, dict) and len(text) > _LONG_DEFAULT:
        return ", ".join(entry.default)
    return text if text else '""'


def _section_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    fields = shapes.fields_of(struct)
    required = [name for name, entry in fields.items() if entry.default is msgspec.NODEFAULT]
    schema: dict[str, Any] = {
        "type": "object",
        "description": (struct.__doc__ or "").strip(),
        "properties": {name: _field_schema(entry) for name, entry in fields.items()},
        "additionalProperties": False,
    }
    return schema | ({"required": required} if required else {})


def _field_schema(entry: Field) -> dict[str, Any]:
    schema = _value_schema(entry.shape)
    if entry.shape.help:
        schema["description"] = entry.shape.help
    if entry.default is not msgspec.NODEFAULT and entry.shape.struct is None:
        schema["default"] = json.loads(msgspec.json.encode(entry.default))
    for name in ("unit", "applies"):
        value = getattr(entry.shape, name)
        if value and entry.shape.struct is None:
            schema[f"x-{name}"] = value
    return schema


def _value_schema(shape: Shape) -> dict[str, Any]:
    if shape.struct is not None:
        return _section_schema(shape.struct)
    if shape.kind == "map" and shape.item is not None:
        return {"type": "object", "additionalProperties": _value_schema(shape.item)}
    if shape.kind == "list" and shape.item is not None:
        return {"type": "array", "items": _value_schema(shape.item)}
    if shape.kind in ("int", "float", "decimal"):
        return _number_schema(shape)
    schemas: dict[str, dict[str, Any]] = {
        "bool": {"type": "boolean"},
        "text": {"type": "string"},
        "choice": {"enum": list(shape.choices)},
        "scalar": {"type": ["string", "number", "boolean"]},
    }
    schema = schemas[shape.kind]
    if shape.pattern:
        schema["pattern"] = shape.pattern
    if shape.max_length is not None:
        schema["maxLength"] = shape.max_length
    return _or_null(schema, shape)


def _number_schema(shape: Shape) -> dict[str, Any]:
    """A number, or text: decimals in quotes, durations and sizes with their units."""
    kind = "integer" if shape.kind == "int" else "number"
    names = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
    limits = {names[name]: float(limit) for name, limit in shape.bounds.items()}
    number: dict[str, Any] = {"type": kind, **limits}
    texts = shape.kind == "decimal" or shape.unit in ("s", "bytes")
    return _or_null({"anyOf": [number, {"type": "string"}]} if texts else number, shape)


def _or_null(schema: dict[str, Any], shape: Shape) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]} if shape.optional else schema


def files() -> dict[str, str]:
    """Name in docs/ and content of everything that is made here."""
    return {
        "settings.md": settings_markdown(),
        "settings.schema.json": json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n",
    }


def main(arguments: list[str]) -> int:
    """Write the files into the folder named."""
    for name, text in files().items():
        Path(arguments[0], name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
