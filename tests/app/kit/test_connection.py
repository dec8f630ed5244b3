"""Which connections begin, and when."""

import asyncio
import itertools
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import ClassVar

import pytest

from app.explore.limits import ACCEPTED_AT_ONCE, ALL_CONNECTIONS
from app.kit import connection
from app.kit.connection import Loop, Room

SECONDS = 30


class Begun(asyncio.Protocol):
    """Notes the addresses of connections in the order in which they begin."""

    addresses: ClassVar[list[str]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.address = transport.get_extra_info("peername")[0]
        self.addresses.append(self.address)

    def connection_lost(self, _error: Exception | None) -> None:
        connection.OPEN.give_back(self.address)


@pytest.fixture
def accept(monkeypatch):
    """Runs a loop for clients that wait before it accepts any; gives how many have begun each time it came round."""

    def accept(connect: Callable[[ExitStack, Callable[[int], socket.socket]], None], until: int) -> list[int]:
        monkeypatch.setattr(Begun, "addresses", [])
        monkeypatch.setattr(connection, "OPEN", Room(ALL_CONNECTIONS))

        async def story(clients: ExitStack) -> list[int]:
            server = await asyncio.get_running_loop().create_server(Begun, "127.0.0.1", 0, backlog=500)
            port = server.sockets[0].getsockname()[1]
            connect(clients, lambda end: socket.create_connection(("127.0.0.1", port), SECONDS, (f"127.0.0.{end}", 0)))
            steps = [0]
            async with asyncio.timeout(SECONDS):
                while len(Begun.addresses) < until:
                    await asyncio.sleep(0)
                    steps.append(len(Begun.addresses))
            server.close()
            clients.close()
            async with asyncio.timeout(SECONDS):
                while connection.OPEN.all:
                    await asyncio.sleep(0.01)
            return steps

        with ExitStack() as clients, asyncio.Runner(loop_factory=Loop) as runner:
            return runner.run(story(clients))

    return accept


def test_of_hundreds_that_wait_some_begin_each_time_that_the_loop_comes_round(accept):
    def connect(clients, client):
        for _ in range(300):
            clients.enter_context(closing(client(1)))

    steps = accept(connect, 300)
    assert max(after - before for before, after in itertools.pairwise(steps)) <= ACCEPTED_AT_ONCE
    assert len(steps) < 100


def test_who_connects_behind_hundreds_of_another_address_begins_with_its_first(accept):
    def connect(clients, client):
        for _ in range(200):
            clients.enter_context(closing(client(1)))
        clients.enter_context(closing(client(2)))

    accept(connect, 201)
    assert Begun.addresses.index("127.0.0.2") <= 1


def test_what_is_reset_while_it_waits_does_not_begin(accept):
    def connect(clients, client):
        for _ in range(200):
            left = client(1)
            left.sendall(b"GET / HTTP/1.1\r\n\r\n")
            left.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # resets as it closes
            left.close()
        clients.enter_context(closing(client(1)))

    accept(connect, 1)
    assert Begun.addresses == ["127.0.0.1"]
