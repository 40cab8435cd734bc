"""What a visitor does before logging in is kept in the session, and becomes theirs when they log in."""

from django.contrib.sessions.backends.base import SessionBase

from accounts.models import User
from galaxies import votes
from galaxies.models import Galaxy

MADE, PRESSED = "made", "pressed"
MAX_MADE = 500  # public ids that one session keeps


def remember_made(session: SessionBase, galaxy: Galaxy) -> None:
    """The visitor generated this."""
    session[MADE] = [*session.get(MADE, []), galaxy.public_id][-MAX_MADE:]


def remember_pressed(session: SessionBase, galaxy: Galaxy, value: str) -> None:
    """The visitor pressed like or dislike, and is on the way to log in."""
    session[PRESSED] = {"galaxy": galaxy.public_id, "value": value}


def claim(session: SessionBase, person: User) -> Galaxy | None:
    """Make what the visitor generated the person's, unless it is somebody's, and cast the vote that was pressed.

    Returns: the galaxy voted on, if one was pressed and is still there.
    """
    Galaxy.objects.filter(public_id__in=session.pop(MADE, []), creator=None).update(creator=person)
    if pressed := session.pop(PRESSED, None):
        try:
            return votes.press(person, pressed["galaxy"], pressed["value"], shown="")
        except Galaxy.DoesNotExist:
            pass
    return None
