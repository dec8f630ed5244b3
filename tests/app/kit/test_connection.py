"""How connections are accepted."""

import asyncio
import itertools
import socket
from contextlib import ExitStack, closing

from app.explore.limits import ACCEPTED_AT_ONCE
from app.kit.connection import Loop


def test_of_hundreds_that_wait_some_are_accepted_each_time_that_the_loop_comes_round():
    made = []

    class Counting(asyncio.Protocol):
        def connection_made(self, _transport):
            made.append(self)

    async def story(clients):
        server = await asyncio.get_running_loop().create_server(Counting, "127.0.0.1", 0, backlog=500)
        address = server.sockets[0].getsockname()
        for _ in range(300):
            clients.enter_context(closing(socket.create_connection(address)))
        steps = [0]
        async with asyncio.timeout(30):
            while len(made) < 300:
                await asyncio.sleep(0)
                steps.append(len(made))
        server.close()
        return [after - before for before, after in itertools.pairwise(steps)]

    with ExitStack() as clients, asyncio.Runner(loop_factory=Loop) as runner:
        steps = runner.run(story(clients))
    assert max(steps) <= ACCEPTED_AT_ONCE
    assert len(steps) < 100
