"""A URL never shows its password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_plan.errors import ServerError
from redis_plan.server.url import address_of, checked, masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:1/2", "redis://h:1/2"),
        ("redis://:pw@h:1", "redis://:***@h:1"),
        ("rediss://user:pw@h", "rediss://user:***@h"),
        ("redis://user@h", "redis://user@h"),
        ("unix://:pw@/run/s", "unix://:***@/run/s"),
        ("redis://h?password=pw&db=1", "redis://h?password=***&db=1"),
        ("redis://:p@w@h", "redis://:***@h"),
        ("redis://:p/w@h", "redis://:***@h"),
        ("redis://:a://b@h", "redis://:***@h"),
        ("unix:///run/s", "unix:///run/s"),
    ],
)
def test_a_password_is_masked(url, shown):
    assert masked(url) == shown


@given(st.text(alphabet=st.characters(codec="utf-8")).map("Q7{}7Q".format))
def test_whatever_the_password_is_it_is_not_shown(password):
    url = f"redis://u:{password}@h.example:1"
    shown = masked(url)
    assert shown == "redis://u:***@h.example:1"
    try:
        checked(url)
    except ServerError as error:
        said = str(error)
    else:
        said = ""
    assert password not in said


def test_valkey_urls_mean_the_same():
    assert checked("valkey://h:1") == "redis://h:1"
    assert checked("valkeys://h") == "rediss://h"
    assert address_of("redis://[::1]:7") == ("tcp", "::1", 7)
