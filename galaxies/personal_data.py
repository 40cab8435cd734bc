"""A person's own data: download it, delete it."""

import json
import logging
from collections.abc import Iterator
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts.models import User
from galaxies.archives import image_files, recipe_facts
from galaxies.generation import disown
from galaxies.makers import leave
from galaxies.models import Galaxy, Vote
from galaxies.votes import delete_votes

logger = logging.getLogger(__name__)

CHUNK = 200


def delete_account(person: User, *, keep_galaxies: bool) -> None:
    """Delete a person with all that says who they were, and tell them by mail.

    Their galaxies stay, or those that nobody else made are deleted as well.
    """
    name, email = str(person.pk), person.email
    if not keep_galaxies:
        disown(person, Galaxy.objects.made_by(person))
    with transaction.atomic():
        Galaxy.objects.filter(makings__person=person).update(kept=True)
        leave(person, Galaxy.objects.made_by(person))
        delete_votes(person)
        _end_sessions(person)
        # What staff did to the account stays said, but not whose it was.
        about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=name)
        about.update(object_repr=_("a deleted account"), change_message="")
        person.delete()
        transaction.on_commit(lambda: _say_farewell(email))


def _end_sessions(person: User) -> None:
    """Log the person out everywhere, and forget what their browsers had here."""
    keys = UserSession.objects.filter(user=person).values_list("session_key", flat=True)
    for key in keys:
        SessionStore(key).delete()


def _say_farewell(email: str) -> None:
    """Tell whose account was deleted: if somebody else did it, they learn of it. Mail that fails undoes nothing."""
    text = render_to_string("account/email/deleted.txt")
    try:
        send_mail(_("NebulAI: your account is deleted"), text, None, [email])
    except OSError as error:  # as are all of smtplib's
        logger.error("The mail about a deleted account could not be sent (%s).", type(error).__name__)


def data_files(person: User) -> Iterator[tuple[str, bytes]]:
    """Yield all that the site knows of a person as (name, content) pairs: account, votes, what they made and kept."""
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
    kept = [
        {
            **{"name": each.name, "public": each.is_public, "created": each.created.isoformat()},
            "galaxies": [str(galaxy) for galaxy in each.galaxies],
        }
        for each in person.collections.all()
    ]
    yield "collections.json", _json(kept)
    made = Galaxy.objects.made_by(person).prefetch_related("model_version", "measurement")
    yield "recipes.json", _json([recipe_facts(galaxy) for galaxy in made.iterator(CHUNK)])
    for galaxy, content in image_files(made.iterator(CHUNK), "webp"):
        if content:
            yield f"images/nebulai-{galaxy}.webp", content


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()
