"""Drawing the graph of services: as text, for Graphviz, for Mermaid."""

from collections.abc import Mapping

from .order import Graph

_COLOURS = {
    "RUNNING": "palegreen",
    "STARTING": "lightyellow",
    "DEGRADED": "orange",
    "BACKOFF": "orange",
    "FATAL": "salmon",
}


def text(graph: Graph, states: Mapping[str, str]) -> str:
    """Waves of starting, one line a service with what it waits for."""
    lines = []
    for number, wave in enumerate(graph.layers(), start=1):
        lines.append(f"{number}.")
        for name in wave:
            needed = _described(graph, name)
            state = states.get(name, "")
            lines.append(f"   {name:<12} {state:<9} {needed}".rstrip())
    return "\n".join(lines) + "\n"


def _described(graph: Graph, name: str) -> str:
    node = graph.nodes[name]
    parts = []
    for word, names in (("requires", node.requires), ("wants", node.wants), ("after", node.after)):
        if names:
            parts.append(f"{word} {', '.join(names)}")
    return "; ".join(parts)


def dot(graph: Graph, states: Mapping[str, str]) -> str:
    """For Graphviz: solid lines are required, dashed ones wanted, dotted ones only an order."""
    lines = ["digraph services {", "  rankdir=LR;", "  node [shape=box, style=filled];"]
    for name in graph.nodes:
        lines.append(f'  "{name}" [fillcolor={_COLOURS.get(states.get(name, ""), "white")}];')
    for name, other, style in _edges(graph):
        lines.append(f'  "{name}" -> "{other}" [style={style}];')
    return "\n".join([*lines, "}"]) + "\n"


def mermaid(graph: Graph, states: Mapping[str, str]) -> str:
    """For Mermaid, as Markdown pages show it."""
    arrows = {"solid": "-->", "dashed": "-.->", "dotted": "-.->"}
    lines = ["flowchart LR"]
    for name in graph.nodes:
        state = states.get(name, "")
        lines.append(f'  {_identifier(name)}["{name}{": " + state if state else ""}"]')
    for name, other, style in _edges(graph):
        lines.append(f"  {_identifier(name)} {arrows[style]} {_identifier(other)}")
    return "\n".join(lines) + "\n"


def _identifier(name: str) -> str:
    return "s_" + name.replace("-", "_")


def _edges(graph: Graph) -> list[tuple[str, str, str]]:
    edges: list[tuple[str, str, str]] = []
    for name, node in graph.nodes.items():
        for style, others in (("solid", node.requires), ("dashed", node.wants), ("dotted", node.after)):
            edges.extend((name, other, style) for other in others if other in graph.nodes)
    return edges
