"""Python code as it stands in cells: with IPython's magics, read without running it (pure)."""

from __future__ import annotations

import ast
import io
import re
import tokenize

# Cell magics whose body is still Python that runs in the notebook's namespace.
_PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "px", "memit", "mprun", "lprun"})

_LINE_MAGIC = re.compile(r"^(\s*)[%!?]")
_HELP_QUERY = re.compile(r"^(\s*)[\w.]+\?{1,2}\s*$")
_ASSIGNED_MAGIC = re.compile(r"^(\s*[\w, ]+=)\s*[%!].*$")


def plain_python(source: str) -> str:
    """Replace IPython's syntax by Python of as many lines; "" for a cell of another language."""
    if source.lstrip().startswith("%%"):
        head, _, body = source.lstrip().partition("\n")
        if head[2:].split(" ")[0].strip() not in _PYTHON_MAGICS:
            return ""
        blank = source[: len(source) - len(source.lstrip())].count("\n") + 1
        source = "\n" * blank + body
    if _parses(source):  # a line of a string may begin with a % that is no magic
        return source
    return "\n".join(_plain_line(line) for line in source.split("\n"))


def parse_leniently(source: str) -> ast.Module:
    """Parse what can be parsed: up to the first statement that this Python cannot read.

    The kernel's Python may be newer than ours, so that is no error here.
    """
    lines = plain_python(source).split("\n")
    while lines:
        try:
            return ast.parse("\n".join(lines))
        except SyntaxError as error:
            lines = lines[: max(0, min(len(lines), error.lineno or 1) - 1)]
        except (ValueError, RecursionError, MemoryError):  # NUL bytes, absurd nesting
            break
    return ast.Module(body=[], type_ignores=[])


def imported_modules(source: str) -> set[str]:
    """Top-level names of the modules that a cell imports, at any depth of its code."""
    found: set[str] = set()
    for node in ast.walk(parse_leniently(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found - {"__future__"}


def modules_at_top(source: str) -> list[str]:
    """Dotted names of the modules that a cell's own statements import, in order.

    ``from a import b`` gives ``a`` and ``a.b``, which may not be a module.
    """
    found: dict[str, None] = {}
    for node in parse_leniently(source).body:
        if isinstance(node, ast.Import):
            found.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found[node.module] = None
            names = [alias.name for alias in node.names if alias.name != "*"]
            found.update(dict.fromkeys(f"{node.module}.{name}" for name in names))
    return [name for name in found if name.partition(".")[0] != "__future__"]


def comments_of(source: str) -> dict[int, tuple[int, str]]:
    """Comments by line (1-based): the column where each begins, and its text without ``#``."""
    found: dict[int, tuple[int, str]] = {}
    reader = io.StringIO(plain_python(source)).readline
    try:
        for token in tokenize.generate_tokens(reader):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = (token.start[1], token.string.lstrip("#: ").strip())
    except (tokenize.TokenError, SyntaxError):
        pass  # what came before the error is found
    return found


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _plain_line(line: str) -> str:
    if match := _LINE_MAGIC.match(line) or _HELP_QUERY.match(line):
        return f"{match[1]}pass"
    if match := _ASSIGNED_MAGIC.match(line):
        return f"{match[1]} ..."
    return line
