"""A page that knows what it is still waiting for."""

import pytest

# Counts what the page has asked the server for and not been answered yet. Gradio's results come in one stream, which
# ends, or is closed by the page, when there is nothing left to wait for.
WATCH = """
window.asked = { open: 0, at: 0 };
const fetched = window.fetch;
window.fetch = (...parts) => {
  const url = String(parts[0]?.url ?? parts[0]);
  if (!/queue\\/(join|data)|component_server|\\/upload|\\/run\\//.test(url)) return fetched(...parts);
  const done = () => Object.assign(window.asked, { open: window.asked.open - 1, at: performance.now() });
  Object.assign(window.asked, { open: window.asked.open + 1, at: performance.now() });
  const answer = fetched(...parts);
  const toItsEnd = (response) => response.clone().body.pipeTo(new WritableStream());
  (url.includes("queue/data") ? answer.then(toItsEnd) : answer).catch(() => {}).finally(done);
  return answer;
};
"""


@pytest.fixture
def page(page):
    """The page, and in `window.asked` what it is waiting for: see `waiting.fall_silent`."""
    page.add_init_script(WATCH)
    return page


@pytest.fixture
def server_draws(page):
    """Keeps the browser's codec away: its pictures are the server's but for a level or two of 255."""
    page.route("**/latentscape/decoders/**", lambda route: route.abort())
