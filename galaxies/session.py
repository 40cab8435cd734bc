"""What is done in a visit: kept in the session, and given to the person who logs in."""

from collections.abc import Iterable

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Prefetch

from accounts.models import User
from galaxies import makers, votes
from galaxies.models import Galaxy, ModelVersion

MADE, VOTE = "made", "pressed"  # keys of the session; open sessions have them already
MAX_MADE = 500  # public ids that one session keeps


def remember_made(session: SessionBase, galaxies: Iterable[Galaxy]) -> None:
    """Keep that these galaxies were generated in this visit, the last one last."""
    new = [galaxy.public_id for galaxy in galaxies]
    session[MADE] = [*(each for each in session.get(MADE, []) if each not in new), *new][-MAX_MADE:]


def has_made(session: SessionBase, galaxy: Galaxy) -> bool:
    """Whether the galaxy was generated in this visit."""
    return galaxy.public_id in session.get(MADE, [])


def made_in(session: SessionBase, number: int) -> list[Galaxy]:
    """Return the last galaxies that were generated in this visit, the newest first."""
    ids = session.get(MADE, [])[-number:]
    versions = Prefetch("model_version", ModelVersion.objects.defer("metrics"))
    there = {galaxy.public_id: galaxy for galaxy in Galaxy.objects.filter(public_id__in=ids).prefetch_related(versions)}
    return [there[each] for each in reversed(ids) if each in there]


def remember_vote(session: SessionBase, galaxy: Galaxy, value: str) -> None:
    """Keep the vote of a visitor who is on the way to log in."""
    session[VOTE] = {"galaxy": galaxy.public_id, "value": value}


def claim(session: SessionBase, person: User) -> Galaxy | None:
    """Make the person a maker of what the visitor generated, and cast the visitor's vote.

    Returns: the galaxy voted on; None if there was no vote or the galaxy is gone.
    """
    made = Galaxy.objects.filter(public_id__in=session.get(MADE, []))
    makers.add(made.order_by("created", "pk"), person)
    if vote := session.pop(VOTE, None):
        try:
            return votes.toggle_vote(person, vote["galaxy"], vote["value"], shown="")
        except Galaxy.DoesNotExist:
            pass
    return None
