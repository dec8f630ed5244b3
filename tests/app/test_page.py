"""The page as it is built."""

import pytest

from app import page


def test_two_tabs_cannot_take_one_name_for_a_target():
    assert page._joined([{"a": 1}, {"b": 2}]) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match=r"two tabs use \['a'\]"):
        page._joined([{"a": 1}, {"a": 2}])


def test_every_tab_has_a_name_of_its_own():
    names = [tab.NAME for tab in page.TABS]
    assert len({*names}) == len(names)
