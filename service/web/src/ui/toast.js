// Short messages about what was just done.
import { html, useEffect } from '../core/html.js';
import { Store, useStore } from '../core/store.js';
import { Icon } from './icons.js';

const STAYS = 7000;
const list = new Store(/** @type {{ toasts: { id: number, text: string, kind: string }[] }} */ ({ toasts: [] }));
let serial = 0;

/** Shows a sentence for a few seconds; `kind` is good or bad. */
export function toast(text, kind = 'good') {
  list.set({ toasts: [...list.state.toasts.slice(-2), { id: ++serial, text, kind }] });
}

function drop(id) {
  list.set({ toasts: list.state.toasts.filter((one) => one.id !== id) });
}

export function Toasts() {
  const { toasts } = useStore(list);
  return html`
    <div class="toasts" role="status" aria-live="polite">
      ${toasts.map((one) => html`<${Toast} key=${one.id} ...${one} />`)}
    </div>
  `;
}

function Toast({ id, text, kind }) {
  useEffect(() => {
    const timer = setTimeout(() => drop(id), STAYS);
    return () => clearTimeout(timer);
  }, []);
  return html`
    <div class=${`toast ${kind}`}>
      <${Icon} name=${kind === 'bad' ? 'warning' : 'check'} />
      <p dir="auto">${text}</p>
      <button type="button" class="icon-button small" aria-label="Dismiss" onClick=${() => drop(id)}><${Icon} name="close" /></button>
    </div>
  `;
}
