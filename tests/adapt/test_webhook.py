"""What Alertmanager is answered, over HTTP."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from pydantic import SecretStr

from pipeline.adapt.webhook import MAX_BODY_BYTES, MAX_WAITING, Inbox, listening
from pipeline.errors import AftershockError
from pipeline.settings_ingest import AdaptSettings

TOKEN = "let me in"  # noqa: S105 - of the tests' own
BODY = json.dumps({"version": "4", "alerts": []}).encode()


class Receiver:
    """The webhook, and a role that takes what is posted."""

    def __init__(self, inbox: Inbox, port: int) -> None:
        self.inbox, self.port = inbox, port

    def ask(
        self, body: bytes = BODY, method: str = "POST", path: str = "/alertmanager", **headers: str
    ) -> tuple[int, str]:
        """Send a request; return status and body."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as client:
            given = {"Authorization": f"Bearer {TOKEN}"} | headers
            client.request(method, path, body=body, headers=given)
            answer = client.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    inbox = Inbox(patience_s=0.5)
    settings = AdaptSettings(webhook_port=0, webhook_token=SecretStr(TOKEN))
    with listening(settings, inbox, open_s=60) as port:
        assert port is not None
        yield Receiver(inbox, port)


def settling(inbox: Inbox, *, published: bool) -> threading.Thread:
    """Settle the next body."""

    def settle() -> None:
        while not (posted := inbox.take()):
            pass
        posted[0].settle(published=published)

    thread = threading.Thread(target=settle)
    thread.start()
    return thread


def test_published_is_200(receiver: Receiver) -> None:
    role = settling(receiver.inbox, published=True)
    assert receiver.ask() == (200, "0 alerts published\n")
    role.join()


def test_not_published_is_503_so_that_it_comes_again(receiver: Receiver) -> None:
    role = settling(receiver.inbox, published=False)
    assert receiver.ask()[0] == 503
    role.join()


def test_nobody_takes_it_is_503(receiver: Receiver) -> None:
    assert receiver.ask() == (503, "the broker does not have them yet: come again\n")


def test_too_many_that_wait_are_told_to_come_again(receiver: Receiver) -> None:
    threads = [threading.Thread(target=receiver.ask) for _ in range(MAX_WAITING + 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.inbox.take()) == MAX_WAITING


@pytest.mark.parametrize(
    ("body", "headers", "status", "line"),
    [
        (BODY, {"Authorization": "Bearer wrong"}, 401, "bearer token"),
        (BODY, {"Authorization": f"Basic {TOKEN}"}, 401, "bearer token"),
        (BODY, {"Content-Length": "-1"}, 411, "Content-Length"),
        (BODY, {"Content-Length": "9" * 5000}, 411, "Content-Length"),
        (b"{broken", {}, 400, "not JSON"),
        (b'{"version": "3"}', {}, 400, 'version is not "4"'),
        (b" " * (MAX_BODY_BYTES + 1), {}, 413, "max_alerts"),
    ],
)
def test_what_will_never_do_is_refused_in_one_line(
    receiver: Receiver, *, body: bytes, headers: dict[str, str], status: int, line: str
) -> None:
    answered, told = receiver.ask(body, **headers)
    assert answered == status
    assert line in told
    assert told.count("\n") == 1
    assert receiver.inbox.take() == []


def test_another_path_or_method_is_refused(receiver: Receiver) -> None:
    assert receiver.ask(path="/")[0] == 404
    assert receiver.ask(method="GET", body=b"")[0] == 405


def test_a_body_that_breaks_off_is_refused(receiver: Receiver) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port)) as client:
        head = f"POST /alertmanager HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        client.sendall(head.encode() + b"Content-Length: 100\r\n\r\n{")
        client.shutdown(socket.SHUT_WR)
        assert b" 400 " in client.recv(1000)


def test_a_port_that_is_taken_is_one_clear_line(receiver: Receiver) -> None:
    settings = AdaptSettings(webhook_port=receiver.port)
    with (
        pytest.raises(AftershockError, match="choose another"),
        listening(settings, Inbox(), open_s=60),
    ):
        pass
