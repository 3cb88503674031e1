"""The version is that of the installation."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import pytest

from service import version as module


def test_installed_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        assert version("sweepctl") == module.VERSION
    except PackageNotFoundError:
        assert module.VERSION == "0+checkout"

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", missing)
    assert module._installed() == "0+checkout"
