"""The project's own nouns in sentences that speak of sessions and members: a room is never also a session."""

from __future__ import annotations

import re

from redis_plan.keyspace.cues import plural, with_article
from redis_plan.keyspace.model import Keyspace

#: What is no prose: blocks and spans of code, the targets of links and anchors, headings of the plan's fixed sections.
_NO_PROSE = re.compile(
    r"```.*?```|`[^`\n]*`|\]\([^)\s]*\)|<a [^>]*>|^## [^\n]*|“[^”]*”|<\w+>", re.DOTALL | re.MULTILINE
)


def own_nouns(markdown: str, keyspace: Keyspace) -> str:
    """Return text with *session* and *member* as the project calls them; code, links and quotations stay as they are.

    Unchanged where the project has no sessions.
    """
    if not keyspace.session_entity:
        return markdown
    words = {"session": keyspace.session_noun, "member": keyspace.member_noun}
    pattern = re.compile(r"\b(?:(an?) )?(session|member)(s?)\b(?![-_])", re.IGNORECASE)

    def told(match: re.Match[str]) -> str:
        article, noun, many = match[1] or "", words[match[2].lower()], match[3]
        text = plural(noun) if many else with_article(noun) if article else noun
        return text[:1].upper() + text[1:] if (article or match[2])[0].isupper() else text

    pieces, at = [], 0
    for kept in _NO_PROSE.finditer(markdown):
        pieces += [pattern.sub(told, markdown[at : kept.start()]), kept[0]]
        at = kept.end()
    return "".join([*pieces, pattern.sub(told, markdown[at:])])
