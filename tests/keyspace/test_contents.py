"""Events that are longer than others: what a round is about travels, is kept in the log, and counts where buffers are sized."""

from dataclasses import replace

from redis_plan.keyspace import contents, settings
from tests import projects


def test_a_question_of_the_documents_counts_in_the_log_and_in_the_buffer_of_a_stalled_gateway():
    """The sample has events of 300 B, and questions of up to 1.5 kB (prd.md:24), one every 20 s at 4 events a second."""
    brief, keyspace = projects.read(projects.SAMPLE), projects.acting(projects.SAMPLE)
    found = contents.long_events(brief, keyspace)
    assert found is not None
    assert (found.bytes, found.beyond, found.events) == (1500, 1200 + 212, 80)
    (data,) = (field for field in keyspace.use("log").fields if field.name == "d")
    assert data.max_bytes == round(300 + (1200 + 212) / 80)
    state = keyspace.use("state")
    short = replace(state, fields=tuple(f for f in state.fields if f.name not in ("content", "result")))
    plain = replace(keyspace, patterns=tuple(short if p is state else p for p in keyspace.patterns))
    with_, without = (settings.quantities(brief, k, 0.0, 0.0) for k in (keyspace, plain))
    more = with_["hard_limit"] - without["hard_limit"]
    assert abs(more - 2 * 500 * (1200 + 212)) <= 65_536  # a limit is a multiple of 64 KiB
    assert with_["write_bytes"] > without["write_bytes"]
