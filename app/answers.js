// In the head of the page: every question is answered, also one that is asked as the answer before it ends.
//
// Gradio's client hears all answers through one stream, which it opens with a question unless it has one. The server ends
// it with a message once no question is open. For a question on its way just then, the client would take the stream for
// open, and never hear the answer. So that message is held back while a question is open, and the stream goes on with
// another of the server's; and however a stream ends, the client gets that message. And an answer that is not the app's is
// said in a sentence.

const JOIN = /\/queue\/join(\?|$)/;
const RUN = /\/run\/[^/]+$/;
const DATA = /\/queue\/data\?/;
const MESSAGE = /^data: ?\{"msg":"(\w+)"(?:,"event_id":"(\w+)")?/;
const END = "\n\n"; // of a message
const NO_ANSWER = "No answer came. Is the app still running?"; // as in web/ask.js, which the head cannot import
const CLOSE = `data: {"msg":"close_stream"}${END}`;

const fetched = window.fetch;
const open = new Set(); // questions that the server has taken and not answered
const early = new Set(); // those that were answered before the server was heard to take them
let asked = 0; // questions of which the server is still to say whether it takes them
let tell = () => {}; // that it has said so of one

window.fetch = (input, options) => {
  const url = String(input?.url ?? input);
  if (JOIN.test(url)) return ask(fetched(input, options));
  if (RUN.test(url)) return fetched(input, options).then(readable);
  return DATA.test(url) ? listen(new Request(input, options)) : fetched(input, options);
};

async function ask(answer) {
  asked += 1;
  try {
    const response = readable(await answer);
    await note(response).catch(() => {}); // it breaks off: the client says so
    return response;
  } finally {
    asked -= 1;
    tell();
  }
}

/** What a proxy answers while the app starts again is HTML, of which the client would show bits, as HTML. */
function readable(response) {
  if (response.headers.get("content-type")?.startsWith("application/json")) return response;
  return Response.json({ error: NO_ANSWER }, { status: response.ok ? 502 : response.status });
}

async function note(response) {
  const { event_id } = response.ok ? await response.clone().json() : {};
  if (event_id && !early.delete(event_id)) open.add(event_id);
}

async function listen(request) {
  const response = await fetched(request.clone());
  if (!response.ok) return response;
  const messages = follow(response, request);
  const bytes = new TextEncoder();
  const body = new ReadableStream({
    async pull(controller) {
      const { value, done } = await messages.next();
      if (done) controller.close();
      else controller.enqueue(bytes.encode(value));
    },
  });
  return new Response(body, { status: response.status, headers: response.headers });
}

/**
 * The messages of a stream, and of those after it for as long as a question is open; at last that it is closed. Fails where
 * a stream breaks off: then the client takes the connection for lost, and loads the page anew.
 */
async function* follow(first, request) {
  for (let response = first; response; response = open.size && (await fetched(request.clone()))) {
    let end = null; // how the stream ends
    for await (const message of messagesOf(response)) {
      const [, kind, event] = MESSAGE.exec(message) ?? [];
      if (kind === "process_completed" && !open.delete(event) && asked) early.add(event);
      if (kind === "close_stream" || kind === "unexpected_error") end = kind;
      if (kind !== "close_stream") yield message;
    }
    if (end === "unexpected_error") open.clear(); // the server knows nothing of them any more
    if (!end && open.size) throw new Error("The stream of answers broke off.");
    while (asked && !open.size) await new Promise((resolve) => (tell = resolve)); // one may be long on its way
  }
  yield CLOSE;
}

async function* messagesOf(response) {
  if (!response.ok) throw new Error(`The stream of answers: ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const messages = (rest + read.value).split(END);
    rest = messages.pop();
    for (const message of messages) yield message + END;
  }
}
