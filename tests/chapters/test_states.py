"""The table of a session's states is that of the model to which the property tests hold the functions."""

import copy
import itertools
import re
from collections import defaultdict
from collections.abc import Callable

from redis_plan.chapters.sessions import appendix
from tests import projects
from tests.delivery.model import Model

#: Each function of the session with arguments that differ where its answers may.
CALLS: list[tuple[str, Callable[[Model], object]]] = [
    ("session_create", lambda m: m.create("0a", {})),
    *(("session_join", lambda m, who=who: m.join(who, "{}", 1)) for who in ("ann#1", "bob#1")),
    *(("session_leave", lambda m, who=who: m.leave(who)) for who in ("ann", "bob")),
    *(
        ("session_apply", lambda m, op=op, version=version: m.apply(op, version, {"a": "1"}))
        for op in ("", "o1")
        for version in (None, 9)
    ),
    *(
        ("session_record", lambda m, op=op, of=of, version=version: m.record(op, of, "x", version, once=True))
        for op in ("", "o1")
        for of in ("ann", "bob")
        for version in (None, 9)
    ),
    ("session_end", lambda m: m.end()),
    ("session_hand_over", lambda m: m.hand_over("row")),
    ("session_remove", lambda m: m.remove()),
    *(("session_renew", lambda m, epoch=epoch: m.renew(epoch)) for epoch in ("0a", "0b")),
]
#: What each answers where it does what it is for; any other answer is a refusal.
DOES = {
    "session_create": {"created"}, "session_join": {"joined", "again"}, "session_leave": {"left", "stays"},
    "session_apply": {"ok"}, "session_record": {"ok"}, "session_end": {"ended"}, "session_hand_over": {"handed_over"},
    "session_remove": {"removed"}, "session_renew": {"renewed"},
}  # fmt: skip
#: Refusals that the model has no part in: it knows no keys of a session that a caller may leave out.
BESIDE = {"session_remove": {"unnamed"}}


def walked() -> tuple[dict[str, set[str]], dict[str, set[tuple[str, str]]]]:
    """Return the refusals of each function in any session, and from which status to which one each leads."""
    refuses, leads = defaultdict[str, set[str]](set), defaultdict[str, set[tuple[str, str]]](set)
    status = lambda model: model.session.status if model.session else "–"  # noqa: E731
    seen: set[str] = set()
    now = [Model(seats=1, bound=1, log_max=5)]
    for _length in range(6):
        following = {}
        for model, (name, call) in itertools.product(now, CALLS):
            after = copy.deepcopy(model)
            answer = call(after)
            said = str(answer[1] if isinstance(answer, list) else answer)
            if said not in DOES[name]:
                refuses[name].add(said)
                assert after == model, f"{name} refuses with {said}, and changes something"
            elif model.session:
                leads[name].add((status(model), status(after)))
            elif after.session:
                leads[name].add(("–", status(after)))
            following[repr(after)] = after
        now = [model for known, model in following.items() if known not in seen]
        seen |= set(following)
    return refuses, leads


def told() -> dict[str, list[tuple[set[str], set[str], set[str]]]]:
    """Return of each function the rows of the table: from, to, and the answers where it refuses."""
    found = defaultdict(list)
    words = lambda cell: set(re.findall(r"`(\w+)`", cell)) | ({"–"} if cell.strip() == "–" else set())  # noqa: E731
    for line in appendix.states(projects.read(projects.SAMPLE), projects.designed(projects.SAMPLE)).splitlines():
        cells = line.split("|")[1:-1]
        for name in re.findall(r"`(session_\w+)`", cells[2]) if len(cells) == 5 else ():
            later = {"ended", "handed_over"} if "or later" in cells[0] else set()
            found[name].append((words(cells[0]) | later, words(cells[1]), words(cells[4])))
    return found


def test_the_refusals_of_each_function_are_those_of_the_model() -> None:
    refuses, rows = walked()[0], told()
    for name, refused in refuses.items():
        (row, *_) = rows[name]
        assert row[2] - BESIDE.get(name, set()) == refused, name


def test_each_function_leads_where_the_model_goes() -> None:
    leads, rows = walked()[1], told()
    for name, moves in leads.items():
        begins, ends = rows[name][0][:2]
        assert {before for before, _ in moves} == begins, name
        same = {"status", *begins} if name in ("session_apply", "session_renew") else ends
        assert {after for _, after in moves} <= same | ends, name
