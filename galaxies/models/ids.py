"""The short public ids of what has an address of its own."""

import secrets

# No 0 and O, no 1, I and l: an id may be read aloud. 11 of these 57 characters are 64 bits, too many to guess.
ID_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ID_LENGTH = 11


def new_public_id() -> str:
    """Return an unguessable short id for a galaxy."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
