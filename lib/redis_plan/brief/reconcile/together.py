"""Claims together: what a number says that stands beside another one, and says of itself only half.

"4 to 15 players, at most 40": the bound counts the players that were named before it. "50 to 400 bidders in each auction,
and up to 2,000 viewers": who looks on is of the same auction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from redis_plan.brief.reconcile.claims import Claim, claims_of
from redis_plan.brief.reconcile.setting import Setting
from redis_plan.brief.reconcile.vocabulary import concepts

#: From here on a claim says of what the members are members.
SURE = 0.8


def read_claims(found: Sequence[Setting]) -> tuple[Claim, ...]:
    """Return what the numbers of all documents claim about scale, each by itself and by the others of its line."""
    made: list[Claim] = []
    for _, group in groupby(found, lambda setting: (setting.quantity.file, setting.quantity.line)):
        here = tuple(group)
        alone = {setting.order: tuple(claims_of(setting)) for setting in here}
        members = [claim for claims in alone.values() for claim in claims if _says_members(claim)]
        for setting in here:
            beside = tuple(_beside(setting, members)) if members and _is_count(setting) else ()
            made += beside or alone[setting.order]
    return tuple(made)


def _says_members(claim: Claim) -> bool:
    return claim.subject == "members_per_session" and claim.sure >= SURE


def _is_count(setting: Setting) -> bool:
    return setting.dimension == "" and setting.value >= 2


def _beside(setting: Setting, members: Sequence[Claim]) -> Iterator[Claim]:
    """Yield what ``setting`` says of a session whose ``members`` the same line counts; nothing where it says enough itself."""
    span, least = concepts(setting.span), min(members, key=lambda claim: claim.value)
    if span & {"everywhere", "concurrent", "registered"}:
        return
    counts = concepts(f"{setting.quantity.unit} {setting.quantity.text}")
    mine = any(claim.setting is setting for claim in members)
    if "people" in counts | span and "watchers" in counts | span and (not mine or len(members) > 1):
        yield Claim("watchers_per_session", setting, setting.upper, least.sure, "of the container beside it")
    elif "people" in counts and "watching" in span and len(members) + (not mine) > 1:
        yield Claim(
            "watchers_per_session", setting, setting.upper, least.sure, "of the container beside it, who only watch"
        )
    elif not mine and (counts & {"people"} or not setting.quantity.unit):
        of_it = [c for c in members if c.setting.sentence == setting.sentence and c.value <= setting.upper]
        if of_it and setting.quantity.op in ("<", "<="):
            yield Claim("session_capacity", setting, setting.upper, of_it[-1].sure, "bounds the number beside it")
