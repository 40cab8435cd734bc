"""A door between a site and a service that it stands on, to be shut, held or made slow.

with gate("127.0.0.1", 9000) as door:
    door.port               # where the site finds the service
    door.is_shut = True     # connections are cut at once
    door.wait = 30.0        # seconds before anything goes on to the service
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Gate:
    """Hands bytes on in both directions."""

    def __init__(self, host: str, port: int) -> None:
        self._service, self.is_shut, self.wait = (host, port), False, 0.0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._open, daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more."""
        self.is_shut = True
        self._door.close()

    def _open(self) -> None:
        with suppress(OSError):  # closed
            while True:
                threading.Thread(target=self._guide, args=[self._door.accept()[0]], daemon=True).start()

    def _guide(self, guest: socket.socket) -> None:
        with guest, suppress(OSError):
            if self.is_shut:
                return
            with socket.create_connection(self._service) as service:
                answers = threading.Thread(target=self._hand_on, args=[service, guest], daemon=True)
                answers.start()
                self._hand_on(guest, service, delayed=True)
                answers.join()

    def _hand_on(self, source: socket.socket, target: socket.socket, *, delayed: bool = False) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                if self.is_shut:
                    break
                if delayed:
                    time.sleep(self.wait)
                target.sendall(content)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def gate(host: str, port: int) -> Iterator[Gate]:
    """Give an open gate before a service; it closes at the end."""
    door = Gate(host, port)
    try:
        yield door
    finally:
        door.close()
