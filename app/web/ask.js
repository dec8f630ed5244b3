const NO_ANSWER = "No answer came. Is the app still running?";

/** `ask(name, ...values)` for a widget's `server`: the answer of a server function, or `{ error }` with a sentence. */
export function asking(server) {
  return async (name, ...values) => {
    try {
      return (await server[name](...values)) ?? { error: NO_ANSWER };
    } catch (error) {
      console.error(error);
      return { error: NO_ANSWER };
    }
  };
}
