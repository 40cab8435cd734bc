"""The floor plan: who may import whom. Imports for types alone (TYPE_CHECKING) count like all others."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from django.conf import settings

APPS = ("accounts", "dashboard", "galaxies", "nebulai")


def modules() -> dict[str, Path]:
    """Every module of ours but tests and migrations, by its dotted name."""
    found = {}
    for app in APPS:
        for path in Path(settings.BASE_DIR, app).rglob("*.py"):
            parts = path.relative_to(settings.BASE_DIR).with_suffix("").parts
            if not {"tests", "migrations"} & set(parts):
                found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def statements(tree: ast.AST, everywhere: bool) -> Iterator[ast.AST]:
    """A module's statements; those inside functions, which run later, only if asked for."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from statements(node, everywhere)


def imports(name: str, everywhere: bool = True) -> set[str]:
    """What a module imports, as dotted names: of ours the module, `from package import module` as well."""
    found: set[str] = set()
    for node in statements(ast.parse(MODULES[name].read_text()), everywhere):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            submodules = inner & MODULES.keys()
            found |= submodules
            if len(submodules) < len(inner):
                found.add(node.module)
    return found


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Raises CycleError, which names the circle."""
    TopologicalSorter({name: imports(name, everywhere=False) for name in MODULES}).prepare()


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("accounts", ("dashboard", "galaxies")),
        ("galaxies", ("dashboard",)),
        ("galaxies.ml", ("accounts", "django", "galaxies", "nebulai")),
    ],
)
def test_arrows_point_down(room: str, forbidden: tuple[str, ...]) -> None:
    inside = [name for name in MODULES if f"{name}.".startswith(f"{room}.")]
    arrows = [
        f"{name} imports {other}"
        for name in inside
        for other in sorted(imports(name))
        if other.split(".")[0] in forbidden and not f"{other}.".startswith(f"{room}.")
    ]
    assert inside
    assert not arrows
