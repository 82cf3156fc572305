"""Labels at the ends of lines: in order, apart, on the page, whatever the numbers."""

import itertools

import matplotlib.pyplot as plt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_plan import figures


@given(st.lists(st.floats(0, 100), max_size=8))
def test_labels_keep_their_order_and_their_distance(places):
    found = figures.apart(places, 9, 108)
    assert len(found) == len(places)
    order = sorted(range(len(places)), key=places.__getitem__)
    for below, above in itertools.pairwise(order):
        assert found[above] - found[below] == pytest.approx(9) or found[above] - found[below] > 9
    assert all(place <= 108 for place in found)


def test_labels_that_have_room_stand_where_they_belong():
    assert figures.apart([98, 52, 10], 9, 108) == [98, 52, 10]


def test_labels_around_the_middle_come_to_rest():
    assert figures.apart([50.0, 53.0, 54.0], 9, 108) == [50.0, 59.0, 68.0]


def test_a_label_that_keeps_off_its_line_by_a_blank_does_so_in_the_svg_too():
    figures.use_theme()
    figure, axes = plt.subplots()
    axes.text(1, 0, "the budget ", ha="right")
    axes.text(0, 0, " first deadline")
    drawn = figures.render_svg(figure)
    assert ">the budget\u00a0<" in drawn
    assert ">\u00a0first deadline<" in drawn
