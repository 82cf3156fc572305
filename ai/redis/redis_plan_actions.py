"""Buzzroom: what people, devices and timers do, each as one atomic step.

Written by redis-plan from the project's documents: the next build writes it again and keeps an edited one aside.

    actions = Actions(Keys(environment="prod"))
    version, status = operations.run(actions.buzz(…))  # await with AsyncOperations

What is refused has written nothing. Ids are encoded as in names of keys (encode_id), also where an event shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict

from redis_plan_client import (
    LOG_MAX,
    TTL,
    WITH_SEAT,
    Call,
    Calls,
    Id,
    Keys,
    Versioned,
    _argv,
    _json,
    _numbered,
    _text,
    encode_id,
    fold_name,
)

BuzzResult = Literal["ok", "duplicate", "ended", "gone", "no seat", "not now", "late", "taken"]
AttendResult = Literal["ok", "duplicate", "ended", "gone", "not allowed"]
GiveRoleResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "unknown", "full"]
TakeRoleResult = Literal["ok", "duplicate", "ended", "gone", "not allowed"]
PassOnResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "unknown"]
PauseWithoutHostResult = Literal["ok", "duplicate", "ended", "gone", "not now", "early"]
TakeUpResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now"]
ApproveNicknameResult = Literal[
    "ok",
    "duplicate",
    "ended",
    "gone",
    "not allowed",
    "unknown",
    "not now",
    "conflict",
    "name taken",
]
RefuseNameResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now"]
StartQuestionResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "bad length", "not now", "again"]
TimeUpResult = Literal["ok", "duplicate", "ended", "gone", "not now", "stale", "early"]
PauseResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now", "late"]
ResumeResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now"]
SkipQuestionResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now", "stale"]
RevealResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now", "stale"]
RevealNowResult = Literal["ok", "duplicate", "ended", "gone", "not now", "stale"]
MarkAwayResult = Literal["ok", "duplicate", "ended", "gone", "unknown", "again", "early"]
BackResult = Literal["ok", "duplicate", "ended", "gone", "not here"]
AwardResult = Literal["ok", "duplicate", "ended", "gone", "unknown", "again"]
TakeBackResult = Literal["ok", "duplicate", "ended", "gone", "unknown"]
JoinResult = Literal["ok", "duplicate", "ended", "gone", "banned", "bad name", "name taken", "full"]
KickResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "unknown", "full"]
WatchResult = Literal["ok", "duplicate", "ended", "gone", "banned", "full"]
EndGameResult = Literal["ok", "duplicate", "ended", "gone", "not allowed"]
EndIdleResult = Literal["ok", "duplicate", "ended", "gone", "early"]
RematchResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now", "unnamed"]
AnswerResult = Literal["ok", "duplicate", "ended", "gone", "no seat", "not now", "stale", "late", "again"]
AllAnsweredResult = Literal["ok", "duplicate", "ended", "gone", "not now", "stale", "waiting"]
ChooseTeamResult = Literal["ok", "duplicate", "ended", "gone", "no seat", "not now", "full"]


class ClaimedData(TypedDict, total=False):
    """Data of the event claimed."""

    member: str
    object: str
    at: int


class AttendsData(TypedDict, total=False):
    """Data of the event attends."""

    member: str


class RoleData(TypedDict, total=False):
    """Data of the event role."""

    target: str
    role: str


class HostData(TypedDict, total=False):
    """Data of the event host."""

    target: str


class HostAbsentData(TypedDict, total=False):
    """Data of the event host_absent: none."""


class HostBackData(TypedDict, total=False):
    """Data of the event host_back."""

    member: str
    phase: int | str | None


class NamedData(TypedDict, total=False):
    """Data of the event named."""

    target: str
    name: str


class NameRefusedData(TypedDict, total=False):
    """Data of the event name_refused."""

    to: str
    target: str


class StartedData(TypedDict, total=False):
    """Data of the event started."""

    round: str
    phase_until: int | str | None


class ClosedData(TypedDict, total=False):
    """Data of the event closed."""

    round: str
    count: int


class PausedData(TypedDict, total=False):
    """Data of the event paused."""

    phase_left: int | str | None


class ResumedData(TypedDict, total=False):
    """Data of the event resumed."""

    phase_until: int | str | None


class SkippedData(TypedDict, total=False):
    """Data of the event skipped."""

    round: str


class RevealedData(TypedDict, total=False):
    """Data of the event revealed."""

    round: str


class AwayData(TypedDict, total=False):
    """Data of the event away."""

    target: str
    at: int


class BackData(TypedDict, total=False):
    """Data of the event back."""

    member: str


class ScoreData(TypedDict, total=False):
    """Data of the event score."""

    target: str
    amount: int


class ScoreBackData(TypedDict, total=False):
    """Data of the event score_back."""

    target: str
    amount: int


class JoinData(TypedDict, total=False):
    """Data of the event join."""

    m: str
    c: str
    data: Any
    member: str
    name: str
    connection: str
    taken: list[str]


class LeaveData(TypedDict, total=False):
    """Data of the event leave."""

    m: str
    c: str
    why: str
    target: str


class WatchingData(TypedDict, total=False):
    """Data of the event watching."""

    to: str
    count: int


class EndData(TypedDict, total=False):
    """Data of the event end: none."""


class RematchData(TypedDict, total=False):
    """Data of the event rematch: none."""


class SubmittedData(TypedDict, total=False):
    """Data of the event submitted."""

    count: int


class TeamData(TypedDict, total=False):
    """Data of the event team."""

    member: str
    team: str


#: The events of these actions, by type. What is hidden is in the data of none of them.
EVENTS: Final[dict[str, type]] = {
    "claimed": ClaimedData,
    "attends": AttendsData,
    "role": RoleData,
    "host": HostData,
    "host_absent": HostAbsentData,
    "host_back": HostBackData,
    "named": NamedData,
    "name_refused": NameRefusedData,
    "started": StartedData,
    "closed": ClosedData,
    "paused": PausedData,
    "resumed": ResumedData,
    "skipped": SkippedData,
    "revealed": RevealedData,
    "away": AwayData,
    "back": BackData,
    "score": ScoreData,
    "score_back": ScoreBackData,
    "join": JoinData,
    "leave": LeaveData,
    "watching": WatchingData,
    "end": EndData,
    "rematch": RematchData,
    "submitted": SubmittedData,
    "team": TeamData,
}


#: What people ask for by a message, each with the arguments that come in it. Who asks is the gateway's to say.
ASKED: Final[dict[str, tuple[str, ...]]] = {
    "buzz": ("object",),
    "give_role": ("target", "role"),
    "take_role": ("target",),
    "pass_on": ("target",),
    "take_up": (),
    "approve_nickname": ("target", "expected"),
    "refuse_name": ("target",),
    "start_question": ("round", "value"),
    "pause": (),
    "resume": (),
    "skip_question": ("round",),
    "reveal": ("round", "value"),
    "back": (),
    "kick": ("target",),
    "end_game": (),
    "rematch": (),
    "answer": ("round", "value"),
    "choose_team": ("team",),
}

#: Numbers that the message may bring besides, within the bounds of the documents.
CHOSEN: Final[dict[str, tuple[str, ...]]] = {
    "start_question": ("length_ms",),
}


@dataclass(frozen=True)
class Ranked:
    """The first places, each a member and its points, and one's own place, from 1 on, and points."""

    top: list[tuple[str, float]]
    place: int | None
    points: float | None


@dataclass(frozen=True)
class Hidden:
    """What nobody may see of others: how many there are, and one's own."""

    count: int
    own: str | None


@dataclass(frozen=True)
class Snapshot:
    """What a member's screen is drawn from, at one version; what is hidden from its role is not in it."""

    version: int
    epoch: str
    own_role: str
    state: dict[str, str]
    roster: dict[str, str]
    answer: Hidden
    score: Ranked
    buzzer: dict[str, str]
    name: dict[str, str]
    team: dict[str, str]


def _rows(reply: Any) -> dict[str, str]:
    words = [_text(word) for word in reply]
    return dict(zip(words[::2], words[1::2], strict=True))


def _ranked(reply: Any) -> Ranked:
    top, place, points = reply
    rows = [(member, float(score)) for member, score in _rows(top).items()]
    return Ranked(rows, None if place is None else int(place) + 1, None if points is None else float(points))


def _hidden(reply: Any) -> Hidden:
    count, own = reply
    return Hidden(int(count), None if own is None else _text(own))


def _snapshot(reply: Any) -> Snapshot | None:
    if _text(reply[0]) == "gone":
        return None
    return Snapshot(
        int(reply[1]),
        _text(reply[2]),
        _text(reply[3]),
        _rows(reply[4]),
        _rows(reply[5]),
        _hidden(reply[6]),
        _ranked(reply[7]),
        _rows(reply[8]),
        _rows(reply[9]),
        _rows(reply[10]),
    )


class Actions:
    """Every action as a Call, which run of Operations or AsyncOperations sends. A word means the same everywhere:

    ok: applied; the only result that wrote. duplicate: this operation was applied before in this epoch, as
    the version given. ended: the session has ended. gone: there is no session. member: who does it; from the
    verified token, never from the message. object: the object that it is about. connection: which socket of
    the member. target: the member whom it is about. role: cohost, moderator or spectator. expected: version
    of the object that the client has; 0: it is new. round: the round, question or lot. value: JSON (RFC
    8259), at most 256 KiB and 64 levels; empty is null. reason: what the points are for, such as the round:
    once each. amount: a whole number from 1 to 2^53 - 1, money in minor units. device: the device, by a
    random id that it keeps; never its address. name: the name that is shown. team: the team.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        calls = Calls(keys)
        #: A try at a code is counted before the code is looked up; beyond the limit it is not looked up. limit: 5.
        self.try_code = calls.hit_rate
        #: The service draws a code for a room and takes it; where it leads to another one already, it draws again.
        self.draw_code = calls.take_code
        #: A player gives the seat back, or one connection of it.
        self.leave = calls.leave
        #: A connection renews its lease.
        self.heartbeat = calls.heartbeat
        #: A worker frees the seats whose leases have lapsed by the server's clock.
        self.sweep = calls.sweep
        #: The host opens a room; opening it twice makes one.
        self.create_room = calls.create
        #: A worker acknowledges that the result is kept in the database; call it after the commit.
        self.store_result = calls.hand_over
        #: A worker unlinks every key of a room whose result was handed over.
        self.remove = calls.remove
        #: A client gets what it missed, or a snapshot, never a history with holes.
        self.catch_up = calls.catch_up
        #: A player sends a signal that may be lost, at most so many in a window. limit: 2.
        self.send_reaction = calls.send_rate
        #: A worker takes what is due.
        self.claim_due = calls.claim_due
        self._all = calls._all

    def _act(
        self, name: str, session_id: Id, op_id: str, keys: list[str], *args: str | float | None
    ) -> Call[Versioned[Any]]:
        k = self.keys
        named = [k.state(session_id), k.log(session_id), k.idem(session_id), *keys]
        shared = (self.keys.events(session_id), op_id, TTL["state"], LOG_MAX, TTL["idem"])
        return Call(name, self._all(session_id, (), *named), _argv(*shared, *args), _numbered(Versioned))

    def asked(
        self, name: str, session_id: Id, member: Id, given: Mapping[str, Any], op_id: str
    ) -> Call[Versioned[Any]]:
        """Return the call for what a member's message asks for; ValueError where people don't ask for it so."""
        if name not in ASKED:
            raise ValueError(f"nobody asks for that: {name}")
        if missing := [argument for argument in ASKED[name] if argument not in given]:
            raise ValueError(f"{name} needs {', '.join(missing)}")
        arguments = [given[argument] for argument in ASKED[name]]
        # what no bounds could allow is brought to where they refuse it
        more = {word: max(1, min(int(given[word]), 10**12)) for word in CHOSEN.get(name, ()) if word in given}
        made: Call[Versioned[Any]] = getattr(self, name)(session_id, member, *arguments, op_id=op_id, **more)
        return made

    def snapshot_of(self, session_id: Id, member: Id, round: Id = "none") -> Call[Snapshot | None]:
        """Return what the screen of a member is drawn from, in one step; None: there is no session.

        The role is what the state says, whatever the caller thinks. round: as the state says, decoded.
        """
        k = self.keys
        keys = [
            k.state(session_id),
            k.roster(session_id),
            k.answer(session_id, round),
            k.score(session_id),
            k.buzzer(session_id),
            k.name(session_id),
            k.team(session_id),
        ]
        return Call("session_snapshot", keys, [encode_id(member)], _snapshot)

    def buzz(self, session_id: Id, member: Id, object: Id, *, op_id: str = "") -> Call[Versioned[BuzzResult]]:
        """The first player has it; everybody else learns that another was first. Serves US-017 (prd.md:106),
        US-017.1 (prd.md:108).

        no seat: who calls has no seat here. not now: the phase is another one. late: the time is over by the
        server's clock. taken: another was first.
        """
        return self._act(
            "buzz",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.buzzer(session_id)],
            encode_id(member),
            encode_id(object),
        )

    def attend(
        self, session_id: Id, member: Id, connection: Id, *, op_id: str = "", lease_ms: int = 90000
    ) -> Call[Versioned[AttendResult]]:
        """The host is there without taking a seat: a lease, renewed by heartbeats. Who plays as well joins instead.

        not allowed: the role of who calls does not do this.
        """
        return self._act(
            "attend",
            session_id,
            op_id,
            [self.keys.presence(session_id)],
            encode_id(member),
            encode_id(connection),
            lease_ms,
        )

    def give_role(
        self, session_id: Id, member: Id, target: Id, role: str, *, op_id: str = "", most: int = 2
    ) -> Call[Versioned[GiveRoleResult]]:
        """The host makes a player co-host or moderator, of which there are only so many.

        not allowed: the role of who calls does not do this. unknown: the one whom it is about does not belong
        here. full: as many have this role as may.
        """
        return self._act(
            "give_role",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.presence(session_id)],
            encode_id(member),
            encode_id(target),
            role,
            most,
        )

    def take_role(self, session_id: Id, member: Id, target: Id, *, op_id: str = "") -> Call[Versioned[TakeRoleResult]]:
        """The host takes a role back.

        not allowed: the role of who calls does not do this.
        """
        return self._act("take_role", session_id, op_id, [], encode_id(member), encode_id(target))

    def pass_on(self, session_id: Id, member: Id, target: Id, *, op_id: str = "") -> Call[Versioned[PassOnResult]]:
        """The host makes another player the host.

        not allowed: nobody does this to themselves. unknown: the one whom it is about has no seat here.
        """
        return self._act(
            "pass_on", session_id, op_id, [self.keys.roster(session_id)], encode_id(member), encode_id(target)
        )

    def pause_without_host(
        self, session_id: Id, *, op_id: str = "", absent_ms: int = 600000
    ) -> Call[Versioned[PauseWithoutHostResult]]:
        """A worker pauses a room whose host is away for too long, and everybody is told why. Serves US-021
        (prd.md:123), US-021.1 (prd.md:125).

        not now: the phase is another one. early: the owner is there, or was until lately.
        """
        return self._act("pause_without_host", session_id, op_id, [], absent_ms)

    def take_up(self, session_id: Id, member: Id, *, op_id: str = "") -> Call[Versioned[TakeUpResult]]:
        """The host, back again, takes a room up that was paused without one: it is in the phase again that it was
        in.

        not allowed: the role of who calls does not do this. not now: the phase is another one.
        """
        return self._act("take_up", session_id, op_id, [], encode_id(member))

    def approve_nickname(
        self, session_id: Id, member: Id, target: Id, expected: int, *, op_id: str = ""
    ) -> Call[Versioned[ApproveNicknameResult]]:
        """A moderator approves the name of a player that waits since the join, and everybody sees it; until then the
        seat shows an empty one, and the state's field checks_names says that names wait. Serves prd.md:33, US-005
        (prd.md:59).

        not allowed: the role of who calls does not do this. unknown: the one whom it is about has no seat here.
        not now: it is in another state. conflict: the object changed meanwhile: read it anew. name taken: another
        member has this name by now.
        """
        return self._act(
            "approve_nickname",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.name(session_id)],
            encode_id(member),
            encode_id(target),
            expected,
        )

    def refuse_name(
        self, session_id: Id, member: Id, target: Id, *, op_id: str = ""
    ) -> Call[Versioned[RefuseNameResult]]:
        """A moderator refuses a name that waits; nobody else sees it, and the player takes another one.

        not allowed: the role of who calls does not do this. not now: it is in another state.
        """
        return self._act(
            "refuse_name", session_id, op_id, [self.keys.name(session_id)], encode_id(member), encode_id(target)
        )

    def start_question(
        self,
        session_id: Id,
        member: Id,
        round: Id,
        value: object,
        *,
        op_id: str = "",
        length_ms: int = 20000,
        length_least: int = 5000,
        length_most: int = 60000,
    ) -> Call[Versioned[StartQuestionResult]]:
        """The host starts the next question for everybody at the same time; its end is set by the server's clock.
        Its value is in every snapshot at once: what must stay secret, such as the right answer, is never in it.
        Serves prd.md:7, prd.md:30, US-008 (prd.md:72).

        not allowed: the role of who calls does not do this. bad length: it is shorter or longer than it may be.
        not now: the phase is another one. again: it is on already.
        """
        return self._act(
            "start_question",
            session_id,
            op_id,
            [],
            encode_id(member),
            encode_id(round),
            _json(value),
            length_ms,
            length_least,
            length_most,
        )

    def time_up(self, session_id: Id, round: Id, *, op_id: str = "") -> Call[Versioned[TimeUpResult]]:
        """A worker ends the question when its time is over by the server's clock; before that it is refused. Serves
        US-009.2 (prd.md:79).

        not now: the phase is another one. stale: it is not the current one any more. early: the time is not over
        yet.
        """
        return self._act("time_up", session_id, op_id, [], encode_id(round))

    def pause(self, session_id: Id, member: Id, *, op_id: str = "") -> Call[Versioned[PauseResult]]:
        """The host pauses; the time that is left is kept. Serves US-014 (prd.md:96).

        not allowed: the role of who calls does not do this. not now: the phase is another one. late: the time is
        over by the server's clock.
        """
        return self._act("pause", session_id, op_id, [], encode_id(member))

    def resume(self, session_id: Id, member: Id, *, op_id: str = "") -> Call[Versioned[ResumeResult]]:
        """The host goes on; the time that was left runs from now.

        not allowed: the role of who calls does not do this. not now: the phase is another one.
        """
        return self._act("resume", session_id, op_id, [], encode_id(member))

    def skip_question(
        self, session_id: Id, member: Id, round: Id, *, op_id: str = ""
    ) -> Call[Versioned[SkipQuestionResult]]:
        """The host skips the question: it does not count. Serves US-015 (prd.md:99).

        not allowed: the role of who calls does not do this. not now: the phase is another one. stale: it is not
        the current one any more.
        """
        return self._act("skip_question", session_id, op_id, [], encode_id(member), encode_id(round))

    def reveal(
        self, session_id: Id, member: Id, round: Id, value: object, *, op_id: str = ""
    ) -> Call[Versioned[RevealResult]]:
        """The host, or the service for the host, shows the result of a closed question to everybody at once; the
        service makes the value from the right answer and what was given, and takes none from a message. Serves
        US-011 (prd.md:85).

        not allowed: the role of who calls does not do this. not now: the phase is another one. stale: it is not
        the current one any more.
        """
        return self._act("reveal", session_id, op_id, [], encode_id(member), encode_id(round), _json(value))

    def reveal_now(
        self, session_id: Id, round: Id, value: object, *, op_id: str = ""
    ) -> Call[Versioned[RevealNowResult]]:
        """A worker shows the result of a closed question, without waiting for the host; the service makes the value.
        Serves US-011 (prd.md:85).

        not now: the phase is another one. stale: it is not the current one any more.
        """
        return self._act("reveal_now", session_id, op_id, [], encode_id(round), _json(value))

    def mark_away(
        self, session_id: Id, target: Id, *, op_id: str = "", away_ms: int = 30000, lease_ms: int = 90000
    ) -> Call[Versioned[MarkAwayResult]]:
        """A worker marks a player as away who was not heard for the short time; the seat stays. Serves US-022
        (prd.md:127), US-022.1 (prd.md:129).

        unknown: the one whom it is about does not belong here. again: it is known already. early: a heartbeat
        came within that time.
        """
        return self._act(
            "mark_away",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.presence(session_id)],
            encode_id(target),
            away_ms,
            lease_ms,
        )

    def back(self, session_id: Id, member: Id, *, op_id: str = "") -> Call[Versioned[BackResult]]:
        """A player, or who leads without a seat, is there again and everybody sees it.

        not here: who calls has neither seat nor lease here.
        """
        return self._act(
            "back", session_id, op_id, [self.keys.roster(session_id), self.keys.presence(session_id)], encode_id(member)
        )

    def award(
        self, session_id: Id, target: Id, reason: Id, amount: int, *, op_id: str = ""
    ) -> Call[Versioned[AwardResult]]:
        """The service gives a player points for a reason, such as a round; given for it again they count once.
        Serves prd.md:7, US-012 (prd.md:89), US-013 (prd.md:92) and 1 more.

        unknown: the one whom it is about has no seat here. again: the points for this were given before.
        """
        return self._act(
            "award",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.score(session_id)],
            encode_id(target),
            encode_id(reason),
            amount,
        )

    def take_back(self, session_id: Id, target: Id, reason: Id, *, op_id: str = "") -> Call[Versioned[TakeBackResult]]:
        """The service takes back what the last award gave for a reason, such as a round that is skipped; how much is
        recorded. Serves US-015 (prd.md:99).

        unknown: nothing is known to be given for this.
        """
        return self._act(
            "take_back", session_id, op_id, [self.keys.score(session_id)], encode_id(target), encode_id(reason)
        )

    def join(
        self,
        session_id: Id,
        member: Id,
        connection: Id,
        device: Id,
        name: str,
        *,
        op_id: str = "",
        capacity: int = 60,
        lease_ms: int = 90000,
        connections: int = 1,
        name_least: int = 2,
        name_most: int = 20,
    ) -> Call[Versioned[JoinResult]]:
        """Somebody takes a seat under a name that nobody else has; who had a seat has it again. Serves prd.md:17,
        US-002 (prd.md:45), US-002.2 (prd.md:48) and 5 more.

        banned: this member or device was banned from here. bad name: the name is too short or too long, or is not
        the one that is compared. name taken: another member has this name. full: no seat is left.
        """
        return self._act(
            "join",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.presence(session_id), self.keys.name(session_id)],
            encode_id(member),
            encode_id(connection),
            encode_id(device),
            name,
            fold_name(name),
            capacity,
            lease_ms,
            connections,
            name_least,
            name_most,
        )

    def kick(
        self, session_id: Id, member: Id, target: Id, *, op_id: str = "", bans: int = 128
    ) -> Call[Versioned[KickResult]]:
        """The host removes a player, with points and all that goes with the seat, or one who watches; neither this
        one nor the device comes back. Serves US-006 (prd.md:62), US-006.1 (prd.md:64).

        not allowed: nobody does this to the owner. unknown: the one whom it is about is not here. full: as many
        are banned as may be.
        """
        return self._act(
            "kick",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.presence(session_id), self.keys.score(session_id)],
            encode_id(member),
            encode_id(target),
            bans,
            WITH_SEAT,
        )

    def watch(
        self,
        session_id: Id,
        member: Id,
        connection: Id,
        device: Id,
        *,
        op_id: str = "",
        watchers: int = 5,
        lease_ms: int = 90000,
    ) -> Call[Versioned[WatchResult]]:
        """A spectator follows read-only: no seat, no vote, and not counted against the seats. Serves US-007
        (prd.md:66), US-007.1 (prd.md:68).

        banned: this member or device was banned from here. full: as many watch as may.
        """
        return self._act(
            "watch",
            session_id,
            op_id,
            [self.keys.presence(session_id)],
            encode_id(member),
            encode_id(connection),
            encode_id(device),
            watchers,
            lease_ms,
        )

    def end_game(self, session_id: Id, member: Id, *, op_id: str = "") -> Call[Versioned[EndGameResult]]:
        """The host ends the room; it stays readable until its result was handed over. Serves US-023 (prd.md:133).

        not allowed: the role of who calls does not do this.
        """
        return self._act("end_game", session_id, op_id, [], encode_id(member))

    def end_idle(self, session_id: Id, *, op_id: str = "", idle_ms: int = 1800000) -> Call[Versioned[EndIdleResult]]:
        """A worker ends a room in which nothing happened for the idle time. Serves US-024 (prd.md:137).

        early: something happened within that time.
        """
        return self._act("end_idle", session_id, op_id, [], idle_ms)

    def rematch(self, session_id: Id, member: Id, *, op_id: str = "") -> Call[Versioned[RematchResult]]:
        """The host starts over with everybody who is there: the lobby again, and nothing is left of the rounds and
        points before. Also after the end, once the result was handed over. Serves US-025 (prd.md:141).

        not allowed: the role of who calls does not do this. not now: the phase is another one. unnamed: keys of
        rounds are missing, whose ends of names follow: the client sends them by itself.
        """
        return self._act(
            "rematch", session_id, op_id, [self.keys.score(session_id), self.keys.buzzer(session_id)], encode_id(member)
        )

    def answer(
        self, session_id: Id, member: Id, round: Id, value: object, *, op_id: str = ""
    ) -> Call[Versioned[AnswerResult]]:
        """A player gives one answer, and the first one counts; only how many there are is announced, never whose or
        what. Serves US-009 (prd.md:76), US-009.1 (prd.md:78), US-009.2 (prd.md:79) and 3 more.

        no seat: who calls has no seat here. not now: the phase is another one. stale: it is not the current one
        any more. late: the time is over by the server's clock. again: the member's first one counts, and is
        there.
        """
        return self._act(
            "answer",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.answer(session_id, round)],
            encode_id(member),
            encode_id(round),
            _json(value),
        )

    def all_answered(self, session_id: Id, round: Id, *, op_id: str = "") -> Call[Versioned[AllAnsweredResult]]:
        """The service ends the round as soon as every player who is there has given one answer; who is marked away
        is not waited for. Serves US-011.1 (prd.md:87).

        not now: the phase is another one. stale: it is not the current one any more. waiting: somebody who is
        there has not yet.
        """
        return self._act(
            "all_answered",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.presence(session_id), self.keys.answer(session_id, round)],
            encode_id(round),
        )

    def choose_team(
        self, session_id: Id, member: Id, team: Id, *, op_id: str = "", most: int = 6
    ) -> Call[Versioned[ChooseTeamResult]]:
        """A player goes into a team that has room; the points of a team are those of its members. Serves US-018
        (prd.md:110).

        no seat: who calls has no seat here. not now: the phase is another one. full: as many are in it as may.
        """
        return self._act(
            "choose_team",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.team(session_id)],
            encode_id(member),
            encode_id(team),
            most,
        )
