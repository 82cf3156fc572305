"""A session as plain Python: what each function must do, without Redis. The property tests hold the Lua to it.

The state of the model is what a reader of the keys would see; every method answers as the function does. Time is left out
but for leases, which the tests let lapse by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ENDED = ("ended", "handed_over")


@dataclass
class Session:
    """One session that exists: its fields, its members with data, its leases in order of their end, and its log."""

    epoch: str
    fields: dict[str, str] = field(default_factory=dict)
    status: str = "open"
    version: int = 0
    receipt: str = ""
    roster: dict[str, str] = field(default_factory=dict)
    leases: list[str] = field(default_factory=list)  # the one that ends first in front
    collection: dict[str, str] = field(default_factory=dict)
    log: list[tuple[str, int, str]] = field(default_factory=list)  # epoch, version, type

    @property
    def ended(self) -> bool:
        """Whether it takes no change any more."""
        return self.status in ENDED

    def advance(self, kind: str) -> int:
        """Version + 1 and one entry of the log: no change has one without the other."""
        self.version += 1
        self.log.append((self.epoch, self.version, kind))
        return self.version

    def of(self, member: str) -> list[str]:
        """The member's connections, the lease that ends first in front."""
        return [c for c in self.leases if c.partition("#")[0] == member]


@dataclass
class Model:
    """What a session's keys hold; ``session`` is None where there is none."""

    seats: int
    bound: int
    log_max: int
    session: Session | None = None
    remembered: dict[str, tuple[str, int]] = field(default_factory=dict)  # op id → epoch and version

    def create(self, epoch: str, fields: dict[str, str]) -> str:
        """Make the session where there is none."""
        if self.session:
            return "exists"
        self.session = Session(epoch, dict(fields))
        return "created"

    def join(self, connection: str, data: str, connections: int) -> list[object]:
        """Take a seat and a lease; one connection too many takes over the lease that ends first."""
        s = self.session
        if s is None:
            return [0, "gone"]
        if s.ended:
            return [s.version, "ended"]
        member = connection.partition("#")[0]
        if member not in s.roster and len(s.roster) >= self.seats:
            return [s.version, "full"]
        mine = s.of(member) if member in s.roster else []
        taken = mine[0] if connection not in s.leases and len(mine) >= connections else None
        s.leases = [c for c in s.leases if c not in (connection, taken)] + [connection]
        data = s.roster.get(member, data) if data == "null" else data
        told = s.roster.get(member) != data or taken is not None
        if told:
            s.roster[member] = data
            s.advance("join")
        return [s.version, "joined" if told else "again"]

    def leave(self, name: str) -> list[object]:
        """Give back the seat, or one connection and the seat with the last of them."""
        s = self.session
        if s is None:
            return [0, "gone"]
        if s.ended:
            return [s.version, "ended"]
        member = name.partition("#")[0]
        if name != member:
            if name not in s.leases:
                return [s.version, "absent"]
            s.leases.remove(name)
            if s.of(member):
                return [s.version, "stays"]
        elif member not in s.roster:
            return [s.version, "absent"]
        s.leases = [c for c in s.leases if c.partition("#")[0] != member]
        s.roster.pop(member, None)
        return [s.advance("leave"), "left"]

    def heartbeat(self, connection: str) -> str:
        """Renew a lease: it is then the one that ends last."""
        s = self.session
        if s is None or s.ended:
            return "ended" if s else "gone"
        if connection not in s.leases:
            return "lapsed"
        s.leases = [c for c in s.leases if c != connection] + [connection]
        return "renewed"

    def sweep(self, lapsed: set[str]) -> set[str]:
        """Remove the connections whose lease has lapsed, and the seats of members without a lease; never of an ended one."""
        s = self.session
        if s is None or s.ended:
            return set()
        gone = {c for c in s.leases if c in lapsed}
        s.leases = [c for c in s.leases if c not in gone]
        for member in {c.partition("#")[0] for c in gone}:
            if not s.of(member) and s.roster.pop(member, None) is not None:
                s.advance("leave")
        return gone

    def _refusal(self, op: str, expected: int | None) -> list[object] | None:
        s = self.session
        if s is None:
            return [0, "gone"]
        epoch, version = self.remembered.get(op, ("", 0))
        if op and epoch == s.epoch:
            return [version, "duplicate"]
        if s.ended:
            return [s.version, "ended"]
        return [s.version, "conflict"] if expected not in (None, s.version) else None

    def _applied(self, kind: str, op: str) -> list[object]:
        assert self.session
        version = self.session.advance(kind)
        if op:  # an epoch that comes back has nothing of its first time, once another one had an answer
            mine = self.session.epoch
            self.remembered = {o: r for o, r in self.remembered.items() if r[0] == mine} | {op: (mine, version)}
        return [version, "ok"]

    def apply(self, op: str, expected: int | None, fields: dict[str, str]) -> list[object]:
        """Change fields; the same operation counts once within an epoch."""
        if refused := self._refusal(op, expected):
            return refused
        assert self.session
        self.session.fields |= fields
        return self._applied("change", op)

    def record(self, op: str, element: str, value: str, expected: int | None = None, *, once: bool) -> list[object]:
        """Write one element of the collection; once: not where there is one."""
        if refused := self._refusal(op, expected):
            return refused
        assert self.session
        there = self.session.collection
        if element in there and once:
            return [self.session.version, "taken"]
        if element not in there and len(there) >= self.bound:
            return [self.session.version, "full"]
        there[element] = value
        return self._applied("record", op)

    def renew(self, epoch: str) -> list[object]:
        """Another epoch in place; nothing else changes."""
        s = self.session
        if s is None:
            return [0, "gone"]
        if s.epoch == epoch:
            return [s.version, "same"]
        s.epoch = epoch
        return [s.advance("epoch"), "renewed"]

    def end(self) -> list[object]:
        """Take no change any more; what it holds stays."""
        s = self.session
        if s is None or s.ended:
            return [s.version, "again"] if s else [0, "gone"]
        s.status = "ended"
        return [s.advance("end"), "ended"]

    def hand_over(self, receipt: str) -> list[object]:
        """Acknowledge the result of an ended session."""
        s = self.session
        if s is None:
            return [0, "gone"]
        if s.status != "ended":
            return [s.version, "again" if s.ended else "open"]
        s.status, s.receipt = "handed_over", receipt
        return [s.advance("handed_over"), "handed_over"]

    def remove(self) -> str:
        """Everything goes, once the result was handed over."""
        if self.session and self.session.status != "handed_over":
            return self.session.status
        self.session = None
        return "removed"

    def catch_up(self, epoch: str, version: int, overlap: int = 0) -> str:
        """What a client gets: the last events that it has, those that it missed, without a hole, or everything."""
        s = self.session
        if s is None:
            return "gone"
        missed = s.version - version
        wanted = missed + min(overlap, version)
        kept = s.log[-self.log_max :][-wanted:] if wanted > 0 else []
        whole = len(kept) == max(0, wanted) and all(e == s.epoch for e, _, _ in kept)
        return "delta" if s.epoch == epoch and 0 <= missed <= self.log_max and whole else "snapshot"
