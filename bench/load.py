"""Many people at once, over loopback: how long each waits, what fails, and what two greedy ones do to the others.

    python bench/load.py [--visitors 32] [--seconds 60] [--model fruits] [--greedy 2] [--looping 1000] [--pages]
        [--url URL]
    python bench/load.py --requests 10000 | --sessions 20000

Every visitor speaks the page's own protocol (queue and server functions) with connections and a session of their own,
and pauses as a person does: they reconstruct a picture and fetch it, ask for samples and draw them, scrub, and walk
over the map. "pointer" is a server function, asked past the queue; "queued" is a reconstruction, from the question
until its picture is here. With `--pages`, the visitors decode by themselves, as a page does, and do not wait for that:
they ask for the latents. A greedy visitor asks for 64 pictures of samples in a loop, without a pause; `--looping`
connections are one address's, each of which asks for a small file in a loop. `--requests` measures memory instead: so
many mixed requests without pauses, a new session for every four of them; `--sessions`, so many made-up session hashes,
one small question each. Beside the memory: threads, open files, and files that are kept for visitors. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from math import prod
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles

import httpx
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.explore.map import UMAP  # noqa: E402
from app.explore.opened import OpenModel  # noqa: E402
from app.explore.wire import to_text  # noqa: E402
from app.kit.web import HOME  # noqa: E402
from bench.app import start  # noqa: E402
from bench.startup import memory  # noqa: E402

PORT, TIMEOUT = 7918, 120
PAUSES = (0.5, 4.0)  # seconds between what a person does
WALK, STEP = 25, 0.1  # moves of a pointer over the map, and the seconds between them
SCRUBBED = 16  # pictures asked for at once
EXAMPLES = {"fruits": "fruit-apple.png", "photos": "photo-coffee.jpg", "emoji": "emoji-panda.png"}


@dataclass
class Tally:
    """What was measured: milliseconds by kind of question, and errors."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter = field(default_factory=Counter)


class Page:
    """What the page's configuration says: where the questions go."""

    def __init__(self, config: dict):
        self.functions = {made["api_name"]: made["id"] for made in config["dependencies"] if made["api_name"]}
        self.widgets = {
            name: made["id"] for made in config["components"] for name in made.get("props", {}).get("server_fns") or ()
        }


class Visitor:
    """One person with a page open."""

    def __init__(self, url: str, page: Page, model: str, shape: list[int], tally: Tally, kind: str = ""):
        self.page, self.model, self.shape, self.tally, self.kind = page, model, shape, tally, kind
        self.session = secrets.token_hex(6)
        # An address of their own, as a proxy tells it: one address has a share of the server (app/kit/shares.py).
        self.client = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, headers={"X-Forwarded-For": self.session})
        self.random = random.Random(self.session)
        self.picture: dict | None = None

    async def timed(self, kind: str, question) -> object:
        """The answer; its time, or its error, is noted."""
        began = time.perf_counter()
        try:
            answer = await question
        except Exception as error:
            self.tally.errors[f"{kind}: {type(error).__name__} {error}"[:100]] += 1
            return None
        self.tally.times[kind].append((time.perf_counter() - began) * 1000)
        return answer

    async def ask(self, name: str, *arguments) -> dict:
        """A server function's answer."""
        content = {
            "data": arguments[0] if len(arguments) == 1 else list(arguments),
            "fn_name": name,
            "component_id": self.page.widgets[name],
            "session_hash": self.session,
        }
        answer = await self.client.post("gradio_api/component_server", json=content)
        answer.raise_for_status()
        found = answer.json()
        if "error" in found:
            raise RuntimeError(found["error"])
        return found

    async def queued(self, name: str, *arguments) -> list:
        """The answer to a question that goes through the queue."""
        content = {"data": list(arguments), "fn_index": self.page.functions[name], "session_hash": self.session}
        joined = await self.client.post("gradio_api/queue/join", json=content)
        joined.raise_for_status()
        event = joined.json()["event_id"]
        async with self.client.stream("GET", f"gradio_api/queue/data?session_hash={self.session}") as stream:
            async for line in stream.aiter_lines():
                said = json.loads(line[5:]) if line.startswith("data:") else {}
                if said.get("event_id") == event and said["msg"] == "process_completed":
                    if not said["success"]:
                        raise RuntimeError(said["output"].get("error"))
                    return said["output"]["data"]
        raise RuntimeError("the stream ended without an answer")

    async def reconstruct(self) -> None:
        """Asks, and fetches what is drawn."""
        await self.upload()
        drawn, _ = await self.queued("reconstruct", self.picture, 0, 0, self.model)
        (await self.client.get(drawn["url"])).raise_for_status()

    async def upload(self) -> None:
        """A picture, the first time."""
        if self.picture is None:
            path = ROOT / "assets" / "examples" / EXAMPLES[self.model]
            sent = await self.client.post("gradio_api/upload", files={"files": (path.name, path.read_bytes())})
            self.picture = {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}

    async def sample(self) -> None:
        """A grid of 16: the latents, then their pictures."""
        found = await self.ask("sample", self.model, "prior", 16, 1.0, self.random.randrange(10**6), {})
        await self.ask("decode", self.model, found["latents"])

    async def scrub(self) -> None:
        """Some pictures between two."""
        latents = np.random.default_rng(self.random.randrange(10**6)).normal(size=(SCRUBBED, *self.shape))
        await self.ask("decode", self.model, to_text(latents.astype(np.float32), tuple(self.shape)))

    async def walk(self) -> None:
        """A pointer over the map, which asks for the next place when it has the last."""
        for _ in range(WALK):
            x, y = self.random.uniform(-5, 15), self.random.uniform(-5, 15)
            await self.timed(f"{self.kind}pointer", self.ask("decode_place", self.model, None, x, y, UMAP))
            await asyncio.sleep(STEP)

    async def visit(self, until: float) -> None:
        """Does what people do, until then."""
        await asyncio.sleep(self.random.uniform(0, PAUSES[1]))
        while time.perf_counter() < until:
            what = self.random.choice(["queued", "sample", "scrub", "walk"])
            if what == "walk":
                await self.walk()
            else:
                action = {"queued": self.reconstruct, "sample": self.sample, "scrub": self.scrub}[what]
                await self.timed(f"{self.kind}{what}", action())
            await asyncio.sleep(self.random.uniform(*PAUSES))

    async def be_greedy(self, until: float) -> None:
        """The heaviest request that a tab allows, in a loop."""
        while time.perf_counter() < until:
            seed = self.random.randrange(10**6)
            await self.timed("greedy", self.queued("sample", 64, 1.0, seed, self.model, "prior", {}))


@cache
def open_here(model: str) -> OpenModel:
    """One that comes with the app, opened by this script, which knows what a page would be told of it."""
    return OpenModel(ROOT / "assets" / "models" / model)


class Decoding(Visitor):
    """One person whose page decodes by itself: what it asks for is latents."""

    async def sample(self) -> None:
        """The latents of a grid of 16."""
        await self.ask("sample", self.model, "prior", 16, 1.0, self.random.randrange(10**6), {})

    async def scrub(self) -> None:
        """The posterior of one of the two pictures between which to scrub."""
        await self.upload()
        await self.queued("encode", self.picture, self.model)

    async def walk(self) -> None:
        """A pointer over the map: the latents of a point near by, of a map whose latents do not come all at once."""
        for _ in range(WALK):
            if len(self.shape) > 1:
                await self.timed("pointer", self.fetch_latent())
            await asyncio.sleep(STEP)

    async def fetch_latent(self) -> None:
        model, bytes_each = open_here(self.model), 2 * prod(self.shape)
        first = self.random.randrange(len(model.atlas)) * bytes_each
        part = {"Range": f"bytes={first}-{first + bytes_each - 1}"}
        (await self.client.get(f"{HOME}/{model.map_latents}", headers=part)).raise_for_status()


async def crowd(url: str, page: Page, shape: list[int], given: argparse.Namespace, greedy: int) -> Tally:
    """All visitors at once."""
    tally, until = Tally(), time.perf_counter() + given.seconds
    kinds = [Visitor] * greedy + [Decoding if given.pages else Visitor] * given.visitors
    people = [kind(url, page, given.model, shape, tally) for kind in kinds]
    tasks = [person.be_greedy(until) for person in people[:greedy]] + [p.visit(until) for p in people[greedy:]]
    await asyncio.gather(*tasks)
    for person in people:
        await person.client.aclose()
    return tally


async def ask_for_ever(url: httpx.URL) -> None:
    """One connection that asks for a small file as soon as it has it."""
    reader, writer = await asyncio.open_connection(url.host, url.port)
    while True:
        writer.write(b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: looping\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))


def loop(url: str, connections: int) -> None:
    """So many of them, until the process ends: one of its own, so that it takes no time of the visitors'."""

    async def ask_with_all() -> None:
        await asyncio.gather(*(ask_for_ever(httpx.URL(url)) for _ in range(connections)))

    asyncio.run(ask_with_all())


def report(tally: Tally, seconds: float) -> None:
    """Prints the table."""
    print(f"{'':<10}{'count':>7}{'a second':>10}{'p50, ms':>10}{'p95':>8}{'p99':>8}")
    for kind, times in sorted(tally.times.items()):
        cuts = quantiles(times, n=100) if len(times) > 1 else times * 99
        rate = len(times) / seconds
        print(f"{kind:<10}{len(times):>7}{rate:>10.1f}{cuts[49]:>10.0f}{cuts[94]:>8.0f}{cuts[98]:>8.0f}")
    print(f"errors: {sum(tally.errors.values())}")
    for error, count in tally.errors.most_common(5):
        print(f"  {count} x {error}")


async def grow(url: str, page: Page, shape: list[int], given: argparse.Namespace, process) -> None:
    """Mixed requests, without pauses, by eight at once; prints the memory as they go."""
    tally, done = Tally(), 0
    while done < given.requests:
        people = [Visitor(url, page, given.model, shape, tally) for _ in range(8)]
        for action in ("reconstruct", "scrub", "sample", "reconstruct"):
            kind = "queued" if action == "reconstruct" else action
            await asyncio.gather(*(person.timed(kind, getattr(person, action)()) for person in people))
        for person in people:
            await person.client.aclose()
        done += 4 * 8
        if done % (given.requests // 10 // 32 * 32 or 32) == 0:
            print(f"{done:>7} requests  {held(process)}", flush=True)
    print(f"errors: {sum(tally.errors.values())} {tally.errors.most_common(3)}")


async def open_sessions(page: Page, client: httpx.AsyncClient, given: argparse.Namespace, process) -> None:
    """One question each from so many sessions that nobody has; prints the memory as they go."""
    latent = to_text(np.zeros((1, *given.shape), np.float32), tuple(given.shape))
    content = {"data": [given.model, latent], "fn_name": "decode", "component_id": page.widgets["decode"]}

    async def ask(_: int) -> None:
        (await client.post("gradio_api/component_server", json=content | {"session_hash": secrets.token_hex(6)})).json()

    for done in range(0, given.sessions, 8):
        if done % (given.sessions // 10 // 8 * 8 or 8) == 0:
            print(f"{done:>7} sessions  {held(process)}", flush=True)
        await asyncio.gather(*map(ask, range(8)))
    print(f"{given.sessions:>7} sessions  {held(process)}")


def held(process) -> str:
    """What a process holds."""
    folder = Path(f"/proc/{process.pid}")
    kept = [
        len(files) for path in Path(tempfile.gettempdir()).glob("latentscape-server-*") for *_, files in os.walk(path)
    ]
    return (
        f"{memory(process):5.0f} MB  {len(list((folder / 'task').iterdir()))} threads  "
        f"{len(list((folder / 'fd').iterdir()))} open files  {sum(kept)} files of visitors"
    )


async def run(url: str, given: argparse.Namespace, process) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT) as client:
        page = Page((await client.get("config")).json())
        first = Tally()
        visitor = Visitor(url, page, given.model, [], first)
        (models,) = await visitor.queued("models")
        shape = next(model["latent_shape"] for model in models if model["name"] == given.model)
    visitor.shape = given.shape = shape
    await visitor.reconstruct()
    await visitor.walk()  # reads the map
    if given.sessions:
        await open_sessions(page, visitor.client, given, process)
        return
    if given.requests:
        await grow(url, page, shape, given, process)
        return
    print(f"{given.model}, {given.visitors} visitors, {given.seconds} s, load {os.getloadavg()[0]:.1f}", flush=True)
    report(await crowd(url, page, shape, given, 0), given.seconds)
    if given.greedy:
        print(f"the same, and {given.greedy} greedy ones", flush=True)
        report(await crowd(url, page, shape, given, given.greedy), given.seconds)
    if given.looping:
        print(f"the same, and {given.looping} connections of one address in a loop", flush=True)
        looping = get_context("spawn").Process(target=loop, args=(url, given.looping), daemon=True)
        looping.start()
        report(await crowd(url, page, shape, given, 0), given.seconds)
        looping.kill()


def main() -> None:
    """Starts the app, unless a running one is named, and prints tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--model", default="fruits")
    parser.add_argument("--greedy", type=int, default=2)
    parser.add_argument("--looping", type=int, default=0)
    parser.add_argument("--pages", action="store_true", help="the visitors decode by themselves")
    parser.add_argument("--url", help="of a running app, such as another version's")
    parser.add_argument("--requests", type=int, default=0, help="measure memory over so many, instead")
    parser.add_argument("--sessions", type=int, default=0, help="measure memory over so many, instead")
    given = parser.parse_args()
    if given.url:
        asyncio.run(run(given.url, given, None))
        return
    process, _ = start(PORT)
    try:
        time.sleep(15)  # the warm-up
        asyncio.run(run(f"http://127.0.0.1:{PORT}/", given, process))
        print(f"memory: {memory(process):.0f} MB")
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
