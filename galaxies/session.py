"""What a visitor does before logging in: kept in the session, and given to the person who logs in."""

from django.contrib.sessions.backends.base import SessionBase

from accounts.models import User
from galaxies import makers, votes
from galaxies.models import Galaxy

MADE, VOTE = "made", "pressed"  # keys of the session; open sessions have them already
MAX_MADE = 500  # public ids that one session keeps


def remember_made(session: SessionBase, galaxy: Galaxy) -> None:
    """Keep that the visitor generated this galaxy."""
    session[MADE] = [*session.get(MADE, []), galaxy.public_id][-MAX_MADE:]


def remember_vote(session: SessionBase, galaxy: Galaxy, value: str) -> None:
    """Keep the vote of a visitor who is on the way to log in."""
    session[VOTE] = {"galaxy": galaxy.public_id, "value": value}


def claim(session: SessionBase, person: User) -> Galaxy | None:
    """Make the person a maker of what the visitor generated, and cast the visitor's vote.

    Returns: the galaxy voted on; None if there was no vote or the galaxy is gone.
    """
    made = Galaxy.objects.filter(public_id__in=session.pop(MADE, []))
    makers.add(made.order_by("created", "pk"), person)
    if vote := session.pop(VOTE, None):
        try:
            return votes.toggle_vote(person, vote["galaxy"], vote["value"], shown="")
        except Galaxy.DoesNotExist:
            pass
    return None
