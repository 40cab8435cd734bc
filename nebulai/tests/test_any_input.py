"""Whatever stands in a form, a query or an argument of a command: it is taken or refused, and never a fault of ours.

The same inputs each time. ANY_INPUT=2000 tries so many of each instead of CI's few, ANY_SEED=7 tries others.
"""

import ast
import os
import pkgutil
import traceback
from argparse import Action, _HelpAction, _VersionAction
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command, load_command_class
from django.core.management.base import BaseCommand
from django.core.signals import got_request_exception
from django.forms import Form
from django.http import QueryDict
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils.choices import flatten_choices
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.constants_ast import Constants
from hypothesis.strategies import DataObject, SearchStrategy

import galaxies.forms as public
import galaxies.management.commands
import nebulai.management.commands
from accounts.forms import SignupForm
from dashboard.history.filters import HistoryFilter, HistoryForm
from dashboard.history.views import ListForm
from dashboard.periods import PeriodForm
from dashboard.training.forms import BudgetForm, TrainingForm
from galaxies.forms import studio
from galaxies.ml.bundle import SteerError, parse_steer
from galaxies.ml.sets.conditions import ConditionError, parse_where
from galaxies.models import ModelVersion
from galaxies.recipe import RecipeError, read_path, read_shares, read_steer
from galaxies.serving import Service
from nebulai import wsgi
from nebulai.tests.access import ROLES, World, rows
from nebulai.tests.fuzzing import HEADS, NAMES, VALUES, Request
from nebulai.tests.test_access import undone
from nebulai.tests.test_fuzz import send

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
EXAMPLES, SEED = int(os.environ.get("ANY_INPUT", "25")), int(os.environ.get("ANY_SEED", "2026"))
OURS = 500


def some(test: Callable[..., None], each: int = 1) -> Callable[..., None]:
    """Try EXAMPLES inputs, or `each` times as many: by the seed alone, whatever time they take."""
    tried = settings(
        max_examples=each * EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    return seed(SEED)(tried(test))


@pytest.fixture(autouse=True)
def no_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take no constants from the modules that happen to be imported: inputs would differ with the tests before."""
    monkeypatch.setattr("hypothesis.internal.conjecture.providers._get_local_constants", Constants)


@pytest.fixture
def world(version: ModelVersion) -> World:
    return World(version)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What no view expected, as test_fuzz has it."""
    monkeypatch.setattr("django.test.client.WSGIRequest", wsgi.Request)
    found: list[str] = []

    def note(**kwargs: Any) -> None:
        found.append(traceback.format_exc(limit=-4))

    got_request_exception.connect(note)
    yield found
    got_request_exception.disconnect(note)


numbers = st.one_of(st.integers().map(str), st.floats().map(str), st.decimals().map(str))
values = st.one_of(st.sampled_from(VALUES), numbers, st.text(max_size=40), st.datetimes().map(str))
pairs = st.lists(
    st.tuples(st.one_of(st.integers(-1, 12).map(str), st.sampled_from(["colour", "a", ""]), numbers), numbers)
).map(lambda some: ",".join(f"{key}:{value}" for key, value in some))


def plausible(field: forms.Field, world: World) -> SearchStrategy[Any]:
    """What a field is meant for."""
    its: Any = field  # choices and limits may be functions, and are none here
    if isinstance(field, forms.FileField):
        contents = st.tuples(st.sampled_from([*HEADS, b""]), st.binary(max_size=60)).map(b"".join)
        return contents.map(lambda content: SimpleUploadedFile("a.png", content))
    if isinstance(field, forms.ModelChoiceField):
        return st.sampled_from([world.version.version, world.collection.public_id])
    if isinstance(field, forms.ChoiceField):
        return st.sampled_from([str(value) for value, _ in flatten_choices(its.choices)])
    if isinstance(field, forms.FloatField):
        return st.floats(its.min_value, its.max_value, allow_nan=False).map(str)
    if isinstance(field, forms.IntegerField):
        return st.integers(its.min_value, its.max_value).map(str)
    if isinstance(field, forms.DateField):
        return st.dates().map(str)
    if isinstance(field, forms.BooleanField):
        return st.just("on")
    known = [world.galaxy.public_id, world.version.version, f"{world.version.version}:1", "a@b.example", "Spiral", "7"]
    return st.one_of(st.sampled_from(known), pairs)


def filled(data: DataObject, fields: dict[str, forms.Field], world: World) -> QueryDict:
    """Draw values of a form's fields: often what they are meant for, often not, twice or not at all."""
    query = QueryDict(mutable=True)
    for name, field in fields.items():
        given = data.draw(
            st.lists(st.one_of(plausible(field, world), plausible(field, world), values), max_size=2), name
        )
        query.setlist(name, given)
    return query


def all_versions() -> dict[int, dict[str, Any]]:
    """The versions as the history has them."""
    return {row["pk"]: {**row} for row in ModelVersion.objects.values("pk", "version", "families")}


def plain(form: type[Form], data: Any, world: World) -> Form:
    """Make a form that takes nothing but data."""
    return form(data, data) if form is public.PictureForm else form(data)


MADE: dict[type[Form], Callable[[Any, World], Any]] = {
    public.GenerateForm: lambda data, world: public.GenerateForm(world.version, data, can_pick=True),
    public.BlendForm: lambda data, world: public.BlendForm(world.version, data),
    public.ChangeForm: lambda data, world: public.ChangeForm(data, world.people["user"]),
    public.CollectForm: lambda data, world: public.CollectForm(world.people["user"], data),
    PeriodForm: lambda data, world: PeriodForm(data, today=date(2026, 11, 27), first=date(2026, 1, 1)),
    HistoryForm: lambda data, world: HistoryFilter(data, all_versions()).form,
}
# The pages that read a form: "GET" from the address, "POST" from the body.
FORMS: dict[type[Form], list[str]] = {
    public.GenerateForm: ["GET ", "POST generate"],
    public.BlendForm: ["GET blend", "POST blend"],
    public.VaryForm: ["POST g/<id:public_id>/vary"],
    public.PictureForm: ["POST recipe", "POST upload/"],
    public.PageForm: ["GET galaxies/"],
    public.GalleryForm: ["GET galaxies/", "GET galaxies/card.jpg"],
    public.ScatterForm: ["GET galaxies/scatter"],
    public.SelectionForm: ["POST galaxies/zip"],
    public.ZipForm: ["POST galaxies/zip"],
    public.CollectForm: ["POST me/collections/add"],
    public.CollectionForm: ["POST me/collections/", "POST c/<id:collection>/change"],
    public.MineForm: ["GET me/"],
    public.ChangeForm: ["POST me/change"],
    public.DeleteAccountForm: ["POST me/delete"],
    SignupForm: ["POST accounts/signup/"],
    PeriodForm: ["GET dashboard/"],
    HistoryForm: ["GET dashboard/history/", "GET dashboard/history.csv"],
    ListForm: ["GET dashboard/history/"],
    BudgetForm: ["POST dashboard/training/<int:pk>/resume"],
    TrainingForm: ["POST dashboard/training/", "POST dashboard/training/check"],
}


def form_of(form: type[Form], data: Any, world: World) -> Form:
    """Return the form with this data."""
    return MADE.get(form, partial(plain, form))(data, world)  # type: ignore[no-any-return]


def test_every_form_is_tried() -> None:
    found, waiting = set(), [Form]
    while waiting:
        waiting += (under := waiting.pop().__subclasses__())
        found |= {form for form in under if form.__module__.startswith(("accounts.", "galaxies.", "dashboard."))}
    assert found - FORMS.keys() == set(), "they need a line in FORMS"
    assert {page.partition(" ")[2] for pages in FORMS.values() for page in pages} <= rows().keys()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@some
@given(data=st.data())
def test_a_form_says_what_is_wrong(world: World, form: type[Form], data: DataObject) -> None:
    given = form_of(form, filled(data, form_of(form, QueryDict(), world).fields, world), world)
    assert given.is_valid() or given.errors.as_text()
    for name in given.fields:
        str(given[name])  # as the page shows it again


@pytest.mark.parametrize(("form", "page"), [(form, page) for form, pages in FORMS.items() for page in pages])
@some
@given(data=st.data(), role=st.sampled_from(["user", "superuser"]))
def test_a_page_answers_whatever_its_form_holds(
    world: World, loaded: Service, faults: list[str], form: type[Form], page: str, data: DataObject, role: str
) -> None:
    method, _, route = page.partition(" ")
    given = filled(data, form_of(form, QueryDict(), world).fields, world)
    address, kind, body = world.address(route), "", b""
    if method == "GET":
        address += "?" + given.urlencode()
    else:
        kind, body = MULTIPART_CONTENT, encode_multipart(BOUNDARY, dict(given.lists()))
    assert send(Request(role, method, address, body, kind), world.client(role).cookies) != OURS
    assert faults == []


@partial(some, each=4)
@given(
    role=st.sampled_from(ROLES),
    route=st.sampled_from(sorted(rows())),
    query=st.lists(st.tuples(st.sampled_from(NAMES), st.one_of(values, pairs)), max_size=12),
    method=st.sampled_from(["GET", "POST"]),
)
def test_a_url_answers_whatever_its_query_holds(
    world: World,
    loaded: Service,
    faults: list[str],
    role: str,
    route: str,
    query: list[tuple[str, str]],
    method: str,
) -> None:
    given = QueryDict(mutable=True)
    for name, value in query:
        given.appendlist(name, value)
    text = given.urlencode()
    kind, body = ("application/x-www-form-urlencoded", text.encode()) if method == "POST" else ("", b"")
    address = f"{world.address(route)}?{text}"
    assert send(Request(role, method, address, body, kind), world.client(role).cookies) != OURS
    assert faults == []


def test_every_name_that_a_view_reads_is_tried() -> None:
    read: set[str] = set()
    for file in [*ROOT.glob("galaxies/views/*.py"), *ROOT.glob("dashboard/*/*.py"), *ROOT.glob("nebulai/*.py")]:
        read |= set(names_read(ast.parse(file.read_text())))
    assert len(read) > 10
    assert read - set(NAMES) == set(), "they need a word in nebulai/tests/fuzzing.py"


def names_read(tree: ast.AST) -> Iterator[str]:
    """Yield the names that code takes from GET or POST: GET["a"], GET.get("a"), POST.getlist("a")."""
    for node in ast.walk(tree):
        taken: ast.expr | None = None
        if isinstance(node, ast.Subscript):
            holder, taken = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            holder, taken = node.func.value, node.args[0]
        if isinstance(taken, ast.Constant) and isinstance(holder, ast.Attribute) and holder.attr in ("GET", "POST"):
            yield str(taken.value)


@pytest.mark.parametrize(
    ("read", "declared"),
    [
        (read_path, RecipeError),
        (read_shares, RecipeError),
        (read_steer, RecipeError),
        (parse_steer, SteerError),
        (parse_where, ConditionError),
        (studio.PartField(read_path).clean, ValidationError),
    ],
    ids=["path", "shares", "steer", "--steer", "--where", "field"],
)
@partial(some, each=8)
@given(
    text=st.one_of(values, pairs, st.from_regex(r"[a-z_]*[:=<>]-?[0-9.e]+([, ]|and)*[a-z0-9:=<>. ]*", fullmatch=True))
)
def test_a_text_is_read_or_refused(read: Callable[[str], Any], declared: type[Exception], text: str) -> None:
    try:
        read(text)
    except declared as error:
        assert str(error)


# As a shell hands them over: no null character, and bytes that are no UTF-8 as lone surrogates.
words = st.one_of(
    st.sampled_from([value for value in VALUES if "\0" not in value and len(value) < 1000]),
    numbers,
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=8).filter(lambda raw: b"\0" not in raw).map(os.fsdecode),
)
COMMANDS = [
    (module.__name__.partition(".")[0], each.name)
    for module in (galaxies.management.commands, nebulai.management.commands)
    for each in pkgutil.iter_modules(module.__path__)
]
# They serve for ever, fetch from elsewhere, or change the tables that this test stands on: only read, and not run.
NOT_RUN = {"db_worker", "fetch_dataset", "prepare", "restore", "migrate", "serve_generator"}
# No model is there for these: it would take them minutes. What is tried is what they refuse before.
WORK = {"evaluate", "figures", "find_directions", "generate", "train", "usefulness"}
BEGINS = {"synthetic", "resume", "asked", "start_from", "worker_pid"}  # a training
COMMON = {action.dest for action in BaseCommand().create_parser("manage.py", "")._actions} - {"version"}


def arguments(name: str, action: Action) -> SearchStrategy[str]:
    """What may stand for an argument: often what it is meant for."""
    if action.choices:
        return st.one_of(st.sampled_from(sorted(map(str, action.choices))), words)
    if action.type in (int, float):
        return st.one_of(st.integers(-2, 40).map(str), numbers, words)
    known = st.sampled_from(["folder", "file", "images.zip", name])
    # Nothing is written elsewhere than in the test's own folder.
    return st.one_of(known, words).map(lambda word: word.replace("/", "_").replace("..", "_"))


def command_line(data: DataObject, app: str, command: str, version: str) -> list[str]:
    """Draw arguments of a command: its own, not those of all commands."""
    line: list[str] = []
    for action in load_command_class(app, command).create_parser("manage.py", command)._actions:
        needed = not action.option_strings and action.nargs != "?"
        ours = action.dest not in COMMON | BEGINS and not isinstance(action, _HelpAction | _VersionAction)
        if not ours or not (needed or data.draw(st.booleans())):
            continue
        if action.nargs == 0:
            line.append(action.option_strings[-1])
            continue
        value = data.draw(arguments(version, action), action.dest)
        line.append(f"{action.option_strings[-1]}={value}" if action.option_strings else value)
    return line


@pytest.mark.parametrize(("app", "command"), COMMANDS)
@some
@given(data=st.data())
def test_an_argument_is_taken_or_refused_in_a_sentence(
    app: str, command: str, data: DataObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    version = "none" if command in WORK else request.getfixturevalue("version").version
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir(exist_ok=True)
    (tmp_path / "file").write_text("some text")
    line, said = command_line(data, app, command, version), StringIO()
    try:
        load_command_class(app, command).create_parser("manage.py", command).parse_args(line)
        if command not in NOT_RUN:
            with undone():
                call_command(command, *line, stdout=said, stderr=said)
    except (CommandError, SystemExit) as error:
        assert str(error)
