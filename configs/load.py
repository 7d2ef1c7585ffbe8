"""The layers of settings, put over each other; later wins.

    defaults of the schema < surroundings < profile < config.yaml < environment < command line

Environment: CRYPTOBOT__TRADE__MAX_OPEN_ORDERS=3. Command line: --set trade.max_open_orders=3.
A list in a later layer replaces the one below. So does a map in a file (`strategy.instances` there is all
that runs), except where the schema says that it merges; environment and command line change single entries.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import msgspec

from . import check, rules
from . import shape as shapes
from .errors import SettingsError
from .paths import Home
from .problems import DEFAULT, Origin, Problem, WrongSettingsError
from .schema import Settings
from .shape import Shape
from .surroundings import Fact, Machine, look
from .surroundings import layer as layer_of
from .tree import Branch, Items, Text, Tree, from_text, leaves, parse

PREFIX = "CRYPTOBOT__"
MAX_FILE_BYTES = 4 * 1024 * 1024
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Checked settings and where each value came from. `layers` are the trees, lowest first."""

    settings: Settings
    tree: Branch
    layers: tuple[tuple[str, Branch], ...]

    def origin(self, key: str) -> Origin:
        """Where the value of `trade.max_open_orders` came from; DEFAULT when only the schema gives it."""
        found: Tree = self.tree
        for name in key.split("."):
            if not isinstance(found, Branch) or name not in found.children:
                return DEFAULT
            found = found.children[name]
        return found.origin

    def value(self, key: str) -> Any:
        """The value of a key; a section or map is given as it is.

        Raises:
            SettingsError: there is no such key; the nearest one is named.
        """
        return value_at(self.settings, key)


def load(
    home: Home,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    facts: Sequence[Fact] | None = None,
) -> Loaded:
    """Read, merge and check all layers.

    Args:
        overrides: `section.key=value`, as given with --set.
        environ: instead of the process's environment; then the surroundings choose nothing either.
        facts: about the surroundings, instead of looking.

    Raises:
        SettingsError: something is wrong; the text holds every fault with its place.
    """
    problems: list[Problem] = []
    user = _read_file(home, problems)
    if facts is None:
        facts = look(Machine(home)) if environ is None else ()
    return _assemble(user, overrides, os.environ if environ is None else environ, problems, facts)


def load_text(
    text: str, source: str, overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> Loaded:
    """As `load`, with this text in place of the home's file; used before a change is written.

    Raises:
        SettingsError: something is wrong.
    """
    user, problems = parse(text, "file", source)
    return _assemble(user, overrides, os.environ if environ is None else environ, problems)


def profile_text(name: str) -> str:
    """The YAML of a bundled profile.

    Raises:
        FileNotFoundError: there is no such profile.
    """
    return resources.files(__package__).joinpath("profiles", f"{name}.yaml").read_text(encoding="utf-8")


def value_at(settings: msgspec.Struct, key: str) -> Any:
    """The value at a dotted key.

    Raises:
        SettingsError: there is no such key; the nearest one is named.
    """
    found: Any = settings
    for name in key.split("."):
        if isinstance(found, msgspec.Struct) and name in shapes.fields_of(type(found)):
            found = getattr(found, name)
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            raise unknown_key(key)
    return found


def unknown_key(key: str) -> SettingsError:
    """The error for a key that the schema does not have."""
    meant = shapes.nearest_path(Settings, tuple(key.split(".")))
    hint = f"Did you mean {meant}?" if meant else "`cryptobot config explain` lists all."
    return SettingsError(f"There is no setting {key}. {hint}")


def _assemble(
    user: Branch,
    overrides: Sequence[str],
    environ: Mapping[str, str],
    problems: list[Problem],
    facts: Sequence[Fact] = (),
) -> Loaded:
    upper = [("file", user)]
    base = _merged(upper)
    environment = _environment(environ, base, problems)
    command_line = _command_line(overrides, problems)
    upper += [("environment", environment), ("command line", command_line)]
    above = _merged(upper)
    profile = _profile(above, problems)
    layers = (("surroundings", _surroundings(above, facts)), ("profile", profile), *upper)
    tree = _merged(layers)
    settings, found = check.build(Settings, tree)
    problems.extend(found)
    if settings is not None and not problems:
        loaded = Loaded(settings, tree, layers)
        problems.extend(_broken_rules(loaded))
    if settings is None or problems:
        raise WrongSettingsError(sorted(problems, key=_place))
    return Loaded(settings, tree, layers)


def _place(problem: Problem) -> tuple[str, int, int]:
    return problem.origin.source, problem.origin.line, problem.origin.column


def _broken_rules(loaded: Loaded) -> list[Problem]:
    return [
        Problem(loaded.origin(key), key, str(loaded.value(key)), text)
        for key, text in rules.broken(loaded.settings)
    ]


def _read_file(home: Home, problems: list[Problem]) -> Branch:
    path = home.config_file
    empty = Branch({}, Origin("file", str(path)))
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SettingsError(
                f"The settings file {path} has more than {MAX_FILE_BYTES} bytes; is it the right one?"
            )
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return empty
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"The settings file {path} is no UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from error
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read ({error.strerror}).") from error
    tree, found = parse(text, "file", str(path))
    problems.extend(found)
    return tree


def _profile(upper: Branch, problems: list[Problem]) -> Branch:
    chosen = upper.children.get("profile")
    shape = shapes.fields_of(Settings)["profile"].shape
    name = chosen.text if isinstance(chosen, Text) else "paper"
    if name not in shape.choices:
        return Branch({}, DEFAULT)  # check.build tells what is allowed
    tree, found = parse(profile_text(name), "profile", f"profile {name}")
    problems.extend(found)
    return tree


def _surroundings(upper: Branch, facts: Sequence[Fact]) -> Branch:
    chosen = upper.children.get("surroundings")
    off = isinstance(chosen, Text) and chosen.text == "off"
    return layer_of(() if off else facts)


def _environment(environ: Mapping[str, str], base: Branch, problems: list[Problem]) -> Branch:
    tree = Branch({}, Origin("environment", "environment"))
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        path = _path_of(variable.removeprefix(PREFIX).split("__"), base)
        _put(tree, path, environ[variable], Origin("environment", f"environment {variable}"), problems)
    return tree


def _path_of(words: list[str], base: Branch) -> Path:
    """Names as the schema, or the entries that are there, spell them; variables are in capitals."""
    path: list[str] = []
    here: Tree | None = base
    for word in words:
        shape = shapes.find(Settings, tuple(path))
        is_section = shape is not None and shape.struct is not None
        entries = here.children if isinstance(here, Branch) else {}
        default = _default_entries(tuple(path))
        same = [name for name in (*entries, *default) if name.upper().replace("-", "_") == word.upper()]
        of_sections = shape is not None and shape.item is not None and shape.item.struct is not None
        name = word.lower() if is_section or of_sections else word
        path.append(same[0] if same and not is_section else name)
        here = entries.get(path[-1])
    return tuple(path)


def _default_entries(path: Path) -> dict[str, Any]:
    """Entries that a map has by default; none for anything else."""
    try:
        value = value_at(Settings(), ".".join(path)) if path else None
    except SettingsError:
        return {}
    return value if isinstance(value, dict) else {}


def _command_line(overrides: Sequence[str], problems: list[Problem]) -> Branch:
    tree = Branch({}, Origin("command line", "command line"))
    for override in overrides:
        key, equals, text = override.partition("=")
        origin = Origin("command line", f"--set {key}")
        if not equals or not key:
            problems.append(
                Problem(origin, key, override, f'"{override}" is not of the form section.key=value')
            )
            continue
        _put(tree, tuple(key.strip().split(".")), text, origin, problems)
    return tree


def _put(tree: Branch, path: Path, text: str, origin: Origin, problems: list[Problem]) -> None:
    """Set one value in a tree; the schema says whether the text is a list."""
    shape = shapes.find(Settings, path)
    value, found = from_text(text, origin, shape.kind if shape else "text")
    problems.extend(found)
    for name in path[:-1]:
        below = tree.children.get(name)
        if not isinstance(below, Branch):
            below = Branch({}, origin)
            tree.children[name], tree.places[name] = below, origin
        tree = below
    tree.children[path[-1]], tree.places[path[-1]] = value, origin


def _merged(layers: Sequence[tuple[str, Branch]]) -> Branch:
    merged = Branch({}, DEFAULT)
    for layer, tree in layers:
        merged = _over(merged, tree, Shape(kind="section", struct=Settings), layer, ())
    return merged


def _over(low: Branch, high: Branch, shape: Shape | None, layer: str, path: Path) -> Branch:
    """`high` put over `low`."""
    children, places = dict(low.children), {**low.places, **high.places}
    for name, child in high.children.items():
        inner = _inner(shape, name)
        below = children.get(name)
        if isinstance(child, Branch):
            if inner is not None and inner.kind == "map":
                below = _map_below(inner, below, layer, (*path, name))
            elif below is None:
                below = Branch({}, DEFAULT)
            if isinstance(below, Branch):
                child = _over(below, child, inner, layer, (*path, name))
        children[name] = child
    return Branch(children, high.origin, places)


def _inner(shape: Shape | None, name: str) -> Shape | None:
    if shape is None:
        return None
    if shape.struct is not None:
        entry = shapes.fields_of(shape.struct).get(name)
        return entry.shape if entry else None
    return shape.item


def _map_below(shape: Shape, below: Tree | None, layer: str, path: Path) -> Tree | None:
    """What lies under a map of `layer`: nothing for files, else the entries so far, the schema's if none."""
    if layer in ("profile", "file") and not shape.merges:
        return None
    if below is not None:
        return below
    return as_tree(_default_entries(path), DEFAULT)


def as_tree(value: Any, origin: Origin) -> Tree:
    """Typed values as a tree again."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, dict):
        return Branch({name: as_tree(item, origin) for name, item in value.items()}, origin)
    if isinstance(value, list):
        return Items([as_tree(item, origin) for item in value], origin)
    if value is None:
        return Text("null", origin)
    if isinstance(value, bool):
        return Text("true" if value else "false", origin)
    return Text(str(value), origin, quoted=isinstance(value, str))


def keys_of(loaded: Loaded) -> list[str]:
    """Dotted paths of everything that some layer gives."""
    return [".".join(path) for path, _ in leaves(loaded.tree)]
