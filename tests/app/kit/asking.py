"""Requests to a part of the server by itself, without a network."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def ask(
    app,
    host="1.2.3.4",
    path="/gradio_api/component_server",
    forwarded=None,
    gone=None,
    query=b"",
    pieces=(b"{}",),
    method="POST",
    headers=(),
    ends=True,
):
    """A request under way; its task ends with the answer's status, or None. `gone` says when the visitor leaves, `ends`
    whether all was sent by then."""
    headers = [*headers, *([(b"x-forwarded-for", forwarded)] if forwarded else [])]
    scope = {"type": "http", "method": method, "path": path, "headers": headers, "client": (host, 1)}
    scope["query_string"] = query
    heard, gone = [], gone or asyncio.Event()

    async def receive():
        if len(heard) < len(pieces):
            heard.append(1)
            is_last = ends and len(heard) == len(pieces)
            return {"type": "http.request", "body": pieces[len(heard) - 1], "more_body": not is_last}
        await gone.wait()
        return {"type": "http.disconnect"}

    status = []

    async def send(message):
        status.extend([message["status"]] if "status" in message else [])

    async def asked():
        await app(scope, receive, send)
        return status[0] if status else None

    return asyncio.create_task(asked())


def run(story):
    """In a thread of its own: Playwright keeps a loop running in the tests' own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(story())).result()


async def settle():
    for _ in range(400):  # of hundreds of requests, four come in each time
        await asyncio.sleep(0)
