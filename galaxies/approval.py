"""The share of likes among votes, and how sure it is: with few votes the interval is wide.

approval = Approval(likes=8, dislikes=2)
approval.share, approval.low, approval.high             # 80.0, 49.0, 94.3 (percent)
"""

from dataclasses import dataclass
from math import sqrt

from django.utils.translation import gettext as _

from nebulai import numbers


def wilson_lower_bound(likes: int, dislikes: int, z: float = 1.96) -> float:
    """Return the share of likes, 0 to 1, that is exceeded with 97.5% confidence (Wilson 1927); 0 without a vote."""
    votes = likes + dislikes
    if not votes:
        return 0.0
    share = likes / votes
    spread = z * sqrt((share * (1 - share) + z * z / (4 * votes)) / votes)
    return max(0.0, (share + z * z / (2 * votes) - spread) / (1 + z * z / votes))


@dataclass(frozen=True)
class Approval:
    """Likes and dislikes with the share of likes and its 95% Wilson interval, all in percent."""

    likes: int = 0
    dislikes: int = 0

    @property
    def votes(self) -> int:
        """Number of votes."""
        return self.likes + self.dislikes

    @property
    def share(self) -> float | None:
        """Share of likes; None without a vote."""
        return 100 * self.likes / self.votes if self.votes else None

    @property
    def rest(self) -> float | None:
        """Share of dislikes; None without a vote."""
        return None if self.share is None else 100 - self.share

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return 100 * wilson_lower_bound(self.likes, self.dislikes)

    @property
    def high(self) -> float:
        """Upper end of the interval: the lower end of the dislikes' one, seen from the other side."""
        return 100 - 100 * wilson_lower_bound(self.dislikes, self.likes)

    @property
    def width(self) -> float:
        """Width of the interval."""
        return self.high - self.low

    @property
    def text(self) -> str:
        """The share, its interval and the number of votes in words."""
        if self.share is None:
            return _("no votes")
        return _("%(share)s (%(low)s to %(high)s) of %(votes)s") % {
            "share": numbers.percent(self.share),
            "low": numbers.number(self.low),
            "high": numbers.percent(self.high),
            "votes": numbers.number(self.votes),
        }
