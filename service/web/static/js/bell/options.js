// What else may tell of high-urgency alerts on this device.
import { html, useState } from '../html.js';
import { useStore } from '../store.js';
import { Switch } from '../ui/field.js';
import { alerts, wantBrowserAlerts, wantSound } from './alerts.js';

export function Options() {
  const { browser, sound } = useStore(alerts);
  const [refused, setRefused] = useState(null);
  return html`
    <details class="bell-options">
      <summary>High urgency on this device</summary>
      <${Switch} checked=${browser} onChange=${async (wanted) => setRefused(await wantBrowserAlerts(wanted))}>Browser notification<//>
      <${Switch} checked=${sound} onChange=${wantSound}>Sound<//>
      <p class="error" role="status">${refused}</p>
    </details>
  `;
}
