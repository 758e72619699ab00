// Back to the list that one came from, at the same place.
import { html } from '../core/html.js';
import { listBefore } from '../core/router.js';

/** A link to the list; by the browser's own way back where one came from there. `onLeave` is called before. */
export function BackLink({ class: className = '', onLeave = () => {}, children = null }) {
  const list = listBefore();
  const name = list?.startsWith('/inbox') ? 'Inbox' : 'All incidents';
  const leave = (event) => {
    onLeave();
    if (!list || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    history.back();
  };
  return html`<a class=${className} href=${list ?? '/incidents'} onClick=${leave}>${children ?? name}</a>`;
}
