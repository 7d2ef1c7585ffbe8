"""The order of starting and stopping, from what services require, want and come after."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ...configs.errors import SettingsError


class Node(Protocol):
    """What the resolver reads of a manifest."""

    @property
    def name(self) -> str: ...
    @property
    def requires(self) -> tuple[str, ...]: ...
    @property
    def wants(self) -> tuple[str, ...]: ...
    @property
    def after(self) -> tuple[str, ...]: ...


class Graph:
    """A checked graph of services.

    Args:
        nodes: manifests or anything with name, requires, wants, after.

    Raises:
        SettingsError: a name is used twice, a required name is unknown, or services wait for each other.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes: dict[str, Node] = {}
        for node in nodes:
            if node.name in self.nodes:
                raise SettingsError(f"Two services are called {node.name!r}; rename one of them.")
            self.nodes[node.name] = node
        for node in self.nodes.values():
            for wanted in node.requires:
                self._check_known(node, wanted)
        self.before: dict[str, tuple[str, ...]] = {
            name: self._edges(node) for name, node in self.nodes.items()
        }
        self.dependants: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, earlier in self.before.items():
            for other in earlier:
                self.dependants[other].append(name)
        self._refuse_cycles()

    def _check_known(self, node: Node, wanted: str) -> None:
        if wanted in self.nodes:
            return
        import difflib  # for errors alone

        near = difflib.get_close_matches(wanted, self.nodes, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(self.nodes))}."
        raise SettingsError(f"Service {node.name!r} requires {wanted!r}, which does not exist{hint}")

    def _edges(self, node: Node) -> tuple[str, ...]:
        named = (*node.requires, *node.wants, *node.after)
        return tuple(dict.fromkeys(other for other in named if other in self.nodes))

    def missing_wants(self, name: str) -> list[str]:
        """Names that a service wants or comes after and that do not exist: it starts without them."""
        node = self.nodes[name]
        return [other for other in dict.fromkeys((*node.wants, *node.after)) if other not in self.nodes]

    def _refuse_cycles(self) -> None:
        done: set[str] = set()
        for start in self.nodes:
            path: list[str] = []
            self._walk(start, path, set(), done)

    def _walk(self, start: str, path: list[str], on_path: set[str], done: set[str]) -> None:
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            name, index = stack.pop()
            if index == 0:
                if name in done:
                    continue
                path.append(name)
                on_path.add(name)
            earlier = self.before[name]
            if index == len(earlier):
                path.pop()
                on_path.discard(name)
                done.add(name)
                continue
            stack.append((name, index + 1))
            following = earlier[index]
            if following in on_path:
                circle = [*path[path.index(following) :], following]
                raise SettingsError(
                    f"Services wait for each other: {' > '.join(circle)}; take one of these dependencies out."
                )
            stack.append((following, 0))

    def layers(self) -> list[list[str]]:
        """Names in waves: each wave needs only what is in the waves before it."""
        left = {name: len(earlier) for name, earlier in self.before.items()}
        wave = [name for name, count in left.items() if count == 0]
        waves: list[list[str]] = []
        while wave:
            waves.append(wave)
            following: list[str] = []
            for name in wave:
                for dependant in self.dependants[name]:
                    left[dependant] -= 1
                    if left[dependant] == 0:
                        following.append(dependant)
            wave = following
        return waves

    def start_order(self) -> list[str]:
        """All names, what is needed first."""
        return [name for wave in self.layers() for name in wave]

    def with_requirements(self, names: Iterable[str]) -> list[str]:
        """The names and all that they require or want, in start order."""
        chosen: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in chosen or name not in self.nodes:
                continue
            chosen.add(name)
            todo.extend((*self.nodes[name].requires, *self.nodes[name].wants))
        return [name for name in self.start_order() if name in chosen]

    def path_to(self, name: str, other: str) -> list[str]:
        """The shortest chain by which `name` needs `other`; empty when it does not."""
        paths: Sequence[list[str]] = [[name]]
        seen = {name}
        while paths:
            longer: list[list[str]] = []
            for path in paths:
                if path[-1] == other:
                    return path
                for following in self.before[path[-1]]:
                    if following not in seen:
                        seen.add(following)
                        longer.append([*path, following])
            paths = longer
        return []


def nearest(name: str, known: Mapping[str, object]) -> str:
    """A hint for an unknown name: the nearest known one, or all of them."""
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}."
