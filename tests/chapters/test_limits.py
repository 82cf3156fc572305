"""What is told of each bound is what its action does beyond it: the answer of its own guard, or what makes room."""

import pytest

from redis_plan.actions import catalog
from redis_plan.actions.model import Action, Given, Kind
from redis_plan.chapters.sessions import limits

KINDS = catalog.kinds()


def rows(kind: Kind) -> list[tuple[str, str, str, str]]:
    given = tuple(Given(parameter, parameter.default) for parameter in kind.parameters)
    return limits.bounds([Action(kind.name, kind, "member", "entry", parameters=given)])


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if rows(kind)])
def test_an_answer_is_that_of_the_guard_which_has_the_bound_and_room_is_made_where_none_has(name: str) -> None:
    kind = KINDS[name]
    bounded = {p.says: p.name for p in kind.parameters}
    for says, _, _, then in rows(kind):
        assert "$" not in says
        parameter = bounded.get(says) or next(p for s, p in bounded.items() if "$" in s)
        guards = [f"`{g.answer}`" for g in kind.guards if parameter in g.options.values()]
        trims = [e.name for e in kind.effects if parameter in e.options.values()]
        if guards:
            assert then == guards[0]
        elif trims:
            assert then == {"bid": "the lowest go", "append": "the oldest go"}[trims[0]]
        else:
            assert (kind.call != "", then) == (True, "`refused`")


@pytest.mark.parametrize(
    ("name", "then"),
    [
        ("bidding.bid", "the lowest go"),
        ("chat.post", "the oldest go"),
        ("documents.edit", "the oldest go"),
        ("signals.send", "`refused`"),
        ("stock.take", "`limit`"),
        ("teams.choose", "`full`"),
    ],
)
def test_what_is_trimmed_is_not_told_as_refused(name: str, then: str) -> None:
    assert {row[3] for row in rows(KINDS[name])} == {then}
