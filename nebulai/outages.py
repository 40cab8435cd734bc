"""What passes without a change of the code: a full disk, a database, cache or storage that does not answer.

Such an error is a 503 with a sentence, whichever view or middleware it comes from (nebulai.views.server_error).
"""

import errno
from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils.translation import gettext as _

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
CLIENTS = ("redis", "botocore", "boto3", "s3transfer", "urllib3")  # of services that may be away
SQLITE_FULL = "disk is full"


def outage(error: BaseException | None) -> str:
    """Return a sentence for people about what is away, "" if the error is not of that kind but a fault of ours."""
    for each in _chain(error):
        if (isinstance(each, OSError) and each.errno in FULL) or SQLITE_FULL in str(each):
            return _("There is no room left to store anything; nothing of yours was changed. Try again later.")
        if isinstance(each, OSError) and each.errno in UNWRITABLE:
            return _("Nothing can be stored at the moment; nothing of yours was changed. Try again later.")
        if isinstance(each, OperationalError | InterfaceError) or type(each) is DatabaseError:
            return _("The database does not answer; nothing of yours was changed. Try again in a moment.")
        if type(each).__module__.partition(".")[0] in CLIENTS or isinstance(each, ConnectionError):
            return _("A part of this site does not answer; nothing of yours was changed. Try again in a moment.")
        if isinstance(each, MemoryError) or (isinstance(each, OSError) and each.errno in EXHAUSTED):
            return _("This site has too much to do at once; nothing of yours was changed. Try again in a moment.")
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
