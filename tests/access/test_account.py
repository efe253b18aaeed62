"""One account's IAM: names, pages of thousands, and the figures that they have to keep."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from harness.access.account import NamedItems


@dataclass
class Thing:
    name: str


def test_a_page_reads_no_more_than_it_has_however_many_items_there_are() -> None:
    items: NamedItems[Thing] = NamedItems()
    for number in range(10_000):
        items.add(Thing(f"thing{number:05d}"))
    reads: list[str] = []

    class Counted(dict[str, Thing]):
        def __getitem__(self, key: str) -> Thing:
            reads.append(key)
            return super().__getitem__(key)

    items._items = Counted(items._items)
    following = items.after("thing08999")
    assert [next(following).name for _ in range(100)][0::99] == ["thing09000", "thing09099"]
    assert len(reads) == 100


@given(st.lists(st.tuples(st.booleans(), st.text("aAbB", min_size=1, max_size=3)), max_size=30), st.text("aAbB"))
def test_names_are_in_order_and_unique_whatever_their_case(steps: list[tuple[bool, str]], marker: str) -> None:
    items: NamedItems[Thing] = NamedItems()
    model: dict[str, str] = {}
    for add, name in steps:
        if add and name.lower() not in model:
            items.add(Thing(name))
            model[name.lower()] = name
        elif not add:
            items.remove(name)
            model.pop(name.lower(), None)
    in_order = [model[key] for key in sorted(model)]
    assert [thing.name for thing in items] == in_order
    assert [thing.name for thing in items.after(marker)] == [name for name in in_order if name.lower() > marker.lower()]
    assert all(items.taken(name.swapcase()) and items.get(name) is not None for name in in_order)
