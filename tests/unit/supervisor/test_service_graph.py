"""The resolver, the drawings, the plans' texts: pure functions over manifests."""

from itertools import pairwise

import pytest
from cryptobot.configs.errors import SettingsError
from cryptobot.supervisor.catalogue.graph import dot, mermaid, text
from cryptobot.supervisor.catalogue.order import Graph, nearest
from cryptobot.supervisor.catalogue.registry import Manifest
from hypothesis import given
from hypothesis import strategies as st


def _manifest(name: str, requires: str = "", wants: str = "", after: str = "") -> Manifest:
    return Manifest(
        name=name,
        command=("true",),
        requires=tuple(requires.split()),
        wants=tuple(wants.split()),
        after=tuple(after.split()),
    )


def test_waves_hold_what_can_start_together() -> None:
    """Each wave needs only what is in the waves before it."""
    graph = Graph([_manifest("c", "b"), _manifest("b", "a"), _manifest("a"), _manifest("d", "", "a")])
    assert graph.layers() == [["a"], ["b", "d"], ["c"]]
    assert graph.start_order() == ["a", "b", "d", "c"]


def test_start_takes_along_what_is_required_or_wanted_but_not_what_only_comes_before() -> None:
    """`after` is an order, not a need."""
    graph = Graph([_manifest("a"), _manifest("b"), _manifest("c"), _manifest("d", "a", "b", "c")])
    assert graph.with_requirements(["d"]) == ["a", "b", "d"]


@pytest.mark.parametrize(
    ("edges", "path"),
    [
        ({"a": "b", "b": "c", "c": "a"}, "a > b > c > a"),
        ({"a": "a"}, "a > a"),
        ({"a": "", "b": "a c", "c": "d", "d": "c"}, "c > d > c"),
    ],
)
def test_a_cycle_is_named_with_its_path(edges: dict[str, str], path: str) -> None:
    """The reader sees which dependency to take out."""
    with pytest.raises(SettingsError, match=path):
        Graph([_manifest(name, requires) for name, requires in edges.items()])


def test_a_cycle_through_wants_and_after_is_a_cycle_too() -> None:
    """Both order the start."""
    with pytest.raises(SettingsError, match="a > b > a"):
        Graph([_manifest("a", wants="b"), _manifest("b", after="a")])


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40))
def test_every_graph_is_ordered_or_refused(pairs: list[tuple[int, int]]) -> None:
    """Whatever the edges: either each service comes after all it needs, or the cycle is real."""
    needs: dict[int, set[int]] = {number: set() for number in range(12)}
    for one, other in pairs:
        needs[one].add(other)
    manifests = [
        _manifest(f"s{one}", " ".join(f"s{other}" for other in others)) for one, others in needs.items()
    ]
    try:
        order = Graph(manifests).start_order()
    except SettingsError as error:
        names = str(error).split(": ")[1].split(";")[0].split(" > ")
        assert names[0] == names[-1]
        for left, right in pairwise(names):
            assert int(right[1:]) in needs[int(left[1:])]
        return
    place = {name: index for index, name in enumerate(order)}
    assert len(place) == 12
    assert all(place[f"s{other}"] < place[f"s{one}"] for one, others in needs.items() for other in others)


def test_a_deep_chain_needs_no_recursion() -> None:
    """Five thousand services in a row."""
    manifests = [_manifest("s0"), *(_manifest(f"s{number}", f"s{number - 1}") for number in range(1, 5000))]
    assert Graph(reversed(manifests)).start_order()[-1] == "s4999"


def test_the_path_by_which_one_needs_another() -> None:
    """The shortest one; empty when there is none."""
    graph = Graph([_manifest("a"), _manifest("b", "a"), _manifest("c", "b a"), _manifest("x")])
    assert graph.path_to("c", "a") == ["c", "a"]
    assert graph.path_to("x", "a") == []


def test_drawings_tell_required_from_wanted() -> None:
    """Text, Graphviz and Mermaid of the same graph."""
    graph = Graph([_manifest("bus"), _manifest("my-data", "bus"), _manifest("web", "bus", "my-data")])
    states = {"bus": "RUNNING", "web": "FATAL"}
    assert text(graph, states).splitlines()[1].split() == ["bus", "RUNNING"]
    assert '"web" -> "my-data" [style=dashed];' in dot(graph, states)
    assert '"bus" [fillcolor=palegreen];' in dot(graph, states)
    assert "s_web -.-> s_my_data" in mermaid(graph, states)
    assert "s_my_data --> s_bus" in mermaid(graph, states)


def test_the_nearest_name_or_all_are_offered() -> None:
    """For those who mistype."""
    assert nearest("dta", {"data": 1, "trade": 2}) == "did you mean 'data'?"
    assert nearest("zzz", {"data": 1, "trade": 2}) == "known are data, trade."
