/**
 * Shows a widget of the app in a page without Gradio, in an element that holds its template. Returns a function that
 * sets some of its props, as a handler of the app does.
 */
export function host(element, mount, { props = {}, server = {}, on = {} }) {
  const watchers = [];
  mount({
    element,
    props,
    server,
    trigger: (event, data) => on[event]?.({ ...data }),
    watch: (name, act) => watchers.push({ name, act }),
  });
  return (changes) => {
    Object.assign(props, changes);
    for (const { name, act } of watchers) if (name in changes) act();
  };
}
