"""An evening: one whole session of the project, by its delivered clients, every invariant looked at after each step.

What happens in it is data (``data/catalog/scenes.toml``): the scenes whose actions the project has, under its own names.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pandas as pd
import redis

from redis_plan import resources
from redis_plan.actions import catalog, vocabulary
from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions.steps import owner
from redis_plan.delivery import library
from redis_plan.delivery.redis_plan_sync import SyncClient
from redis_plan.errors import ServerError
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Bound, Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.playing.checks import shown_of
from redis_plan.rig.playing.delivered import Delivered, delivered
from redis_plan.rig.playing.planted import faulty
from redis_plan.rig.playing.watching import Watch
from redis_plan.server import Server

QUESTION = (
    "Does one whole session of this project go as its actions say, by its own clients, from the first click to cleanup?"
)
SESSION = "evening"
#: Functions of a session's life, by the kind of action that they carry out where no project names one.
_LIFE = {
    "session.open": "create", "seats.join": "join", "seats.leave": "leave", "seats.beat": "heartbeat", "seats.sweep": "sweep",
    "session.finish": "end", "session.renew": "renew", "session.hand_over": "hand_over", "session.remove": "remove",
}  # fmt: skip
#: What those functions answer where an action says ok.
_FINE = frozenset({"ok", "created", "joined", "left", "renewed", "ended", "handed_over", "removed"})
#: Fields of a beat that say how it is played; every other one is given by the caller.
HOW = frozenset(
    {"does", "want", "again", "cut", "crowd", "until", "later", "only", "copy", "new", "away", "back", "gone"}
)
#: Fields of the state in which a copy need not be what the server has: its version stands beside it, and the clock of the last
#: change is no client's business.
_APART = ("version", "updated_at")
#: A server answers within this time, in seconds.
_ANSWER_S = 10.0
#: The channel of this module's own word, behind all that was published before.
_LAST = "redis-plan:last"
Beat = Mapping[str, Any]  # Any: a TOML table


@cache
def scenes() -> tuple[Mapping[str, Any], ...]:  # Any: TOML tables
    """Return every scene in its order."""
    return tuple(resources.catalog("scenes.toml")["scene"])


def evening(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Play the session on a server of our own; then on libraries with a planted fault, until it is noticed."""
    if reason := functions.missing(keyspace):
        return Finding(QUESTION, "", "", (), not_run=f"There is no session to be played: {reason}.")
    try:
        with lab.own({"save": "", "appendonly": "no"}) as own:
            return _finding(lab, own, brief, keyspace)
    except ServerError as error:
        return Finding(QUESTION, "", "", (), not_run=f"no server of our own, which the session needs: {error}")


def _finding(lab: Lab, own: Server, brief: Brief, keyspace: Keyspace) -> Finding:
    crowd = max(0, min(30, int(brief.value("session_capacity"))) - 8)
    with delivered(own, brief, keyspace) as made:
        rows = list(Evening(made, keyspace, crowd).play())
        noticed = planted = 0
        text = library.compose(brief, keyspace)
        for _, changed in list(faulty(text))[: lab.by_profile(4, None, None)]:
            planted += 1
            made.load(changed)
            noticed += any(row["broken"] for row in Evening(made, keyspace, 2).play())
    samples = pd.DataFrame(rows)
    named = samples[samples["action"] != ""]
    by_action = named.assign(held=named["broken"] == "").groupby("action", sort=False)["held"].agg(["sum", "count"])
    kinds = {action.name: action.kind for action in keyspace.actions}
    scenes_played = list(dict.fromkeys(samples["scene"]))
    broken = int((samples["broken"] != "").sum())
    return Finding(
        question=QUESTION,
        hypothesis="Every step is answered as the scenes say and breaks no invariant; a planted fault is noticed.",
        method=f"The scenes of the catalog whose actions this project has, by the delivered client as the ACL user of each, with {crowd} more "
        "members beside the named ones. After each step everything that is stored is held against the invariants, and each "
        "client's copy, fed by the channel alone, against the server. Control: the same on libraries with one fault planted",
        values=(
            Value("scenes", len(scenes_played), "scenes"),
            Value("steps", len(samples), "steps"),
            Value("members", int(samples["seats"].max()), "members"),
            Value("violations", broken, "violations", len(samples)),
            Value("control_noticed", noticed, "faults", planted),
            *(
                Value(f"played {name} {kinds[name]}", int(row["sum"]), "steps", int(row["count"]))
                for name, row in by_action.iterrows()
                if name in kinds
            ),
        ),
        samples=samples,
        conclusion=f"{len(scenes_played)} scenes, {len(samples)} steps, {broken} violations; {noticed} of {planted} planted faults noticed.",
        conditions={"members at most": int(samples["seats"].max())},
    )  # fmt: skip


class Evening:
    """One session, the copies of its clients, and what each step broke."""

    def __init__(self, made: Delivered, keyspace: Keyspace, crowd: int) -> None:
        """Empty the server and begin to listen."""
        self.made, self.crowd = made, [f"m{n}" for n in range(crowd)]
        self.by_kind: dict[str, Bound] = {}
        for action in keyspace.actions:
            # a declared action stands for the catalog's that it changes
            self.by_kind.setdefault(catalog.kind_of(action).like or action.kind, action)
        made.admin.flushdb()
        keys = {name: getattr(made.keys, name)(SESSION) for name in ("state", "roster", "log")}
        self.watch = Watch(made.admin, keyspace, keys)
        self.seen = self.watch.look()
        events = keyspace.use("events")
        self.copies: dict[str, SyncClient] = {}
        self.away: set[str] = set()
        self.listener = made.admin.pubsub(ignore_subscribe_messages=True)
        self.listener.subscribe(_LAST)
        if events is not None:
            subscribe = self.listener.ssubscribe if events.sharded else self.listener.subscribe
            subscribe(getattr(made.keys, events.name.replace("-", "_"))(SESSION))
        self.ops = 0
        self.last: tuple[Bound | None, Any, dict[str, Any]] = (None, None, {})

    def play(self) -> Iterator[dict[str, object]]:
        """Play every scene that the project has the actions for, a row a step; the listener is closed at the end."""
        try:
            for scene in scenes():
                if set(scene.get("needs", ())) <= set(self.by_kind):
                    for beat in scene["beats"]:
                        yield from self._beat(scene["title"], beat)
        finally:
            self.listener.close()

    def _known(self, kind: str) -> bool:
        return kind in self.by_kind or kind in _LIFE

    def _beat(self, scene: str, beat: Beat) -> Iterator[dict[str, object]]:
        if "copy" in beat:
            self._copy(beat)
            if beat.get("back"):
                yield self._caught_up(scene, beat["copy"])
            return
        asked = beat.get("does", ())
        kind = next((k for k in ((asked,) if isinstance(asked, str) else asked) if self._known(k)), "")
        if not (kind or beat.get("again")) or (
            "only" in beat and self.seen.state.get("phase", "lobby") != beat["only"]
        ):
            return
        if "until" in beat:
            self._wait(beat["until"])
        time.sleep(beat.get("later", 0) / 1000)
        for member in self.crowd if beat.get("crowd") else ("",):
            given = {name: value for name, value in beat.items() if name not in HOW}
            yield self._step(scene, beat, kind, given | ({"member": member} if member else {}))

    def _wait(self, name: str) -> None:
        while self.watch.look().now <= int(self.seen.state.get(name, 0)):
            time.sleep(0.005)

    def _copy(self, beat: Beat) -> None:
        name = beat["copy"]
        if beat.get("away"):
            self.away.add(name)
            return
        if beat.get("new"):
            self.copies[name] = SyncClient()
        self.away.discard(name)
        self._catch_up(self.copies[name])

    def _caught_up(self, scene: str, name: str) -> dict[str, object]:
        """Return the step of a client that has caught up: its copy is what the server has."""
        action = self.by_kind.get("session.catch_up")
        return {
            "scene": scene, "action": action.name if action else "", "step": action.name if action else "catch_up",
            "answer": self.copies[name].mode, "version": self.seen.version, "seats": len(self.seen.roster),
            "broken": "; ".join(self._copies()),
        }  # fmt: skip

    def _catch_up(self, copy: SyncClient) -> None:
        for _ in range(3):
            if (
                copy.caught_up(self.made.send(self.made.calls.catch_up(SESSION, copy.epoch, copy.version)))
                != "catch up"
            ):
                return

    def _step(self, scene: str, beat: Beat, kind: str, given: dict[str, Any]) -> dict[str, object]:
        action = self.by_kind.get(kind)
        if beat.get("again"):
            action, call, given = self.last
        else:
            self.ops += 1
            call = self._call(action, kind, given)
            self.last = (action, call, given)
        before = self.seen
        if beat.get("cut"):
            self.made.cut(call)
        try:
            reply = self.made.send(call)
            answer = "ok" if reply is None or isinstance(reply, list) else str(getattr(reply, "status", reply))
        except redis.RedisError as error:
            answer = str(error)
        self.seen = self.watch.look()
        fine = _FINE | ({"duplicate"} if beat.get("cut") else set())
        wanted = "duplicate" if beat.get("again") else beat.get("want", "ok")
        broken = (
            [] if answer == wanted or (wanted == "ok" and answer in fine) else [f"answered {answer!r}, not {wanted!r}"]
        )
        told = "ok" if wanted == "ok" and answer in fine else answer
        broken += self._broken(action, call, given, told, before)
        if beat.get("gone") in self.seen.roster:
            broken.append(f"{beat['gone']} still has a seat")
        broken += self._copies()
        return {
            "scene": scene, "action": action.name if action else "", "step": action.name if action else call.name,
            "answer": answer, "version": self.seen.version, "seats": len(self.seen.roster), "broken": "; ".join(dict.fromkeys(broken)),
        }  # fmt: skip

    def _broken(self, action: Bound | None, call: Any, given: Mapping[str, Any], answer: str, before: Any) -> list[str]:
        kind = catalog.kind_of(action).on(dict(action.keys)) if action else None
        if kind is None or kind.call:
            return list(self.watch.always(before, self.seen))
        own = [key for key, _ in zip(call.keys[3:], kind.keys, strict=False)]
        numbers = {p.name: p.default for p in self.made.methods[action.name].parameters} if action else {}
        full = {**numbers, **given, "folded": str(given.get("name", "")).casefold()}
        return list(self.watch.after_action(kind, full, own, answer, before, self.seen))

    def _call(self, action: Bound | None, kind: str, given: dict[str, Any]) -> Any:  # Any: the client's Call
        """Return the call of a beat: the project's action, or the function of a session's life."""
        member, connection = given.setdefault("member", "ann"), given.setdefault("connection", "c1")
        given.setdefault("name", str(member).capitalize())
        given.setdefault("device", f"d-{member}")
        given.setdefault("round", self.seen.state.get("round", "r1"))
        given.setdefault("value", {"choice": f"secret-{self.ops}"})
        if action is not None and catalog.kind_of(action).call and kind not in _LIFE:
            return self._of_catalog(action, given)
        if action is None or catalog.kind_of(action).call:
            arguments: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
                "create": ((), owner(self.made)), "join": ((member, connection, {"name": given["name"]}), {}),
                "leave": ((member,), {}), "heartbeat": ((member, connection), {}), "hand_over": (("row 7",), {}),
            }  # fmt: skip
            positional, named = arguments.get(_LIFE[kind], ((), {}))
            return getattr(self.made.calls, _LIFE[kind])(SESSION, *positional, **named)
        known = vocabulary.arguments_of(catalog.kind_of(action))
        takes = [p for p in self.made.methods[action.name].parameters if p.name not in ("session_id", "op_id")]
        for p in takes:
            if p.name not in given and not p.default:
                example = known[p.name].example
                given[p.name] = int(example) if p.kind == "int" else float(example) if p.kind == "number" else example
        named = {p.name: given[p.name] for p in takes if p.name in given}
        return self.made.call(action.name, SESSION, op_id=f"e{self.ops}", **named)

    def _of_catalog(self, action: Bound, given: Mapping[str, Any]) -> Any:  # Any: the client's Call
        """Return the call of an action that a function of the catalog carries out beside the session's life."""
        carried = catalog.kind_of(action).call
        operation = next(o for o in self.made.life.values() if o.function.name == carried)
        known = {"session_id": SESSION, **dict(action.values), **given}
        examples = {a.name: a.example for a in operation.function.call.args}
        named = {p.name: known.get(p.name, examples.get(p.name, "x1")) for p in operation.parameters if not p.default}
        return getattr(self.made.calls, operation.method)(**named)

    def _copies(self) -> Iterator[str]:
        """Feed what was published to every copy that listens, and yield what differs from the server."""
        if "screen" not in self.copies and self.seen.state:
            self._copy({"copy": "screen", "new": True})
        here = [copy for name, copy in self.copies.items() if name not in self.away]
        self._hear_all(here)
        for copy in here:
            if copy.mode == "catching up":
                self._catch_up(copy)
        if not self.seen.state:
            return
        wanted = {k: v for k, v in shown_of(self.seen.state).items() if k not in _APART}
        for copy in here:
            if {k: v for k, v in copy.state.items() if k not in _APART} != wanted:
                yield "a client's copy is not what the server has"
                return

    def _hear_all(self, here: list[SyncClient]) -> None:
        """Feed the copies all that was published so far: a word of our own on the same connection comes behind it."""
        self.made.admin.publish(_LAST, self.ops)
        until = time.monotonic() + _ANSWER_S
        while time.monotonic() < until:
            message = self.listener.get_message(timeout=_ANSWER_S) or {}
            if message.get("channel") == _LAST:
                return
            if message.get("type") in ("message", "smessage"):
                for copy in here:
                    copy.receive(message["data"])
        raise ServerError("the server does not tell a connection that listens what is published")


def told(samples: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield each scene with its steps in one line: ``start_question not allowed, start_question ok …``."""
    for scene, group in samples.groupby("scene", sort=False):
        steps: list[list[Any]] = []
        for step, answer in zip(group["step"], group["answer"], strict=True):
            if steps and steps[-1][:2] == [step, answer]:
                steps[-1][2] += 1
            else:
                steps.append([step, answer, 1])
        yield (
            str(scene),
            ", ".join(f"`{s}` {json.dumps(a) if a == '' else a}{f' × {n}' if n > 1 else ''}" for s, a, n in steps),
        )
