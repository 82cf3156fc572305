"""redis.conf: what differs from the default of the build that is to run it, and what the design depends on, with reasons."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.delivery.artefact import plain
from redis_plan.keyspace.settings import Setting

FILE = "redis.conf"
_WIDTH = 108
#: Units of the quantities that are no facts of the Brief; the formulas are over base units.
_UNITS = {"maxmemory": "B", "hard_limit": "B", "write_bytes": "B/s", "conn_rate": "events/s"}


@dataclass(frozen=True, slots=True)
class Target:
    """The build that is to run the configuration."""

    product: str  # "redis" or "valkey"
    version: str

    def __str__(self) -> str:
        """Return the build as a person names it."""
        return f"{self.product.capitalize()} {self.version}"

    def has(self, setting: Setting) -> bool:
        """Whether the build knows the directive."""
        first = dict(setting.since).get(self.product, "0")
        return _numbers(self.version) >= _numbers(first)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What goes into the file, and what stays out of it with the reason."""

    kept: tuple[Setting, ...]
    left_out: tuple[tuple[Setting, str], ...]


def choose(settings: Sequence[Setting], target: Target) -> Chosen:
    """Leave out what ``target`` does not know, and what it does anyway unless the design depends on it."""
    kept, out = [], []
    for setting in settings:
        default = dict(setting.defaults).get(target.product)
        if not target.has(setting):
            out.append((setting, f"unknown to {target}, known since {dict(setting.since)[target.product]}"))
        elif default == setting.value and not setting.depends:
            others = [f"{p.capitalize()} has {d or 'none'}" for p, d in setting.defaults if d != default]
            out.append(
                (setting, f"the default of {target}" + (f"; {', '.join(others)}: set it there" if others else ""))
            )
        else:
            kept.append(setting)
    return Chosen(tuple(kept), tuple(out))


def redis_conf(brief: Brief, settings: Sequence[Setting], target: Target, names: Mapping[str, float]) -> str:
    """Return redis.conf for ``target``; ``names`` are the facts and quantities that the formulas may use."""
    chosen = choose(settings, target)
    lines = [
        f"# {plain(brief.title)}: redis.conf for {target}. Written by redis-plan: what differs from the default, and what the design depends on.",
        "#",
        *_comment(
            "Users are in users.acl, without a password: README.md says how they get one. The line below then names that file. "
            "Addresses, TLS and folders are the operator's: bind, tls-port, dir, logfile."
        ),
        "# aclfile /etc/redis/users.acl",
    ]
    for setting in chosen.kept:
        default = dict(setting.defaults).get(target.product, "")
        lines += ["", *_comment(f"{plain(setting.because)}. Default: {default or 'none'}.")]
        if setting.formula:
            lines += _comment(f"= {setting.formula}{_with(brief, setting, names)}")
        lines.append(setting.line)
    if chosen.left_out:
        lines += ["", "# Left out, because this build needs no line for it or does not know it:"]
        lines += [line for s, why in chosen.left_out for line in _comment(f"{s.line}: {why}", "  ")]
    return "\n".join(lines) + "\n"


def _with(brief: Brief, setting: Setting, names: Mapping[str, float]) -> str:
    """Return the numbers behind a formula, each with its source."""
    facts = {f.name: f for f in brief.facts}
    told = []
    for name in dict.fromkeys(re.findall(r"[a-z_]{3,}", setting.formula)):
        if name in facts:
            told.append(f"{name} = {units.write(facts[name].value, facts[name].unit)} ({facts[name].where})")
        elif name in names:
            told.append(f"{name} = {units.write(names[name], _UNITS.get(name, ''))}")
    return f", with {'; '.join(told)}" if told else ""


def _comment(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"# {indent}",
        subsequent_indent=f"#   {indent}",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
