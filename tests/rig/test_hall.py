"""A hall measures what it says: every change on every client by each way, and what is lost, repeated or late is seen."""

from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from redis_plan import server
from redis_plan.measure import histogram
from redis_plan.rig import actors, hall
from redis_plan.rig.feeds import KEYSPACE
from redis_plan.rig.hall import Phase, Room
from redis_plan.rig.verdict import judged
from tests.benchmarks import sync, sync_socketio
from tests.delivery import made


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivered")
    return made.write(made.of(made.SAMPLE, folder).artefacts, folder / "redis")


@pytest.mark.parametrize("feed", ["pubsub", "sharded", "streams", "woken", "notified", "tracked"])
def test_every_change_reaches_every_client_in_order_and_once(delivered: Path, feed: str) -> None:
    sessions = ["a", "b", "c"]
    with server.open_own({"port": "auto", "notify-keyspace-events": KEYSPACE}) as own:
        hall.opened(delivered, own, sessions)
        with hall.gateway(delivered, [f"redis://127.0.0.1:{own.address[2]}"], feed=feed) as gateway:
            phases = [Phase(60, 1.0, shape) for shape in actors.SHAPES]
            rooms = [Room(session, 4, feed=feed) for session in sessions]
            seen, counts = hall.fan_out(delivered, own, rooms, phases, [gateway], settle_s=0.1)
    assert len(seen) == len(phases)
    assert all(phase.whole and phase.latency.count == phase.changes for phase in seen)
    assert set(counts) == {"pieces", "bytes", "events"}


@pytest.mark.skipif(not sync_socketio.installed(), reason="needs Node and the packages of tests/delivery/typescript")
@pytest.mark.parametrize("way", sync_socketio.WAYS)
def test_an_adapter_of_socket_io_is_told_of_every_change_in_its_own_form(delivered: Path, way: str) -> None:
    row = sync.measure(way, 12, 4, delivered, 1.0, ladder=(100,))
    assert all(seen.whole and seen.latency.count == seen.changes for seen in row.seen)
    assert set(row.counts) == {"pieces", "bytes", "events"}


@dataclass
class Got:
    """One client's stream."""

    room: str = "a"
    over: bool = False
    received: bytearray = field(default_factory=lambda: bytearray(b"HTTP/1.1 101\r\n\r\n"))
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    times: "array[int]" = field(default_factory=lambda: array("q"))

    def get(self, text: str, at_ns: int = 0) -> "Got":
        self.received += b"\x81\x7e" + len(text).to_bytes(2, "big") + text.encode()
        self.ends.append(len(self.received))
        self.times.append(at_ns)
        return self


def event(version: int, at: int = 0) -> str:
    return f'{{"e":"ab","v":{version},"ts":1,"t":"move","op":"","d":{{"p":1,"at":{at},"x":""}}}}'


def test_what_a_client_missed_had_twice_or_had_in_another_order_is_counted() -> None:
    got = Got().get('{"t":"~snapshot","e":"ab","v":3,"d":{}}')
    for version in (4, 6, 6, 5):
        got.get(event(version))
    got.get('{"t":"~snapshot","e":"ab","v":9,"d":{}}')
    got.received += b"\x88\x02" + (4002).to_bytes(2, "big")
    verdict = judged([got, Got(over=True)])
    seen = {"gap": 1, "repeated": 1, "backward": 1, "snapshot": 1, "closed: slow": 1}
    assert verdict["faults"] == {**seen, "cut": 1}
    assert verdict["phases"][1]["faults"] == seen
    assert verdict["counts"]["events"] == 4


def test_an_action_that_says_nothing_of_its_time_is_as_late_as_who_called_it_says() -> None:
    first, second = (Got().get('{"t":"~snapshot","e":"ab","v":0,"d":{}}') for _ in range(2))
    told = '{"e":"ab","v":1,"ts":1,"t":"answer","op":"","d":{"member":"m1"}}'
    first.get(told, 3_000)
    second.get(told, 9_000)
    acted = [(first.room, 1, 2, 1_000), (first.room, 2, 2, 1_500)]
    phase = judged([first, second], keep=True, acted=acted)["phases"][2]
    assert (phase["changes"], phase["complete"], phase["delays_ns"]) == (1, 1, [8_000])


def test_a_change_is_late_as_its_last_client_and_whole_when_all_have_it() -> None:
    first, second = (Got().get('{"t":"~snapshot","e":"ab","v":0,"d":{}}') for _ in range(2))
    first.get(event(1, 1_000), 3_000).get(event(2, 1_000), 4_000)
    second.get(event(1, 1_000), 9_000)
    phase = judged([first, second])["phases"][1]
    assert (phase["changes"], phase["complete"]) == (2, 1)
    assert histogram.decode(phase["hdr"]).max_s == pytest.approx(8e-6, rel=0.01)


@pytest.mark.parametrize("shape", actors.SHAPES)
def test_every_shape_offers_its_rate_in_time_order_over_rooms_that_exist(shape: str) -> None:
    times, rooms = actors.SHAPES[shape](300.0, 10.0, 20, np.random.default_rng(1))
    assert len(times) == len(rooms) == pytest.approx(3000, rel=0.05)
    assert (np.diff(times) >= 0).all()
    assert set(rooms) <= set(range(20))
