// What else may tell of high-urgency alerts on this device.
import { html, useState } from '../core/html.js';
import { useStore } from '../core/store.js';
import { Switch } from '../ui/field.js';
import { alarms, wantBrowser, wantSound } from './alarms.js';

export function Options() {
  const { browser, sound } = useStore(alarms);
  const [refused, setRefused] = useState(/** @type {string | null} */ (null));
  return html`
    <details class="bell-options">
      <summary>Sound and notifications</summary>
      <${Switch} checked=${browser} onChange=${async (wanted) => setRefused(await wantBrowser(wanted))}>Notify me of high urgency<//>
      <${Switch} checked=${sound} onChange=${wantSound}>Sound for high urgency<//>
      <p class="error" role="status">${refused}</p>
    </details>
  `;
}
