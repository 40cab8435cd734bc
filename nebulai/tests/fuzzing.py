"""Requests that nobody would send on purpose: every URL, all roles, values and bodies of all kinds, by a seed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from urllib.parse import quote, urlencode

from nebulai.tests.access import ROLES, World, rows

METHODS = ["GET"] * 9 + ["POST"] * 9 + ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"]
WORDS = (
    "version cluster seed psi galaxy picture value shown next published id kind order page family show galaxies "
    "language a b paint archived model day start end since until period from to sort state creator liked made format "
    "email login password password1 password2 code key action_add action_remove action_primary minutes images_seen "
    "preset synthetic images crop stretch q labels k resolution start_from start_at prefer hdf5_images answer "
    "sessions pick path steps name title action _selected_action select_across post index o p e _popup _to_field "
    "is_active__exact q all term app_label model_name field_name public_id username is_staff groups user_permissions "
    "last_login_0 csrfmiddlewaretoken check seen confirmed move select "
)
NAMES = WORDS.split()
VALUES = [
    *("", " ", "0", "1", "-1", "3", "7", "42", "1.5", "nan", "inf", "-inf", "1e400", "1e-400", "0x10", "٣", "½"),
    *(str(2**31), str(2**63 - 1), str(2**63), str(2**64), str(-(2**63)), "9" * 400, "0" * 5000, "true", "on", "off"),
    *("\0", "a\0b", "\ufffd", "\u202e", "é", "🌌", "\r\nX: y", "1_000", "real", "a:1", "one:0", "[]", "{}", "null"),
    *("' OR 1=1 --", '"><script>', "{{ 7 }}", "${7}", "%s%n", "%", "%zz", "..", "../../etc/passwd", "/etc/passwd"),
    *("//evil.example", "https://evil.example/", "javascript:alert(1)", "http://[", "/me/", "new", "best", "like"),
    *("2026-02-30", "2026-11-27", "0001-01-01", "9999-12-31", "10000-01-01", "25:00", "png", "C:\\", "keep"),
    *("a@b.example", "a@b", "@", "x" * 300 + "@b.example", "a" * 10_000, "delete_selected", "activate"),
]
CHARSETS = ["utf-8", "UTF8", "utf-16", "utf-7", "latin-1", "hex", "idna", "klingon", ""]
HEADS = [b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBPVP8 ", b"SIMPLE  =     T", b"\xff\xd8\xff\xe0", b"PK\x03\x04"]
HEADERS = {
    "HTTP_HX_REQUEST": ["true", "false", ""],
    "HTTP_HX_CURRENT_URL": ["http://[", "/", "%ff"],
    "HTTP_HX_HISTORY_RESTORE_REQUEST": ["true"],
    "HTTP_COOKIE": [
        "sessionid=\x00",
        "sessionid=%ff; csrftoken=x",
        ";;=;",
        "django_language=xx",
        "messages=W1siX19qc29u",
    ],
    "HTTP_ACCEPT_LANGUAGE": ["fr", "xx-yy", "*;q=z", "en;q=0." + "9" * 500, "\xff"],
    "HTTP_REFERER": ["http://[", "/me/", "https://evil.example/"],
    "HTTP_HOST": ["evil.example", "localhost:x", "[::1", "testserver"],
    "HTTP_RANGE": ["bytes=0-1", "bytes=z"],
    "HTTP_IF_MODIFIED_SINCE": ["yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Jan 9999 99:99:99 GMT"],
    "HTTP_IF_NONE_MATCH": ['"', "*", 'W/"x"'],
    "HTTP_X_FORWARDED_FOR": [",,", "\x00", "1.2.3.4"],
    "HTTP_ACCEPT_ENCODING": ["gzip", "br;q=z", "\x07"],
    "HTTP_X_HTTP_METHOD_OVERRIDE": ["DELETE"],
}


@dataclass(frozen=True)
class Request:
    """What is sent, and by whom."""

    role: str
    method: str
    address: str
    body: bytes = b""
    content_type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)


def requests(world: World, seed: int, number: int) -> Iterator[Request]:
    """Yield requests; the same world, seed and number give the same ones."""
    random = Random(seed)  # noqa: S311  (nothing is protected by it)
    routes = sorted(rows())
    for _ in range(number):
        method = random.choice(METHODS)
        content_type, body = _body(random, world) if method != "GET" or random.random() < 0.1 else ("", b"")
        names = random.sample(sorted(HEADERS), random.choice([0, 0, 1, 2]))
        yield Request(
            role=random.choice(ROLES),
            method=method,
            address=_address(random, world, random.choice(routes)),
            body=body,
            content_type=content_type,
            headers={name: random.choice(HEADERS[name]) for name in names},
        )


def _value(random: Random, world: World) -> str:
    known = [world.version.version, world.galaxy.public_id, str(world.run.pk), str(world.people["user"].pk)]
    return random.choice(known if random.random() < 0.2 else VALUES)


def _pairs(random: Random, world: World) -> list[tuple[str, str]]:
    return [(random.choice(NAMES), _value(random, world)) for _ in range(random.choice([0, 1, 2, 3, 5, 8, 30]))]


def _address(random: Random, world: World, route: str) -> str:
    """An address of a route, now and then with something else in the place of a part, and often with a query."""
    address = world.address(route)
    if random.random() < 0.2:
        parts = address.split("/")
        parts[random.randrange(len(parts))] = quote(_value(random, world)[:500], safe="")
        address = "/" + "/".join(parts).lstrip("/")
    if random.random() < 0.6:
        query = urlencode(_pairs(random, world), errors="surrogatepass")
        address += "?" + (query if random.random() < 0.9 else _noise(random).decode("latin-1"))
    return address


def _noise(random: Random) -> bytes:
    return random.randbytes(random.choice([0, 1, 10, 100, 3000]))


def _body(random: Random, world: World) -> tuple[str, bytes]:
    """A content type and a body: a form, parts whole or damaged, JSON, or noise."""
    kind = random.choice(["form", "form", "parts", "parts", "damaged", "json", "noise"])
    charset = f"; charset={random.choice(CHARSETS)}" if random.random() < 0.15 else ""
    if kind == "form":
        return "application/x-www-form-urlencoded" + charset, urlencode(_pairs(random, world)).encode()
    if kind == "json":
        return "application/json" + charset, b'{"a": [' * random.choice([1, 500])
    if kind == "noise":
        return random.choice(["text/html", "application/x-www-form-urlencoded", "x", ""]) + charset, _noise(random)
    body = b"".join(_part(random, world) for _ in range(random.choice([1, 2, 4]))) + b"--X--\r\n"
    if kind == "damaged":
        at = random.randrange(len(body))
        body = random.choice([body[:at], body[:at] + _noise(random) + body[at:], body.replace(b"\r\n", b"\n")])
    boundary = random.choice(["X"] * 8 + ["", "Y", "a" * 300, '"', "é"])
    return f"multipart/form-data; boundary={boundary}{charset}", body


def _part(random: Random, world: World) -> bytes:
    """A field, or a file that begins like an image."""
    name = random.choice(NAMES)
    head, content = (
        f'--X\r\nContent-Disposition: form-data; name="{name}"',
        _value(random, world).encode(errors="replace"),
    )
    if random.random() < 0.4:
        head += random.choice(['; filename="a.png"', '; filename=""', '; filename="../a"', "; filename*=utf-16''%ff"])
        content = random.choice([*HEADS, b""]) + _noise(random)
    if random.random() < 0.1:
        head += "\r\nContent-Transfer-Encoding: " + random.choice(["base64", "quoted-printable", "x"])
    return head.encode() + b"\r\n\r\n" + content + b"\r\n"
