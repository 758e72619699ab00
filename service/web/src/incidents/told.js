// What PagerDuty has been told of an incident, and what it has not: live, with a way to try again.
import { api } from '../core/api.js';
import { html, useEffect, useState } from '../core/html.js';
import { useBroadcast } from '../core/realtime.js';
import { useSync } from '../core/sync.js';
import { Time } from '../core/time.js';
import { toast } from '../ui/toast.js';

const LOOK_AGAIN = 2000; // milliseconds, while something waits

/** [what is told, newest first; a way to try one of it again; what takes an answer]. `changes`: what to look again for. */
export function useTold(incident, changes) {
  const [items, setItems] = useState(/** @type {import('../types.d.ts').Told[]} */ ([]));
  const address = incident && `/api/incidents/${incident.id}/outbox`;
  const take = (answer) => setItems(answer.items);
  // What cannot be read now is read again: the page is about the incident.
  const read = () => address && api(address).then(take, () => {});
  useEffect(() => {
    read();
  }, [address, ...changes]);
  useSync(read);
  useBroadcast('incident', (row) => row.id === incident?.id && read());
  const waits = items.some(({ state }) => state === 'waiting');
  useEffect(() => {
    if (!waits) return;
    const timer = setInterval(() => document.hidden || read(), LOOK_AGAIN);
    return () => clearInterval(timer);
  }, [waits, address]);
  const retry = (item) =>
    api(`${address}/${item.id}/retry`, { method: 'POST', body: {} }).then(take, (problem) => toast(problem.message, 'bad'));
  return [items, retry, take];
}

/** "Sent to PagerDuty just now as rita@…", "Waiting: …", "PagerDuty was not told: …". */
export function Told({ item, what, retry }) {
  if (!item) return null;
  if (item.state === 'sent') {
    const as = item.acted_as && html` as <bdi>${item.acted_as}</bdi>`;
    return html`<span class="hint told">${what}${item.acted_as ? 'told PagerDuty ' : 'PagerDuty has it since '}<${Time} at=${item.sent_at} />${as}</span>`;
  }
  if (item.state === 'waiting')
    return html`<span class="hint told">${what}${item.last_error ? html`waiting: <span dir="auto">${item.last_error}</span>` : 'on its way to PagerDuty …'}</span>`;
  return html`
    <span class="told error">${what}not told PagerDuty: <span dir="auto">${item.last_error}</span>
    ${retry && html` <button type="button" class="link-button" onClick=${() => retry(item)}>Try again</button>`}</span>
  `;
}
