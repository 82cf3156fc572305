"""A fingerprint says what influences a measurement, and nothing that identifies a person."""

import os
import re
from dataclasses import replace
from pathlib import Path

from redis_plan import server
from redis_plan.codec import from_json, to_json
from redis_plan.server import Fingerprint
from redis_plan.server.fingerprint import defaults


def test_it_names_build_allocator_and_machine(own_server):
    mark, info = own_server.fingerprint, own_server.client().info()
    assert (mark.product, mark.version) == (
        ("valkey", info["valkey_version"]) if "valkey_version" in info else ("redis", info["redis_version"])
    )
    assert mark.allocator.split(",")[0].removesuffix(" malloc") == info["mem_allocator"]
    assert mark.arch == "64 bit"
    assert mark.describe().startswith(f"{mark.product.capitalize()} {mark.version} (")
    assert mark.settings["hash-max-listpack-entries"] == own_server.setting("hash-max-listpack-entries")


def test_jemalloc_is_told_with_its_quantum(own_server):
    """A string of 17 bytes of payload takes another size class under quantum 16 than under 8."""
    mark = own_server.fingerprint
    if mark.allocator.startswith("jemalloc"):
        assert re.fullmatch(r"jemalloc-[\d.]+, quantum (8|16)", mark.allocator)
    else:
        assert mark.allocator == "libc malloc"


def test_it_holds_no_host_no_path_and_no_user(own_server):
    text = to_json(own_server.fingerprint)
    assert os.uname().nodename not in re.findall(r"[\w.-]+", text)
    assert str(Path.home()) not in text
    assert own_server.folder not in text


def test_it_is_the_same_for_the_same_build_and_another_for_other_settings(own_server):
    with server.open_own({}, like=own_server) as same, server.open_own({"hz": "99"}, like=own_server) as other:
        assert same.fingerprint == own_server.fingerprint
        assert same.fingerprint.id == own_server.fingerprint.id
        assert other.fingerprint.id != same.fingerprint.id
        assert replace(other.fingerprint, settings=same.fingerprint.settings) == same.fingerprint


def test_it_survives_json(own_server):
    assert from_json(Fingerprint, to_json(own_server.fingerprint)) == own_server.fingerprint


def test_documented_defaults_are_those_of_a_server_that_nobody_configured(own_server):
    """Only ``save`` differs: ours never writes a snapshot unless asked."""
    mark = own_server.fingerprint
    for name, value in mark.settings.items():
        if name != "save":
            assert defaults()[name][mark.product] == value, name
