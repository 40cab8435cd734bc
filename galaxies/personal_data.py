"""A person's own data: download it, delete it."""

import json
from collections.abc import Iterator
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.models import User
from galaxies.archives import image_files, recipe_facts
from galaxies.generation import disown
from galaxies.makers import leave
from galaxies.models import Galaxy, Vote
from galaxies.votes import delete_votes

CHUNK = 200


def delete_account(person: User, *, keep_galaxies: bool) -> None:
    """Delete a person with their votes. Their galaxies stay, or those that nobody else made are deleted as well."""
    if not keep_galaxies:
        disown(person, Galaxy.objects.made_by(person))
    with transaction.atomic():
        leave(person, Galaxy.objects.made_by(person))
        delete_votes(person)
        person.delete()


def data_files(person: User) -> Iterator[tuple[str, bytes]]:
    """Yield all that the site knows of a person as (name, content) pairs: account, votes, recipes, images."""
    account = {
        **{"email": person.email, "username": person.username, "joined": person.date_joined.isoformat()},
        "addresses": list(EmailAddress.objects.filter(user=person).values("email", "verified", "primary")),
        "connections": list(SocialAccount.objects.filter(user=person).values("provider", "uid")),
        "sessions": [
            {"since": each.created_at.isoformat(), "ip": each.ip, "browser": each.user_agent}
            for each in UserSession.objects.filter(user=person)
        ],
    }
    yield "account.json", _json(account)
    votes = Vote.objects.filter(person=person).select_related("galaxy")
    yield (
        "votes.json",
        _json([{"galaxy": str(each.galaxy), "value": each.value, "at": each.created.isoformat()} for each in votes]),
    )
    made = Galaxy.objects.made_by(person).prefetch_related("model_version")
    yield "recipes.json", _json([recipe_facts(galaxy) for galaxy in made.iterator(CHUNK)])
    for galaxy, content in image_files(made.iterator(CHUNK), "webp"):
        if content:
            yield f"images/nebulai-{galaxy}.webp", content


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()
