"""docs/settings.md and the JSON Schema, made from the schema so that they cannot be wrong.

`python -m cryptobot.configs.reference docs` writes both; a test fails when they are stale.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from . import shape as shapes
from .explain import shown
from .schema import Settings
from .shape import Field, Shape
from .values import allowed

_APPLIES = {"live": "at once", "restart": "restarts the service", "person": "needs a person"}
_HEAD = """\
# Settings
Made from `configs/schema.py` by `python -m cryptobot.configs.reference docs`; do not edit.

Settings come in layers, the later one wins: defaults, profile (`paper`, `dev`, `prod`, `minimal`),
`config.yaml` in the home folder, environment (`CRYPTOBOT__TRADE__MAX_OPEN_ORDERS=3`), command line
(`--set trade.max_open_orders=3`). `cryptobot config explain KEY` tells where a value came from,
`cryptobot config set KEY VALUE` changes it and keeps your comments, `cryptobot config history` and `rollback`
take you back.

- A duration is written `90`, `90s`, `250ms`, `5m`, `1h30m`, `2d`, `1w`; a size `4096`, `64KiB`, `10MB`.
- A decimal keeps every digit that you write.
- `true` and `false` are the only truth values; `yes` and `on` are text.
- A list in a later layer replaces the list below, and so does a map in a file (the strategies in yours are
  all that run); maps marked *joins* are joined instead. Environment and command line change single entries.
"""


def settings_markdown() -> str:
    """The text of docs/settings.md."""
    blocks = [_HEAD]
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
