"""Settings out of a home and into another, and the templates to start from. Never with secrets."""

from importlib import resources

from .edit import put_text
from .errors import SettingsError
from .history import Revision
from .load import Loaded, as_tree
from .paths import Home
from .problems import DEFAULT
from .schema import Settings
from .shape import fields_of, nearest
from .tree import Branch, Items, Text, Tree
from .yamltext import written_value


def export(loaded: Loaded, *, everything: bool = False) -> str:
    """The settings as YAML: what differs from the schema's defaults, or everything, each as it is in force.

    Secrets are kept elsewhere (`cryptobot secret list`) and are never part of it.
    """
    tree = as_tree(loaded.settings, DEFAULT) if everything else loaded.tree
    lines = ["# Exported by `cryptobot config export`; `cryptobot config import FILE` reads it."]
    if isinstance(tree, Branch):
        ordered = [name for name in fields_of(Settings) if name in tree.children]
        for name in ordered:
            lines += _lines(name, tree.children[name], 0)
    return "\n".join(lines) + "\n"


def import_text(
    home: Home, text: str, *, actor: str, source: str = "import", expected: str = ""
) -> Revision | None:
    """Check a text from elsewhere and make it config.yaml; the text before stays in the history.

    Raises:
        SettingsError: something in it is wrong; nothing was changed.
    """
    return put_text(home, text, actor=actor, source=source, summary="imported", expected=expected)


def template_names() -> list[str]:
    """Names of the bundled templates."""
    folder = resources.files(__package__).joinpath("templates")
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def template(name: str) -> str:
    """The text of a template; its first comment says what it is for.

    Raises:
        SettingsError: there is no such template.
    """
    names = template_names()
    if name not in names:
        meant = nearest(name, names)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(names)}."
        raise SettingsError(f"There is no template {name}; {hint}")
    return resources.files(__package__).joinpath("templates", f"{name}.yaml").read_text(encoding="utf-8")


def _lines(name: str, tree: Tree, depth: int) -> list[str]:
    pad = "  " * depth
    key = written_value(name, "text")
    if isinstance(tree, Text):
        return [f"{pad}{key}: {_scalar(tree)}"]
    if isinstance(tree, Items):
        items = ", ".join(_scalar(item) for item in tree.items if isinstance(item, Text))
        return [f"{pad}{key}: [{items}]"]
    if not tree.children:
        return [f"{pad}{key}: {{}}"]
    lines = [f"{pad}{key}:"]
    for child_name, child in tree.children.items():
        lines += _lines(child_name, child, depth + 1)
    return lines


def _scalar(tree: Text) -> str:
    if tree.is_null:
        return "null"
    return written_value(tree.text, "text" if tree.quoted else "scalar")
