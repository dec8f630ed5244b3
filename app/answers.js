// In the head of the page: every question is answered, also one that is asked as the answer before it ends.
//
// Gradio's client hears all answers through one stream. The server ends it with a message once no question is open. For a
// question that is on its way just then, the client would take the stream for open, and never hear the answer. So that
// message is held back while a question is open, and the stream goes on with another of the server's.

const JOIN = /\/queue\/join(\?|$)/;
const DATA = /\/queue\/data\?/;
const MESSAGE = /^data: ?\{"msg":"(\w+)"(?:,"event_id":"(\w+)")?/;
const END = "\n\n"; // of a message

const fetched = window.fetch;
const open = new Set(); // questions that the server has taken and not answered
const early = new Set(); // those that were answered before the server was heard to take them
let asked = 0; // questions of which the server is still to say that it takes them

window.fetch = (input, options) => {
  const url = String(input?.url ?? input);
  if (JOIN.test(url)) return ask(input, options);
  return DATA.test(url) ? listen(new Request(input, options)) : fetched(input, options);
};

async function ask(input, options) {
  asked += 1;
  try {
    const response = await fetched(input, options);
    const { event_id } = response.ok ? await response.clone().json() : {};
    if (event_id && !early.delete(event_id)) open.add(event_id);
    return response;
  } finally {
    asked -= 1;
  }
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

/** The messages of a stream, and then of the next for as long as a question is open. */
async function* follow(response, request) {
  for await (const message of messagesOf(response)) {
    const [, kind, event] = MESSAGE.exec(message) ?? [];
    if (kind === "process_completed" && !open.delete(event) && asked) early.add(event);
    if (kind === "close_stream" && open.size + asked) {
      yield* follow(await fetched(request.clone()), request);
      return;
    }
    yield message;
  }
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
