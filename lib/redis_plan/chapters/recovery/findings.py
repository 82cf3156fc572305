"""What notebook 08 found, as sections 8 and 9 may use it."""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan.evidence.findings import Findings, Found, Number, maybe, number, record


@dataclass(frozen=True, slots=True)
class Survival(Found):
    """Acknowledged changes and those lost to a kill, by how often the append-only file is synced."""

    everysec_acked: Number = number("changes")
    everysec_lost: Number = number("changes")
    always_acked: Number = number("changes")
    always_lost: Number = number("changes")
    no_persistence_acked: Number = number("changes")
    no_persistence_lost: Number = number("changes")
    torn_lost: Number = number("changes")
    restart: Number = number("s")
    read_rate: Number | None = maybe("B/s")


@dataclass(frozen=True, slots=True)
class Convergence(Found):
    """From a kill of the server until every client was right again, and what each was answered."""

    convergence: Number = number("s")
    slowest: Number = number("s")
    deltas: Number = number("answers")
    snapshots: Number = number("answers")
    clients: Number = number("clients")
    wrong: Number = number("clients")
    epoch_changes: Number = number("clients")


@dataclass(frozen=True, slots=True)
class Replies(Found):
    """Errors provoked one by one; the samples have the text of each."""

    seen: Number = number("faults")
    end_under_oom: Number = number("sessions")


@dataclass(frozen=True, slots=True)
class PartialLoss(Found):
    """One key of a session taken away on its own; the conditions say what a client is answered."""

    trials: Number = number("trials")
    wrong: Number = number("trials")
    untimed: Number = number("keys")
    control_wrong: Number = number("trials")


@dataclass(frozen=True, slots=True)
class Recovery(Findings):
    """What is known of recovery."""

    survival: Survival | None = record("E-08a", Survival)
    with_file: Convergence | None = record("E-08b", Convergence)
    without_file: Convergence | None = record("E-08c", Convergence)
    replies: Replies | None = record("E-08d", Replies)
    partial: PartialLoss | None = record("E-08e", PartialLoss)
