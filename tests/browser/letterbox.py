"""A mail server that keeps what it is given: RFC 5321, as much as Django speaks of it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from queue import Queue


@contextmanager
def letterbox() -> Iterator[tuple[str, Queue[str]]]:
    """Yield its address, as EMAIL_URL has it, and the texts of the letters that came."""
    letters: Queue[str] = Queue()

    class Postman(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                verb = line.strip().upper()
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    letters.put(_text(self._letter()))
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 good\r\n")
                if verb == b"QUIT":
                    return

        def _letter(self) -> bytes:
            lines = iter(self.rfile.readline, b".\r\n")
            return b"".join(line.removeprefix(b".") for line in lines)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Postman) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield f"smtp://127.0.0.1:{server.server_address[1]}", letters
        finally:
            server.shutdown()
            serving.join()


def _text(letter: bytes) -> str:
    part = message_from_bytes(letter, policy=policy.default).get_body(("plain",))
    assert part is not None
    return str(part.get_content())
