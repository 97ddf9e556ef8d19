"""Comments and docstrings name things by nouns, and refer to files of the repository."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.support.template_facts import ROOT

SOURCES = ("layers/posthorn", "functions", "local", "tests")
MOST_PER_1000_WORDS = 2
WORST_SHOWN = 15
OWN = Path(__file__)
# A clause in place of a noun: the reader has to find the noun.
CLAUSE = re.compile(
    r"\bwhat (?:is|was|are|were|it|they|the|a|an|its|came|comes|holds|has|there|became)\b"
    r"|\b(?:whatever|whoever)\b",
    re.IGNORECASE,
)
WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
DIRECTIVE = re.compile(r"#\s*(?:noqa|type:|!)")  # for a tool, without prose
# Working notes that are not part of the repository.
NOT_HERE = re.compile(r"\b(design|norce|local-stack|peers|style)\.md\b")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def prose(path: Path) -> Iterator[str]:
    """Yield each comment and docstring of a Python file."""
    source = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not DIRECTIVE.match(token.string):
            yield token.string.lstrip("# ")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield text


def test_comments_and_docstrings_seldom_use_a_clause_in_place_of_a_noun() -> None:
    words, clauses = 0, {}
    for path in sorted(each for source in SOURCES for each in (ROOT / source).rglob("*.py")):
        text = "\n".join(prose(path))
        words += len(WORD.findall(text))
        if found := [" ".join(each.split()) for each in CLAUSE.findall(text)]:
            clauses[str(path.relative_to(ROOT))] = found

    total = sum(map(len, clauses.values()))
    figure = 1000 * total / words
    worst = sorted(clauses.items(), key=lambda each: -len(each[1]))[:WORST_SHOWN]
    report = "\n".join(f"{len(found):4} {name}: {', '.join(found[:5])}" for name, found in worst)
    print(f"{figure:.2f} clauses per 1,000 words ({total} in {words})")  # noqa: T201 - the figure
    assert figure < MOST_PER_1000_WORDS, f"{figure:.2f} clauses per 1,000 words, most in\n{report}"


def texts() -> Iterator[tuple[str, str]]:
    """The names and contents of all files, without those that tools and runs leave behind."""
    for top in ROOT.iterdir():
        if top.name in (".ci", ".github") or not top.name.startswith("."):
            for path in [top] if top.is_file() else top.rglob("*"):
                if path.is_file() and path.suffix not in (".pyc", ".png") and path != OWN:
                    name = str(path.relative_to(ROOT))
                    yield name, path.read_text(encoding="utf-8", errors="replace")


def test_no_file_refers_to_notes_outside_of_the_repository() -> None:
    assert [name for name, text in texts() if NOT_HERE.search(text)] == []
