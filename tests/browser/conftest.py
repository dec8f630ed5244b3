"""A page that knows what it is still waiting for."""

import pytest

# Keeps what the page has asked the server for and not been answered yet, by the question's name. Gradio answers what it
# queued in one stream: a question there is open until its `process_completed`, or until the stream ends. The stream
# itself may stay open longer, with nothing to say.
WATCH = """
window.asked = { open: new Map(), answered: new Set(), at: 0 };
const fetched = window.fetch;
const changed = () => { window.asked.at = performance.now(); };
const closed = (name) => { window.asked.open.delete(name); window.asked.answered.add(name); changed(); };
const opened = (name, what) => {
  if (!window.asked.answered.has(name)) window.asked.open.set(name, what);
  changed();
};
const listen = async (response) => {
  let rest = "";
  for await (const text of response.clone().body.pipeThrough(new TextDecoderStream())) {
    const messages = (rest + text).split("\\n\\n");
    rest = messages.pop();
    for (const message of messages) {
      const { msg, event_id } = JSON.parse(message.replace(/^data:/, ""));
      if (msg === "process_completed") closed(event_id);
    }
  }
};
let count = 0;
window.fetch = (...parts) => {
  const url = String(parts[0]?.url ?? parts[0]);
  if (!/queue\\/(join|data)|component_server|\\/upload|\\/run\\//.test(url)) return fetched(...parts);
  const answer = fetched(...parts);
  if (url.includes("queue/data")) {
    const queued = () => [...window.asked.open.keys()].filter((name) => typeof name === "string").forEach(closed);
    answer.then(listen).catch(() => {}).finally(queued);
    return answer;
  }
  const number = count++;
  opened(number, url);
  const join = async (response) => {
    if (url.includes("queue/join")) opened((await response.clone().json()).event_id, parts[1]?.body ?? url);
  };
  answer.then(join).catch(() => {}).finally(() => closed(number));
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
    """A visitor who saves data, for whom the server draws: the browser's pictures may be a level or two of 255 off."""
    page.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
