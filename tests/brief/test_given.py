"""Given: what Redis is for by the documents, and not what they keep it out of."""

import pytest

from redis_plan import brief
from redis_plan.brief.evidence import MOST_LINES, lines_of
from redis_plan.brief.given import given_for
from redis_plan.brief.model import Requirement
from redis_plan.brief.outline import Block, Section

KEPT_OUT = [
    "We do not use Redis for caching",
    "We don't need Redis for the job queue",
    "There is no need for Redis (cache)",
    "No Redis (cache)",
    "Not used: Redis (cache)",
    "Redis (not for caching)",
    "Redis for caching is not needed",
    "Redis (cache) was rejected",
    "Instead of Redis (cache), the app server keeps it",
    "Rather than a separate Redis (job queue) we use Postgres",
    "We chose Kafka over Redis for the job queue",
    "RabbitMQ was preferred over Redis (job queue)",
    "one Redis per region, with job queues in Kafka",
    "Redis (later: cache)",
    "Redis for caching later",
    "Later on: Redis (cache)",
    "Nie używamy Redis dla kolejki",
    "Zamiast Redis (kolejki) wystarczy baza",
    "Kein Redis für Warteschlangen",
    "Wir setzen nicht auf Redis für Warteschlangen",
    "Später Redis (Rangliste)",
    "No usamos Redis para colas",
    "Sin Redis (colas)",
    "Nous n'utilisons pas Redis pour le cache",
    "Au lieu de Redis (cache)",
    "Não usamos Redis para filas",
    "Geen Redis voor caching",
    "Мы не используем Redis для locks",
    "不使用Redis（热点缓存）",
    "Redis로 캐시하지 않는다",
]
GIVEN = [
    ("Not Memcached but Redis (cache)", ["cache"]),
    ("Nicht Kafka, sondern Redis für Warteschlangen", ["Warteschlangen"]),
    ("Instead of Kafka we use Redis for job queues", ["job queues"]),
    ("We replaced Kafka by Redis (queue)", ["queue"]),
    ("Updates are pushed over Redis (presence, cache)", ["presence", "cache"]),
    ("Not only Redis for caching", ["caching"]),
    ("Nie tylko Redis dla kolejki", ["kolejki"]),
    ("No single point of failure: Redis Cluster (cache)", ["cache"]),
    ("Redis for sessions, not for caching", ["sessions"]),
    ("Redis (cache, later: job queue, locks)", ["cache"]),
    ("Redis for caching, job queues in Kafka", ["caching"]),
    ("Redis (cache; rate limits)", ["cache", "rate limits"]),
]


@pytest.mark.parametrize("text", KEPT_OUT)
def test_what_redis_is_kept_out_of_is_not_given_to_it(text: str) -> None:
    assert given_for(text) == []


@pytest.mark.parametrize(("text", "parts"), GIVEN)
def test_what_redis_is_there_for_is_given_to_it_beside_what_is_not(text: str, parts: list[str]) -> None:
    assert given_for(text) == parts


@pytest.mark.parametrize(
    "stack",
    [
        "We do not use Redis for caching.",
        "We chose Kafka over Redis for the job queue.",
        "One Redis per region, with job queues in Kafka.",
    ],
)
def test_no_use_is_decided_by_what_redis_is_kept_out_of(project, stack):
    prd = "# Mill\n\n## Features\n\n- A miller writes down a delivery.\n- A miller prints a bill.\n"
    evidence = brief.read(project(prd=prd, stack=f"# Stack\n\n- {stack}\n")).evidence
    assert all(one.strength < 0.9 for one in evidence)


def test_per_is_for_in_italian_alone(project):
    stack = "# Tecnologie\n\n- Redis per cache e ranking\n"
    prd = "# Mulino\n\n## Funzionalità\n\n- Il mugnaio registra una consegna e la stampa.\n- Gli utenti vedono la classifica della settimana.\n"
    read = brief.read(project(prd=prd, stack=stack))
    assert read.language == "it"
    assert {one.use for one in read.evidence if one.strength >= 0.9} == {"cache", "leaderboard"}
    assert given_for("One Redis per cache node", "en") == []


def test_of_a_document_too_long_to_be_judged_whole_demands_come_first_and_then_the_rest_in_order():
    texts = [f"Line {n} names Redis (job queue) and more" for n in range(2 * MOST_LINES)]
    blocks = [(Block("item", text, "prd.md", n, n, 0, Section()), False) for n, text in enumerate(texts, 1)]
    late = [Requirement(f"R-{n}", texts[n - 1], "prd.md", n) for n in (7, 2 * MOST_LINES - 3, 2 * MOST_LINES)]
    found = lines_of(blocks, late, {"prd.md": "en"})
    assert len(found) == MOST_LINES
    assert [(one.line, one.requirement) for one in found[:3]] == [(r.line, r.id) for r in late]
    rest = [(one.line, one.text) for one in found[3:]]
    assert rest[:4] == [(1, texts[0]), (1, "job queue"), (2, texts[1]), (2, "job queue")]
    assert (7, "job queue") in rest
    assert (7, texts[6]) not in rest
    assert [line for line, _ in rest] == sorted(line for line, _ in rest)
    assert lines_of(blocks, (), {"prd.md": "en"})[-1].line == MOST_LINES // 2
