"""Words of users, as plotly reads them."""

from __future__ import annotations

import html
import textwrap


def wrapped(words: str) -> str:
    """A sentence in lines that fit beside the pointer."""
    return "<br>".join(map(escaped, textwrap.wrap(words, 90)))


def broken(label: str) -> str:
    """A label with its own line breaks."""
    return "<br>".join(map(escaped, label.split("\n")))


def escaped(text: str) -> str:
    """plotly reads a little HTML in every text."""
    return html.escape(text, quote=False)
