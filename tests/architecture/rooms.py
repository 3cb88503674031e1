"""The project's own source, read once for the checks of this folder."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("sweeps", "service", "workers", "sweepctl")
_SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
_NOT_A_REASON = re.compile(r"noqa(:\s*[A-Z0-9, ]+)?|type:\s*ignore(\[[^\]]*\])?|pragma:[^#]*")


@dataclass(frozen=True)
class Module:
    """One source file. `name` is its path from the root, with slashes."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def code_lines(self) -> set[int]:
        """Numbers of the lines that hold code: no blank line, comment or docstring."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        used = {
            line
            for token in tokens
            if token.type not in _SILENT
            for line in range(token.start[0], token.end[0] + 1)
        }
        return used - self._docstring_lines()

    def _docstring_lines(self) -> set[int]:
        found: set[int] = set()
        for node in ast.walk(self.tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_text(body[0]):
                found |= set(range(body[0].lineno, (body[0].end_lineno or 0) + 1))
        return found

    def reason_at(self, line: int) -> bool:
        """Whether the line, or the comment line above it, says why: three words or more."""
        above = self.lines[line - 2].strip() if line > 1 else ""
        comments = [self.lines[line - 1].partition("#")[2]]
        if above.startswith("#"):
            comments.append(above)
        said = (_NOT_A_REASON.sub("", comment) for comment in comments)
        return any(len(re.findall(r"\w+", text)) >= 3 for text in said)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def modules(*folders: str) -> list[Module]:
    """Every Python file under the given folders (by default the four rooms), in order."""
    paths = [path for folder in folders or ROOMS for path in (ROOT / folder).rglob("*.py")]
    return [
        Module(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in sorted(paths)
    ]
