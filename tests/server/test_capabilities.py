"""Capabilities are asked of the server, and are what it really does."""

import pytest
import redis

from redis_plan import server
from redis_plan.server.capabilities import catalog, missing


def does(client: redis.Redis, *words: object) -> bool:
    try:
        client.execute_command(*words)
    except redis.ResponseError as error:
        return "unknown command" not in str(error) and "unknown subcommand" not in str(error)
    return True


def test_a_command_capability_is_there_exactly_when_the_command_is_known(own_server):
    client = own_server.client()
    for name, entry in catalog().items():
        words = entry.get("command", entry.get("subcommand", "")).split("|")
        if words != [""]:
            assert does(client, *words) == (name in own_server.capabilities), name


def test_trials_see_what_the_server_does(own_server):
    client = own_server.client()
    before = client.dbsize()
    client.sadd("caps", "x")
    assert (client.object("ENCODING", "caps") == b"listpack") == ("set-listpack" in own_server.capabilities)
    client.delete("caps")
    assert client.dbsize() == before


def test_what_is_missing_is_said_with_what_to_install(own_server):
    assert own_server.lacks("functions") == ""
    assert own_server.not_checked == set()
    said = own_server.lacks("stream-ack-delete")
    assert said.startswith(own_server.fingerprint.name + " has no stream-ack-delete")
    assert said.endswith("it needs Redis 8.2")
    assert "it needs Redis 7.4 or Valkey 9.0" in missing("hash-field-ttl")
    with pytest.raises(KeyError):
        own_server.lacks("time-travel")


def test_a_renamed_command_counts_as_missing_and_a_renamed_command_as_not_checked():
    with server.open_own({"rename-command": "GETEX GETEX2"}) as live:
        assert "getex" not in live.capabilities
    with server.open_own({"rename-command": 'COMMAND ""'}) as live:
        assert "getex" in live.not_checked
        assert live.lacks("getex").startswith("not checked: ")
        assert "expire-conditions" in live.capabilities
    with server.open_own({"rename-command": 'CONFIG ""'}) as live:
        assert live.fingerprint.settings == {}
        assert live.setting("hz") == "10"
        assert "cluster" in live.not_checked


def test_every_capability_says_what_it_is_for_and_what_to_install():
    for name, entry in catalog().items():
        assert set(entry) <= {"command", "subcommand", "setting", "value", "trial", "answer", "meaning", "install"}, (
            name
        )
        assert entry["meaning"], name
        assert entry["install"], name
        assert len({"command", "subcommand", "setting", "trial"} & set(entry)) == 1, name
