"""Who may do what: every URL of the site, for everybody, by GET and by POST.

A row is Row(route, get, post). The route stands as the resolver has it. What is answered is a word for all, or five for
ROLES in their order: a status, `login` for "log in first", `again` for "give your password again". A POST is an empty
form, with its token. What a route's <arguments> are in the tests stands in World.arguments.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.db.models import Model
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from galaxies import images
from galaxies.models import Collection, ModelVersion, QuizRound, TrainingRun, Vote
from galaxies.tests.factories import make_galaxy
from galaxies.votes import toggle_vote

ROLES = ["visitor", "user", "other", "staff", "superuser"]  # the user made the galaxy that the addresses are of

STAFF = "login 403 403 200 200"
STAFF_POST = "login 403 403 302 302"
ROOT = "login 403 403 403 302"  # staff need the permission, too
MINE = "login 200 200 200 200"
AGAIN = "login again again again again"
NONE = "login 404 404 404 404"
ALL_STAFF = "login login login 200 200"
SUPERUSER = "login login login 403 200"
NOBODY = "login login login 403 403"


@dataclass(frozen=True)
class Row:
    """What a URL answers: by GET and by POST."""

    route: str
    get: str
    post: str

    def expected(self, method: str, role: str) -> str:
        """Return the word for a role."""
        words = (self.get if method == "GET" else self.post).split()
        return words[0] if len(words) == 1 else words[ROLES.index(role)]


PAGES = [
    Row("", "200", "405"),
    Row("generate", "405", "302"),
    Row("recipe", "405", "422"),
    Row("g/<id:public_id>/vary", "405", "302"),
    Row("g/<id:public_id>/families", "405", "302"),
    Row("g/<id:public_id>/walk.webp", "404", "405"),
    Row("g/<id:public_id>/walk.gif", "404", "405"),
    Row("blend", "200", "422"),
    Row("g/<id:public_id>/", "200", "405"),
    Row("g/<id:public_id>.<kind:kind>", "200", "405"),
    Row("g/<id:public_id>/<int:side>.<kind:kind>", "404", "405"),
    Row("g/<id:public_id>/card.jpg", "200", "405"),
    Row("g/<id:public_id>/facts", "200", "405"),
    Row("g/<id:public_id>/measured", "200", "405"),
    Row("g/<id:public_id>/vote", "405", "422"),
    Row("g/<id:public_id>/publish", "405", "login 302 403 403 403"),
    Row("g/<id:public_id>/delete", "405", "login 302 403 403 403"),
    Row("galaxies/", "200", "405"),
    Row("galaxies/scatter", "200", "405"),
    Row("galaxies/card.jpg", "200", "405"),
    Row("card.jpg", "200", "405"),
    Row("galaxies/zip", "405", "422"),
    Row("model/", "200", "405"),
    Row("model/<str:version>/samples.webp", "200", "405"),
    Row("families/<str:version>/<int:cluster>/<int:number>.webp", "200", "405"),
    Row("families/<str:version>/<int:cluster>/<int:number>/<int:side>.webp", "200", "405"),
    Row("about/", "200", "405"),
    Row("about/<str:version>/<int:step>.webp", "200", "405"),
    Row("quiz/", "404", "404"),
    Row("quiz/<token:token>/", "200", "405"),
    Row("quiz/<token:token>/<int:number>", "405", "404"),
    Row("quiz/<token:token>/<int:number>.webp", "404", "405"),
    Row("upload/", "200", "422"),
    Row("upload/<token:token>/", "410", "405"),
    Row("upload/<token:token>.webp", "410", "405"),
    Row("upload/<token:token>/like", "405", "410"),
    Row("upload/<token:token>/search", "302", "405"),
    Row("me/collections/", MINE, "login 422 422 422 422"),
    Row("me/collections/add", "login 405 405 405 405", "login 422 422 422 422"),
    Row("c/<id:collection>/", "404 200 404 404 404", "405"),
    Row("c/<id:collection>.zip", "404", "405"),
    Row("c/<id:collection>/change", "405", "login 422 404 404 404"),
    Row("c/<id:collection>/arrange", "405", "login 422 404 404 404"),
    Row("c/<id:collection>/delete", "405", "login 302 404 404 404"),
    Row("me/", MINE, "login 405 405 405 405"),
    Row("me/change", "405", "login 422 422 422 422"),
    Row("me/data.zip", MINE, "login 405 405 405 405"),
    Row("me/delete", "login again again again again", "login again again again again"),
    Row("healthz", "200", "405"),
    Row("readyz", "200", "405"),
    Row("metrics", "404", "405"),  # there is no key; nebulai/tests/test_metrics.py asks with one
    Row("language", "405", "400"),
    Row("favicon.ico", "302", "405"),
    Row("robots.txt", "200", "405"),
    Row(".well-known/security.txt", "200", "405"),
]

DASHBOARD = [
    Row("dashboard/", STAFF, "405"),
    Row("dashboard/history/", STAFF, "405"),
    Row("dashboard/history.csv", STAFF, "405"),
    Row("dashboard/models/", STAFF, "405"),
    Row("dashboard/models/compare/", "login 403 403 302 302", "405"),
    Row("dashboard/models/roll-back", "405", "login 403 403 403 404"),
    Row("dashboard/models/<str:version>/activate", "405", ROOT),
    Row("dashboard/models/<str:version>/archive", "405", ROOT),
    Row("dashboard/models/<str:version>/measure", "405", ROOT),
    Row("dashboard/models/<str:version>/delete", "405", ROOT),
    Row("dashboard/models/<str:version>/<int:cluster>/<int:seed>.webp", STAFF, "405"),
    Row("dashboard/preferences/", STAFF, "405"),
    Row("dashboard/preferences/learn", "405", STAFF_POST),
    Row("dashboard/training/", STAFF, "login 403 403 422 422"),
    Row("dashboard/training/check", "405", "login 403 403 422 422"),
    Row("dashboard/training/check/<uuid:id>", "login 403 403 404 404", "405"),
    Row("dashboard/training/<int:pk>/", STAFF, "405"),
    Row("dashboard/training/<int:pk>/samples.png", "login 403 403 404 404", "405"),
    Row("dashboard/training/<int:pk>/cancel", "405", STAFF_POST),
    Row("dashboard/training/<int:pk>/resume", "405", "login 403 403 422 422"),
]

ACCOUNTS = [
    Row("accounts/login/", "200 302 302 302 302", "200 302 302 302 302"),
    Row("accounts/logout/", "302 200 200 200 200", "302"),
    Row("accounts/inactive/", "200", "405"),
    Row("accounts/signup/", "200 302 302 302 302", "200 302 302 302 302"),
    Row("accounts/reauthenticate/", MINE, MINE),
    Row("accounts/email/", MINE, "login 302 302 302 302"),
    Row("accounts/confirm-email/", "200", "405"),
    Row(r"accounts/^confirm-email/(?P<key>[-:\w]+)/$", "200", "404"),
    Row("accounts/password/change/", MINE, MINE),
    Row("accounts/password/set/", "login 302 302 302 302", "login 302 302 302 302"),
    Row("accounts/password/reset/", "200", "200"),
    Row("accounts/password/reset/done/", "200", "405"),
    Row("accounts/password/reset/key/done/", "200", "405"),
    Row(r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$", "200", "200"),
    Row("accounts/login/code/confirm/", "login 302 302 302 302", "login 302 302 302 302"),
    Row("accounts/2fa/", MINE, "login 405 405 405 405"),
    Row("accounts/2fa/authenticate/", "login 302 302 302 302", "login 302 302 302 302"),
    Row("accounts/2fa/reauthenticate/", AGAIN, AGAIN),
    Row("accounts/2fa/totp/activate/", AGAIN, AGAIN),
    Row("accounts/2fa/totp/deactivate/", NONE, NONE),
    Row("accounts/2fa/recovery-codes/", NONE, "login 405 405 405 405"),
    Row("accounts/2fa/recovery-codes/generate/", AGAIN, AGAIN),
    Row("accounts/2fa/recovery-codes/download/", NONE, NONE),
    Row("accounts/3rdparty/login/cancelled/", "200", "405"),
    Row("accounts/3rdparty/login/error/", "401", "405"),
    Row("accounts/3rdparty/signup/", "login", "login"),
    Row("accounts/3rdparty/", MINE, MINE),
    Row("accounts/social/login/cancelled/", "301", "301"),
    Row("accounts/social/login/error/", "301", "301"),
    Row("accounts/social/signup/", "301", "301"),
    Row("accounts/social/connections/", "301", "301"),
    Row("accounts/sessions/", MINE, "login 302 302 302 302"),
]

ADMIN = [
    Row("admin/", ALL_STAFF, ALL_STAFF),
    Row("admin/login/", "login 403 403 302 302", "login 403 403 200 200"),
    Row("admin/logout/", "302 302 302 405 405", "302 302 302 200 200"),
    Row("admin/password_change/", ALL_STAFF, ALL_STAFF),
    Row("admin/password_change/done/", ALL_STAFF, "login login login 405 405"),
    Row("admin/autocomplete/", "login login login 403 403", "login login login 405 405"),
    Row("admin/jsi18n/", ALL_STAFF, "login login login 405 405"),
    Row("admin/r/<path:content_type_id>/<path:object_id>/", "login login login 404 404", "login login login 404 404"),
    Row("admin/accounts/user/<id>/password/", SUPERUSER, SUPERUSER),
    Row("admin/^(?P<app_label>...)/$", "login login login 404 200", "login login login 404 200"),
    Row("admin/(?P<url>.*)$", "login login login 404 404", "login login login 404 404"),
]

# What a superuser may do in the admin besides looking; staff need a permission for each, and for looking too.
ADMIN_MODELS = {
    "admin/logentry": "",
    "auth/group": "add change delete",
    "galaxies/modelversion": "",
    "galaxies/galaxy": "delete",
    "galaxies/vote": "",
    "galaxies/trainingrun": "",
    "accounts/user": "add change delete",
    "account/emailaddress": "add change delete",
    "mfa/authenticator": "add change delete",
    "socialaccount/socialapp": "add change delete",
    "socialaccount/socialtoken": "add change delete",
    "socialaccount/socialaccount": "add change delete",
    "usersessions/usersession": "add change delete",
    "django_tasks_database/dbtaskresult": "",
}


def admin_rows(model: str, may: str) -> list[Row]:
    """Return the rows of a model of the admin."""
    add, change, delete = (SUPERUSER if deed in may.split() else NOBODY for deed in ("add", "change", "delete"))
    return [
        Row(f"admin/{model}/", SUPERUSER, SUPERUSER),
        Row(f"admin/{model}/add/", add, add),
        Row(f"admin/{model}/<path:object_id>/history/", SUPERUSER, SUPERUSER),
        Row(f"admin/{model}/<path:object_id>/delete/", delete, delete),
        Row(f"admin/{model}/<path:object_id>/change/", SUPERUSER, change),
        Row(f"admin/{model}/<path:object_id>/", "login login login 302 302", "login login login 302 302"),
    ]


def rows() -> dict[str, Row]:
    """Return the whole table by route."""
    models = [row for model, may in ADMIN_MODELS.items() for row in admin_rows(model, may)]
    return {row.route: row for row in [*PAGES, *DASHBOARD, *ACCOUNTS, *ADMIN, *models]}


def routes(patterns: list[URLPattern | URLResolver] | None = None, before: str = "") -> Iterator[str]:
    """Yield every URL of the resolver; the admin's list of apps as `...`."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, route)
        else:
            yield re.sub(r"(?<=<app_label>)[a-z_|]+", "...", route)


@dataclass
class World:
    """People and things that the addresses of the table are of."""

    version: ModelVersion
    people: dict[str, User] = field(default_factory=dict)

    def __post_init__(self) -> None:
        staff = {"staff": {"is_staff": True}, "superuser": {"is_staff": True, "is_superuser": True}}
        for role in ROLES[1:]:
            person = User.objects.create(username=role, email=f"{role}@example.org", **staff.get(role, {}))
            self.people[role] = person
        self.galaxy = make_galaxy(model_version=self.version, creator=self.people["user"], cluster=0)
        self.galaxy.image.save("", ContentFile(images.webp(np.zeros((64, 64, 3), np.uint8))))
        self.galaxy = toggle_vote(self.people["other"], self.galaxy.public_id, "like")
        self.collection = Collection.objects.create(owner=self.people["user"], name="some")
        self.round = QuizRound.objects.create(model_version=self.version)
        self.run = TrainingRun.objects.create(name="run", state=TrainingRun.State.FAILED)
        self.objects = self.things(
            self.people["other"], User.objects.create(username="third", email="third@example.org")
        )

    def things(self, other: User, third: User) -> dict[str, Model]:
        """Make a row of each model of the admin."""
        account = SocialAccount.objects.create(user=third, provider="github", uid="3")
        now = timezone.now()
        return {
            "galaxies/galaxy": self.galaxy,
            "galaxies/modelversion": self.version,
            "galaxies/trainingrun": self.run,
            "galaxies/vote": Vote.objects.get(person=other, galaxy=self.galaxy),
            "accounts/user": other,
            "auth/group": Group.objects.create(name="group"),
            "account/emailaddress": EmailAddress.objects.create(user=third, email=third.email),
            "admin/logentry": LogEntry.objects.create(user=other, action_flag=CHANGE, object_repr="a thing"),
            "mfa/authenticator": Authenticator.objects.create(user=third, type="totp", data={}),
            "socialaccount/socialapp": SocialApp.objects.create(provider="github", name="a site", client_id="1"),
            "socialaccount/socialaccount": account,
            "socialaccount/socialtoken": SocialToken.objects.create(account=account, token="a token"),
            "usersessions/usersession": UserSession.objects.create(user=third, ip="127.0.0.1", session_key="a" * 32),
            "django_tasks_database/dbtaskresult": DBTaskResult.objects.create(
                task_path="galaxies.learning.learn_preferences", args_kwargs={}, backend_name="default", run_after=now
            ),
        }

    def arguments(self, route: str) -> dict[str, str]:
        """Return an example of each argument that a route may have."""
        model = "/".join(route.split("/")[1:3])
        thing = self.objects.get(model)
        return {
            **{"public_id": self.galaxy.public_id, "kind": "webp", "version": self.version.version},
            **{"cluster": "0", "number": "0", "step": "0", "seed": "0", "pk": str(self.run.pk)},
            **{"id": str(self.people["other"].pk) if "accounts" in route else "0" * 8 + "-0000" * 3 + "-" + "0" * 12},
            **{"object_id": str(thing.pk) if thing else "1", "content_type_id": "1", "app_label": "galaxies"},
            **{
                "collection": self.collection.public_id,
                "side": "128",
                "token": self.round.token,
                "url": "nowhere",
                "key": "Mw:abc-def",
                "uidb36": "1",
            },
        }

    def address(self, route: str) -> str:
        """Return an address of a route."""
        values = self.arguments(route)
        path = re.sub(r"\(\?P(<\w+>).*?\)", r"\1", route.replace("^", "").replace("$", ""))
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], path)

    def client(self, role: str, **options: Any) -> Client:
        """Return a browser in which the role is logged in."""
        client = Client(raise_request_exception=False, **options)
        if role in self.people:
            client.force_login(self.people[role])
        return client


def word(response: HttpResponseBase) -> str:
    """Return the table's word for a response."""
    place = response.get("Location", "")
    if place.startswith(("/accounts/login/", "/admin/login/")):
        return "login"
    return "again" if place.startswith("/accounts/reauthenticate/") else str(response.status_code)
