"""Where nodes of the dependency graph stand, over graphs of every shape."""

from __future__ import annotations

from itertools import combinations

import hypothesis
from hypothesis import strategies as st

from expert_studio.views.widgets.graph_layout import NODE_HEIGHT, NODE_WIDTH, Layout, place

Graph = tuple[dict[str, int], list[tuple[str, str]]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(0, 12))
    names = [f"expert-{number}" for number in range(count)]
    groups = {name: draw(st.integers(0, 4)) for name in names}
    if not names:
        return groups, []
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names))
    return groups, draw(st.lists(pairs, max_size=16))


def overlapping(layout: Layout) -> bool:
    return any(
        abs(a[0] - b[0]) < NODE_WIDTH and abs(a[1] - b[1]) < NODE_HEIGHT
        for a, b in combinations(layout.places.values(), 2)
    )


@hypothesis.given(graphs())
def test_nodes_never_overlap_and_stay_inside(graph: Graph) -> None:
    groups, edges = graph
    layout = place(groups, edges)
    assert set(layout.places) == set(groups)
    assert set(layout.edges) == set(edges)
    assert not overlapping(layout)
    for x, y in layout.places.values():
        assert 0 <= x <= layout.width - NODE_WIDTH
        assert 0 <= y <= layout.height - NODE_HEIGHT


@hypothesis.given(graphs())
def test_lower_tiers_stand_left_and_the_same_graph_is_drawn_alike(graph: Graph) -> None:
    groups, edges = graph
    layout = place(groups, edges)
    for one, other in combinations(groups, 2):
        if groups[one] < groups[other]:
            assert layout.places[one][0] < layout.places[other][0]
    assert place(groups, list(reversed(edges))) == layout


def test_what_is_needed_stands_left_of_what_needs_it_within_a_tier() -> None:
    layout = place({"a": 2, "b": 2, "c": 2}, [("c", "b"), ("b", "a")])
    assert layout.places["c"][0] < layout.places["b"][0] < layout.places["a"][0]


def test_a_circle_is_drawn_and_does_not_hang() -> None:
    layout = place({"a": 1, "b": 1}, [("a", "b"), ("b", "a")])
    assert not overlapping(layout)


def test_a_long_edge_passes_between_the_nodes_it_crosses() -> None:
    groups = {"json": 0, "x": 1, "y": 1, "task": 2}
    layout = place(groups, [("json", "task"), ("x", "task"), ("y", "task")])
    (_, (_, through), _) = layout.edges["json", "task"]
    for name in ("x", "y"):
        top = layout.places[name][1]
        assert not top <= through <= top + NODE_HEIGHT


def test_gaps_grow_towards_the_room_but_not_without_limit() -> None:
    groups = {"a": 0, "b": 1}
    small, large = place(groups, [("a", "b")]), place(groups, [("a", "b")], (5000, 5000))
    assert small.width < large.width < 1000
    assert small.height < large.height < 1000
