// A form that is open while what it was filled in from changes: nobody saves over what they have not seen.
import { html, useEffect, useRef, useState } from '../core/html.js';
import { shorten } from '../core/text.js';
import { Notice, nameOf } from '../ui/parts.js';
import { CHOICES, changes, NAMES } from './form.js';

/**
 * Takes over what changed elsewhere in the fields that are as they were; what was typed here stays. Answers what
 * changed, by field, and whether it stayed: [field, new value, stayed][].
 * @param {import('../types.d.ts').IncidentFields} latest the fields as they are now
 * @param {(edit: (old: any) => any) => void} setValues
 */
export function useFollowing(latest, setValues) {
  const base = useRef(latest);
  const [changed, setChanged] = useState(/** @type {[string, any, boolean][]} */ ([]));
  const now = changes(base.current, latest);
  const key = JSON.stringify(now);
  useEffect(() => {
    if (key === '{}') return;
    const before = base.current;
    base.current = latest;
    setValues((old) => {
      const typed = changes(before, old);
      const fresh = Object.entries(now).filter(([field]) => !(field in typed));
      setChanged((known) => [
        ...known.filter(([field]) => !(field in now)),
        ...Object.entries(now).map(([field, value]) => /** @type {[string, any, boolean]} */ ([field, value, field in typed])),
      ]);
      return { ...old, ...Object.fromEntries(fresh) };
    });
  }, [key]);
  return /** @type {const} */ ([base, changed]);
}

/** What changed while the form was open. */
export function ChangedMeanwhile({ changed }) {
  if (!changed.length) return html`<div role="status"></div>`;
  return html`
    <div role="status">
      <${Notice} kind="warning">
        <p><strong>Changed meanwhile, by somebody else or by PagerDuty:</strong></p>
        <ul>
          ${changed.map(([field, value, stayed]) => html`<li key=${field}>${NAMES[field]}${said(field, value)}${stayed ? ' – what you chose stays' : ''}</li>`)}
        </ul>
      <//>
    </div>
  `;
}

function said(field, value) {
  if (field in CHOICES) return html` is now <strong>${nameOf(CHOICES[field], value)}</strong>`;
  if (field === 'title' || field === 'customer') return html` is now <bdi>“${shorten(value, 80)}”</bdi>`;
  return '';
}
