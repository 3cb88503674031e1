"""`python -m docs.generate`: write the pages of docs/reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from docs.generate import cli_page, rest_page, spec_page

FOLDER = Path(__file__).resolve().parents[1] / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "spec.md": spec_page.text,
    "cli.md": cli_page.text,
    "rest.md": rest_page.text,
}


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write(), encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
