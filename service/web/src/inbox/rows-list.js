// A list of notifications in which nothing moves under a finger: while somebody is at it, what is new waits.
import { html, useElement, useState } from '../core/html.js';
import { Entry } from './entry.js';
import { inPlaces, placesOf } from './rows.js';

/** @param {{ items: import('../types.d.ts').Notification[], shown?: number, selection?: any }} props */
export function Rows({ items, shown = Infinity, selection = null }) {
  const list = useElement();
  const [kept, keep] = useState(/** @type {ReturnType<typeof placesOf> | null} */ (null));
  const hold = () => kept ?? keep(placesOf(items));
  const left = (event) => {
    // A finger leaves after each tap, and is about to come back.
    if (event.pointerType !== 'touch' && !list.current?.contains(document.activeElement)) keep(null);
  };
  const focusLeft = ({ relatedTarget: to }) => list.current && !list.current.contains(to) && !list.current.matches(':hover') && keep(null);
  const { rows, waiting } = inPlaces(items, kept ?? placesOf(items));
  return html`
    <div ref=${list} onPointerEnter=${hold} onFocusIn=${hold} onPointerLeave=${left} onFocusOut=${focusLeft}>
      ${waiting > 0 && html`<button type="button" class="button primary waiting" onClick=${() => keep(placesOf(items))}>${waiting} new</button>`}
      <ul class="groups">
        ${rows.slice(0, shown).map((item) => html`<${Entry} key=${item.id} item=${item} selection=${selection} />`)}
      </ul>
    </div>
  `;
}
