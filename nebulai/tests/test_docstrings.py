"""The examples in the docstrings of modules name what is there, and call it as it can be called."""

import ast
import builtins
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands

APPS = ("accounts", "dashboard", "galaxies", "nebulai")
FILES = [
    path.relative_to(settings.BASE_DIR)
    for app in APPS
    for path in sorted(Path(settings.BASE_DIR, app).rglob("*.py"))
    if not {"tests", "migrations"} & set(path.parts)
]


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse((settings.BASE_DIR / path).read_text()), clean=False) or ""


def examples(text: str) -> Iterator[ast.Module]:
    """Paragraphs of code: those that parse and do something, and indented ones, which have to."""
    for paragraph in text.split("\n\n")[1:]:
        try:
            block = ast.parse(textwrap.dedent(paragraph.strip("\n")))
        except SyntaxError:
            assert not paragraph.startswith("    ") or "manage.py" in paragraph, f"no Python:\n{paragraph}"
            continue
        if any(isinstance(node, ast.Call | ast.Assign | ast.ImportFrom) for node in ast.walk(block)):
            yield block


def imported(source: ast.AST) -> Iterator[tuple[str, Any]]:
    for node in ast.walk(source):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, getattr(importlib.import_module(node.module), alias.name)


def known(module: ModuleType, path: Path, block: ast.Module) -> dict[str, Any]:
    """What an example of a module may name: what the module has or imports for its types, and the example itself."""
    source = ast.parse((settings.BASE_DIR / path).read_text())
    return {**vars(builtins), **dict(imported(source)), **vars(module), **dict(imported(block))}


def wrong(block: ast.Module, names: dict[str, Any]) -> Iterator[str]:
    """Names written large or called that are nowhere, and calls that their functions would not take."""
    arguments = {node.id for node in ast.walk(block) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    made = dict(results(block, names))
    for node in ast.walk(block):
        if isinstance(node, ast.Name) and node.id[0].isupper() and node.id not in names:
            yield f"{node.id} is not there"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in made:
            owner = made[node.value.id]
            if not hasattr(owner, node.attr) and node.attr not in getattr(owner, "__annotations__", {}):
                yield f"{owner.__name__} has no {node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in arguments:
            if node.func.id not in names:
                yield f"{node.func.id}() is not there"
            elif not takes(names[node.func.id], node):
                yield f"{node.func.id}() does not take {ast.unparse(node)}"


def results(block: ast.Module, names: dict[str, Any]) -> Iterator[tuple[str, type]]:
    """Of `x = f(...)`: x, and the class of this project that f returns."""
    for node in block.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call):
            called = names.get(getattr(node.value.func, "id", ""))
            module = inspect.getmodule(called)
            result = called if inspect.isclass(called) else getattr(called, "__annotations__", {}).get("return")
            result = getattr(module, result, None) if isinstance(result, str) else result
            if inspect.isclass(result) and result.__module__.split(".")[0] in APPS:
                yield node.targets[0].id, result


def takes(function: Any, call: ast.Call) -> bool:
    try:
        signature = inspect.signature(function)
    except ValueError:  # a builtin
        return True
    if any(isinstance(each, ast.Starred) for each in call.args):
        return True
    try:
        signature.bind(*call.args, **{each.arg: each.value for each in call.keywords if each.arg})
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("path", [path for path in FILES if "\n\n" in docstring(path)], ids=str)
def test_examples_run_as_far_as_their_names(path: Path) -> None:
    module = importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
    mistakes = [each for block in examples(docstring(path)) for each in wrong(block, known(module, path, block))]
    assert not mistakes


def test_commands_that_docstrings_name_are_there() -> None:
    named = {word for path in FILES for word in re.findall(r"manage\.py ([a-z_]+)", docstring(path))}
    assert "train" in named
    assert named <= set(get_commands())


def test_mistakes_are_found() -> None:
    names = {**vars(builtins), "Path": Path}
    for code in ("paint(image)", "Gone", "len(1, 2)", "x = Path('a'); nothing(x)"):
        assert list(wrong(ast.parse(code), names)), code
    assert not list(wrong(ast.parse("x = Path(place); print(x.name); step = 1; step(x)"), names))
