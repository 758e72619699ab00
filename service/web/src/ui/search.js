// A search field whose words go into the address when the typing rests.
import { config } from '../core/config.js';
import { html, useEffect, useRef, useState } from '../core/html.js';
import { Icon } from './icons.js';

const SETTLE = 300; // milliseconds after the last key

/**
 * `label` says what is searched. `value` is what is searched for now.
 * @param {{ label: string, value: string, onChange: (words: string) => void, id?: string }} props
 */
export function Search({ label, value, onChange, id }) {
  const [text, setText] = useState(value);
  const timer = useRef(/** @type {any} */ (null));
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (timer.current === null && value !== text.trim()) setText(value); // the address changed, not the typing
  }, [value]);
  const type = (event) => {
    const typed = event.currentTarget.value;
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = null;
      latest.current(typed);
    }, SETTLE);
  };
  return html`
    <div class="search">
      <${Icon} name="search" />
      <input id=${id} type="search" aria-label=${label} placeholder=${label} maxlength=${config.limits.search} dir="auto" value=${text} onInput=${type} />
    </div>
  `;
}
