"""Every error is one line that a person can act on."""

import sys

import pytest

from showtell.errors import MissingExtra, require


def test_a_missing_package_is_told_with_the_extra_that_installs_it(monkeypatch):
    require("json", "xml.sax", extra="embed", what="a table")
    with pytest.raises(MissingExtra, match=r"a table needs packages .*: pip install 'showtell\[embed\]'"):
        require("json", "no_such_package", extra="embed", what="a table")
    monkeypatch.setitem(sys.modules, "xml", None)  # while xml.sax is loaded
    with pytest.raises(MissingExtra, match=r"showtell\[ray,train\]"):
        require("xml.sax", extra="ray,train", what="work")
