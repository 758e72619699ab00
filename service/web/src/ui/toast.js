// Short messages about what was just done.
import { html, useEffect, useElement } from '../core/html.js';
import { Store, useStore } from '../core/store.js';
import { Icon } from './icons.js';

const STAYS = 7000; // milliseconds
const ICONS = { good: 'check', bad: 'warning', news: 'bell' };
/** @typedef {{ name: string, run: () => void }} Act */
const list = new Store(/** @type {{ toasts: { id: number, text: string, kind: string, act: Act | null }[] }} */ ({ toasts: [] }));
let serial = 0;

/**
 * Shows a sentence for a few seconds; `kind` is good, bad or news. `act` is what one may do about it, such as undo.
 * @param {string} text
 * @param {string} [kind]
 * @param {Act | null} [act]
 */
export function toast(text, kind = 'good', act = null) {
  list.set({ toasts: [...list.state.toasts.slice(-2), { id: ++serial, text, kind, act }] });
}

function drop(id) {
  list.set({ toasts: list.state.toasts.filter((one) => one.id !== id) });
}

export function Toasts() {
  const { toasts } = useStore(list);
  const region = useElement();
  const newest = toasts.at(-1)?.id;
  useEffect(() => {
    // Over whatever panel was opened before.
    if (region.current.matches(':popover-open')) region.current.hidePopover();
    region.current.showPopover();
  }, [newest]);
  return html`
    <div ref=${region} class="toasts" popover="manual" role="status" aria-live="polite">
      ${toasts.map((one) => html`<${Toast} key=${one.id} ...${one} />`)}
    </div>
  `;
}

function Toast({ id, text, kind, act }) {
  useEffect(() => {
    let timer;
    const wait = () => {
      clearTimeout(timer);
      if (!document.hidden) timer = setTimeout(() => drop(id), STAYS); // nobody has seen it before
    };
    wait();
    document.addEventListener('visibilitychange', wait);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', wait);
    };
  }, []);
  return html`
    <div class=${`toast ${kind}`}>
      <${Icon} name=${ICONS[kind]} />
      <p dir="auto">${text}</p>
      ${
        act &&
        html`
        <button type="button" class="button quiet" onClick=${() => {
          drop(id);
          act.run();
        }}>${act.name}</button>
      `
      }
      <button type="button" class="icon-button small" aria-label="Dismiss" onClick=${() => drop(id)}><${Icon} name="close" /></button>
    </div>
  `;
}
