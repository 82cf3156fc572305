"""Given: what a document says that Redis is there for, and not what it is kept out of or may come to do later."""

from __future__ import annotations

import re

#: What a document gives Redis for: "Redis (presence, rate limits)", "Redis 7 for sessions and queues".
#: A letter of another script may stand beside the name: "用Redis做缓存".
_GIVEN_FOR = re.compile(
    r"(?<![A-Za-z0-9_])(?:redis|valkey)(?![A-Za-z0-9_])(?:\s+(?:cluster|stack|cloud|server|\d[\w.+]*))?\**\s*(?:[(（](?P<inside>[^()（）]{2,160})[)）]"
    r"|(?P<how>(?:for|to hold|to keep|dla|für|para|pour|per|voor|для)\b|用于|用作|用来|作为|做|으?로(?=\s|[가-힣])|:|：|–|—)\s*\**\s*(?P<after>[^.;|。；()（）]{2,160}))",
    re.IGNORECASE,
)
#: Where a part of it ends, and the shortest part that is no label.
_AND = re.compile(r"[,/、，;；&+]|\s(?:and|und|y|e|et|i|oraz|en|и)\s|和|及")
FEWEST_LETTERS = 4
#: What stands before the name in its clause begins after one of these: "not in Postgres but in Redis (cache)".
_CLAUSE = re.compile(
    r"[.!?;|,()。；，、（）]|\s[–—-]\s|\b(?:but|sondern|sino|mais|ma|maar|mas|lecz|ale|но|а)\b|而是|但", re.IGNORECASE
)
#: A word and the few words that may stand between it and the name.
_NEAR, _BESIDE = r"(?:\s+[^\s:]+){0,4}", r"(?:\s+(?:an?|the|von|de|d[ei]|van|own|extra|separate|eigene\w*|un[ae]?))*"
_NOT = (
    r"(?:not(?! only| just)|\w+n['’]t|cannot|never|no(?! s[oó]lo)(?![-\w])|nicht(?! nur)|niet(?! alleen)|nie(?! tylko)|nunca|não(?! só)|non(?! solo)|pas(?! seulement)"
    r"|не(?! только)|нет|without|avoid\w*|kein\w*|geen|ohne|zonder|sin|sans|senza|sem|bez|без|żadn\w+|aucun\w*)"
)
_INSTEAD = (
    r"(?:instead of|rather than|replac\w+|in place of|statt|anstatt|anstelle|zamiast|en (?:lugar|vez) de|au lieu de|plutôt que|invece di|al posto di"
    r"|em vez de|in plaats van|вместо)"
)
_LATER = r"(?:later(?! than)|sp[äa]ter|później|docelowo|más adelante|más tarde|plus tard|più avanti|in futuro|mais tarde|позже|позднее|以后|将来|後で|나중에)"
_OVER = (
    r"(?:ch[oi]\w*se\w*|choosing|prefer\w*|pick\w*|favou?r\w*|select\w*|opt(?:ed)?|wybra\w+|ponad)\b.*\b(?:over|ponad)"
)
_KEPT_OUT = re.compile(
    rf"(?<!\w)(?:{_NOT}{_NEAR}|{_INSTEAD}{_BESIDE}|{_OVER}{_BESIDE})[^\w:]*$|(?<!\w)(?:not|nicht|nie) \w+:\W*$|(?<!\w){_LATER}(?!\w)"
    r"|(?:不(?:使用|用|采用|需要|再用|是)|没有|沒有|取代|代替)\s*$",
    re.IGNORECASE,
)
#: How a part begins that is not given, and how what is said of all of them ends.
_NOT_FIRST = re.compile(rf"\W*(?:{_NOT}|{_INSTEAD})(?!\w)|不", re.IGNORECASE)
_LATER_PART = re.compile(
    rf"\W*(?:{_LATER}|optional\w*|opcjonaln\w+|opcional\w*|optionnel\w*)|.*\s{_LATER}\W*$", re.IGNORECASE
)
_REFUSED = re.compile(
    r"\b(?:(?:is|are|was|were|will be)(?: not|n['’]t)(?: be)? (?:used|needed|necessary|required|planned|considered|wanted|worth)|(?:is|are|was|were) (?:rejected|ruled out|dropped|overkill|out of scope)"
    r"|not (?:used|needed|planned)|nicht(?: \w+)?\W*$|nie (?:jest|są|będzie|był\w*)|no (?:es|se|son|será) |n['’](?:est|a|y) pas|não (?:é|será|se))|(?:不要|ない|ません|않\w*|없\w*)\W*$",
    re.IGNORECASE,
)
#: A part that another server does: "job queues in Kafka".
_ELSEWHERE = re.compile(
    r"\b(?:in|on|by|via|with|through|using|w|na|przez|auf|mit|über|en|con|dans|avec|em|com|su|met|op|в|на|через)\s+"
    r"(?:kafka|rabbitmq|nats|(?:amazon |aws )?sqs|pulsar|postgres\w*|mysql|mariadb|mongo\w*|dynamodb|memcached|firestore|sqlite)\b",
    re.IGNORECASE,
)


def given_for(text: str, language: str = "") -> list[str]:
    """Return what a line of a document in ``language`` says that Redis is there for, part by part.

    >>> given_for("State: Redis 7 (who is online, rate limits)"), given_for("Redis for caching and a leaderboard"), given_for("Redis is down")
    (['who is online', 'rate limits'], ['caching', 'a leaderboard'], [])
    >>> given_for("No Redis (cache)"), given_for("Redis (cache, later: job queue)"), given_for("Kafka was chosen over Redis for jobs")
    ([], ['cache'], [])
    """
    text, found = text[:2000], []
    for match in _GIVEN_FOR.finditer(text):
        if match["how"] and match["how"].lower() == "per" and language != "it":
            continue  # "one Redis per region"; for an Italian it is "for"
        before = _CLAUSE.split(text[max(0, match.start() - 160) : match.start()])[-1]
        said = match["inside"] or match["after"]
        rest = match["after"] or re.split(r"[.;|。；]", text[match.end() : match.end() + 160])[0]
        if _KEPT_OUT.search(before) or _REFUSED.search(rest):
            continue
        found += _parts(said)
    return found


def _parts(said: str) -> list[str]:
    found = []
    for part in (one.strip(" *`") for one in _AND.split(said)):
        if _LATER_PART.match(part):
            break  # what follows it comes later, too
        if _NOT_FIRST.match(part) or _ELSEWHERE.search(part):
            continue
        if len(part) >= FEWEST_LETTERS or not part.isascii():
            found.append(part)
    return found
