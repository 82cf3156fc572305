"""A URL never shows its password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_plan import server
from redis_plan.build import study
from redis_plan.errors import ServerError
from redis_plan.server.url import VARIABLE, address_of, checked, masked, revealed


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


def test_a_concealed_url_opens_its_server_and_no_other(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    with server.open_own({"port": "auto", "requirepass": "s3cret"}) as live:
        shown = server.conceal(live.secret_url)
        assert "s3cret" not in shown
        with server.open(shown) as opened:
            assert opened.client().ping()
        monkeypatch.setenv(VARIABLE, "redis://:other@elsewhere:1")
        with pytest.raises(ServerError, match="was not kept; give the whole URL, or set REDIS_PLAN_SERVER_URL"):
            revealed(shown)
    assert server.conceal("redis://h:1") == revealed("redis://h:1") == "redis://h:1"


def test_no_password_reaches_the_parameters_of_a_notebook(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "")
    order = study.Order(project=tmp_path, server_url="redis://:s3cret@h:1")
    assert {given.server_url for given in study.checked_parameters(order).values()} == {"redis://:***@h:1"}
