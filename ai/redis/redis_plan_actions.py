"""Buzzroom: what people, devices and timers do, each as one atomic step.

Written by redis-plan from the project's documents: the next build writes it again and keeps an edited one aside.

    actions = Actions(Keys(environment="prod"))
    version, status = operations.run(actions.buzz(…))  # await with AsyncOperations

What is refused has written nothing. Ids are encoded as in names of keys (encode_id), also where an event shows them.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypedDict

from redis_plan_client import LOG_MAX, TTL, Call, Calls, Id, Keys, Versioned, _argv, _json, _numbered, encode_id

BuzzResult = Literal["ok", "duplicate", "ended", "gone", "no seat", "not now", "late", "taken"]
PauseWithoutHostResult = Literal["ok", "duplicate", "ended", "gone", "not now", "early"]
TakeUpResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now"]
StartQuestionResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now", "again"]
TimeUpResult = Literal["ok", "duplicate", "ended", "gone", "not now", "stale", "early"]
PauseResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now", "late"]
ResumeResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now"]
SkipQuestionResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now", "stale"]
RevealResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now", "stale"]
RevealNowResult = Literal["ok", "duplicate", "ended", "gone", "not now", "stale"]
MarkAwayResult = Literal["ok", "duplicate", "ended", "gone", "unknown", "again", "early"]
BackResult = Literal["ok", "duplicate", "ended", "gone", "no seat"]
AwardResult = Literal["ok", "duplicate", "ended", "gone", "unknown"]
TakeBackResult = Literal["ok", "duplicate", "ended", "gone", "unknown"]
JoinResult = Literal["ok", "duplicate", "ended", "gone", "banned", "name taken", "full"]
KickResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "unknown", "full"]
WatchResult = Literal["ok", "duplicate", "ended", "gone", "banned", "full"]
EndGameResult = Literal["ok", "duplicate", "ended", "gone", "not allowed"]
EndIdleResult = Literal["ok", "duplicate", "ended", "gone", "early"]
RematchResult = Literal["ok", "duplicate", "ended", "gone", "not allowed", "not now"]
AnswerResult = Literal["ok", "duplicate", "ended", "gone", "no seat", "not now", "stale", "late", "again"]
AllAnsweredResult = Literal["ok", "duplicate", "ended", "gone", "not now", "stale", "waiting"]
ChooseTeamResult = Literal["ok", "duplicate", "ended", "gone", "no seat", "not now", "full"]


class ClaimedData(TypedDict, total=False):
    """Data of the event claimed."""

    member: str
    object: str
    at: int


class HostAbsentData(TypedDict, total=False):
    """Data of the event host_absent: none."""


class HostBackData(TypedDict, total=False):
    """Data of the event host_back."""

    member: str


class StartedData(TypedDict, total=False):
    """Data of the event started."""

    round: str
    phase_until: int | str | None
    value: Any


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
    value: Any


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

    member: str
    name: str
    connection: str
    taken: list[str]


class LeaveData(TypedDict, total=False):
    """Data of the event leave."""

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

    member: str
    count: int


class TeamData(TypedDict, total=False):
    """Data of the event team."""

    member: str
    team: str


#: The events of these actions, by type. What is hidden is in the data of none of them.
EVENTS: Final[dict[str, type]] = {
    "claimed": ClaimedData,
    "host_absent": HostAbsentData,
    "host_back": HostBackData,
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


class Actions:
    """Every action as a Call, which run of Operations or AsyncOperations sends. A word means the same everywhere:

    ok: applied; the only result that wrote. duplicate: this operation was applied before in this epoch, as
    the version given. ended: the session has ended. gone: there is no session. member: who does it; from the
    verified token, never from the message. object: the object that it is about. round: the round, question or
    lot. value: JSON (RFC 8259), at most 256 KiB and 64 levels; empty is null. target: the member whom it is
    about. amount: a whole number from 1 to 2^53 - 1, money in minor units. connection: which socket of the
    member. device: the device, by a random id that it keeps; never its address. name: the name that is shown.
    folded: the name as names are compared: Unicode NFKC, then case folding, blanks at both ends gone. team:
    the team.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._all = Calls(keys)._all

    def _act(
        self, name: str, session_id: Id, op_id: str, keys: list[str], *args: str | float | None
    ) -> Call[Versioned[Any]]:
        k = self.keys
        named = [k.state(session_id), k.log(session_id), k.idem(session_id, op_id or "none"), *keys]
        shared = (self.keys.events(session_id), op_id, TTL["state"], LOG_MAX, TTL["idem"])
        return Call(name, self._all(session_id, (), *named), _argv(*shared, *args), _numbered(Versioned))

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

    def pause_without_host(
        self, session_id: Id, *, op_id: str = "", absent_ms: int = 600000
    ) -> Call[Versioned[PauseWithoutHostResult]]:
        """A worker pauses a room whose host is away for too long, and everybody is told why. Serves US-021
        (prd.md:123), US-021.1 (prd.md:125).

        not now: the phase is another one. early: the owner is there, or was until lately.
        """
        return self._act("pause_without_host", session_id, op_id, [], absent_ms)

    def take_up(self, session_id: Id, member: Id, *, op_id: str = "") -> Call[Versioned[TakeUpResult]]:
        """The host, back again, takes a room up that was paused without one.

        not allowed: the role of who calls does not do this. not now: the phase is another one.
        """
        return self._act("take_up", session_id, op_id, [], encode_id(member))

    def start_question(
        self, session_id: Id, member: Id, round: Id, value: object, *, op_id: str = "", length_ms: int = 60000
    ) -> Call[Versioned[StartQuestionResult]]:
        """The host starts the next question for everybody at the same time; its end is set by the server's clock.
        Serves US-008 (prd.md:72).

        not allowed: the role of who calls does not do this. not now: the phase is another one. again: it is on
        already.
        """
        return self._act(
            "start_question", session_id, op_id, [], encode_id(member), encode_id(round), _json(value), length_ms
        )

    def time_up(self, session_id: Id, round: Id, *, op_id: str = "") -> Call[Versioned[TimeUpResult]]:
        """A worker ends the question when its time is over by the server's clock; before that it is refused. Serves
        US-011 (prd.md:85).

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
        """The host, or the service for the host, shows the result of a closed question to everybody at once. Serves
        US-011 (prd.md:85).

        not allowed: the role of who calls does not do this. not now: the phase is another one. stale: it is not
        the current one any more.
        """
        return self._act("reveal", session_id, op_id, [], encode_id(member), encode_id(round), _json(value))

    def reveal_now(
        self, session_id: Id, round: Id, value: object, *, op_id: str = ""
    ) -> Call[Versioned[RevealNowResult]]:
        """A worker shows the result of a closed question, without waiting for the host. Serves US-011 (prd.md:85).

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
        """A player is there again and everybody sees it.

        no seat: who calls has no seat here.
        """
        return self._act("back", session_id, op_id, [self.keys.roster(session_id)], encode_id(member))

    def award(self, session_id: Id, target: Id, amount: int, *, op_id: str = "") -> Call[Versioned[AwardResult]]:
        """The service gives a player points; sent again they count once. Serves US-012 (prd.md:89), US-013
        (prd.md:92), US-013.1 (prd.md:94).

        unknown: the one whom it is about has no seat here.
        """
        return self._act(
            "award",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.score(session_id)],
            encode_id(target),
            amount,
        )

    def take_back(self, session_id: Id, target: Id, amount: int, *, op_id: str = "") -> Call[Versioned[TakeBackResult]]:
        """The service takes points back that were given, such as those of a skipped question. Serves US-015
        (prd.md:99).

        unknown: there is no such thing.
        """
        return self._act("take_back", session_id, op_id, [self.keys.score(session_id)], encode_id(target), amount)

    def join(
        self,
        session_id: Id,
        member: Id,
        connection: Id,
        device: Id,
        name: str,
        folded: str,
        *,
        op_id: str = "",
        capacity: int = 60,
        lease_ms: int = 90000,
        connections: int = 1,
    ) -> Call[Versioned[JoinResult]]:
        """Somebody takes a seat under a name that nobody else has; who had a seat has it again. Serves R-7adad
        (prd.md:17), R-6353a (prd.md:31), US-002 (prd.md:45) and 5 more.

        banned: this member or device was banned from here. name taken: another member has this name. full: no
        seat is left.
        """
        return self._act(
            "join",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.presence(session_id)],
            encode_id(member),
            encode_id(connection),
            encode_id(device),
            name,
            folded,
            capacity,
            lease_ms,
            connections,
        )

    def kick(
        self, session_id: Id, member: Id, target: Id, device: Id, *, op_id: str = "", bans: int = 128
    ) -> Call[Versioned[KickResult]]:
        """The host removes a player; neither the member nor the device comes back. Serves US-006 (prd.md:62),
        US-006.1 (prd.md:64).

        not allowed: nobody does this to themselves. unknown: the one whom it is about has no seat here. full: as
        many are banned as may be.
        """
        return self._act(
            "kick",
            session_id,
            op_id,
            [self.keys.roster(session_id), self.keys.presence(session_id)],
            encode_id(member),
            encode_id(target),
            encode_id(device),
            bans,
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
        """The host starts over with everybody who is there: the phase is the lobby again and no points are left.
        Serves US-025 (prd.md:141).

        not allowed: the role of who calls does not do this. not now: the phase is another one.
        """
        return self._act("rematch", session_id, op_id, [self.keys.score(session_id)], encode_id(member))

    def answer(
        self, session_id: Id, member: Id, round: Id, value: object, *, op_id: str = ""
    ) -> Call[Versioned[AnswerResult]]:
        """A player gives one answer, and the first one counts; only the number is announced. Serves US-009
        (prd.md:76), US-009.1 (prd.md:78), US-009.2 (prd.md:79) and 3 more.

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
        """The service ends the round as soon as every player who is connected has given one answer. Serves US-011.1
        (prd.md:87).

        not now: the phase is another one. stale: it is not the current one any more. waiting: somebody who is
        connected has not yet.
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
