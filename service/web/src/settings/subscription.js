// Connect: PagerDuty is told where to send alerts, by the API key, and proves that it does.
import { api } from '../core/api.js';
import { html, useEffect, useState } from '../core/html.js';
import { fullTime } from '../core/time.js';
import { ask } from '../ui/dialog.js';
import { Notice } from '../ui/parts.js';
import { toast } from '../ui/toast.js';
import { ADDRESS } from './webhook-address.js';

const SUBSCRIPTION = `${ADDRESS}/subscription`;
const LOOK_AGAIN = 2000; // milliseconds, until the test event has come
const PATIENCE = 30_000; // milliseconds, until it is said what may be wrong

/** @type {Record<string, [string, string]>} what is wrong with it, and what to do */
const TROUBLE = {
  old_url: ['PagerDuty still sends to the webhook URL before this one.', 'Connect again before that one ends.'],
  off: ['The webhook was switched off in PagerDuty: alerts do not arrive.', 'Connect again: what was missed is read from PagerDuty’s log.'],
  gone: [
    'PagerDuty does not have the webhook any more: alerts do not arrive.',
    'Connect again: what was missed is read from PagerDuty’s log.',
  ],
  changed: [
    'The webhook’s events were changed in PagerDuty: some arrive late, from its log.',
    'Connect again to have all of them at once.',
  ],
  silent: [
    'PagerDuty’s last test event has not arrived.',
    'Is this service to be reached from PagerDuty, at the address of the webhook URL? Connect again to begin anew.',
  ],
};

/** `save` saves what is typed of the key and the region; it answers nothing if that failed. */
export function Subscription({ saved, setSaved, read, save, hasTyped }) {
  const [busy, setBusy] = useState('');
  const [problem, setProblem] = useState('');
  const [found, setFound] = useState(/** @type {{ state: string, message: string } | null} */ (null));
  const subscription = saved.subscription;
  const waits = subscription?.state === 'waiting';
  useEffect(() => {
    if (!waits) return;
    const timer = setInterval(() => document.hidden || read(), LOOK_AGAIN);
    return () => clearInterval(timer);
  }, [waits]);

  const during = (what, work) => async () => {
    if (busy) return;
    setBusy(what);
    setProblem('');
    setFound(null);
    try {
      await work();
    } catch (error) {
      setProblem(error.body?.detail ?? error.message);
    }
    setBusy('');
  };
  const connect = during('connect', async () => {
    if (hasTyped && !(await save())) return;
    setSaved(await api(SUBSCRIPTION, { method: 'POST', body: {} }));
  });
  const check = during('check', async () => setFound(await api(SUBSCRIPTION)));
  const ping = during('ping', async () => {
    await api(`${ADDRESS}/ping`, { method: 'POST', body: {} });
    toast('PagerDuty sends its test event.');
  });
  const disconnect = during('disconnect', async () => {
    const text = 'The webhook is removed from PagerDuty: alerts stop arriving. What has arrived stays.';
    if (await ask({ title: 'Disconnect PagerDuty?', text, action: 'Disconnect' })) setSaved(await api(SUBSCRIPTION, { method: 'DELETE' }));
  });

  const ready = saved.api_key.set || hasTyped;
  const compare = during('compare', async () => {
    setSaved(await api(`${ADDRESS}/reconcile`, { method: 'POST', body: {} }));
    toast('PagerDuty’s log is read within a minute or so.');
  });
  const mends = TROUBLE[subscription?.state] || (found && !['on', 'suspended'].includes(found.state));
  return html`
    <div class="test" aria-busy=${Boolean(busy)}>
      <div role="status">
        ${subscription && html`<${State} subscription=${subscription} />`}
        ${subscription && saved.reconciliation && html`<${Tally} tally=${saved.reconciliation} />`}
        ${found && html`<${Notice} kind=${found.state === 'on' ? 'good' : 'bad'}><p>${found.message}</p><//>`}
        ${problem && html`<${Notice} kind="bad"><p dir="auto">${problem}</p><//>`}
      </div>
      <div class="actions start">
        ${
          (!subscription || mends) &&
          html`<button type="button" class="button primary" aria-disabled=${Boolean(busy) || !ready} onClick=${() => ready && connect()} aria-describedby="connect-hint">${busy === 'connect' ? 'Connecting …' : subscription ? 'Connect again' : hasTyped ? 'Save and connect' : 'Connect'}</button>`
        }
        ${
          subscription &&
          html`
          <button type="button" class="button" aria-disabled=${Boolean(busy)} onClick=${check}>${busy === 'check' ? 'Checking …' : 'Check'}</button>
          <button type="button" class="button" aria-disabled=${Boolean(busy)} onClick=${ping}>Send PagerDuty’s test event</button>
          <button type="button" class="button" aria-disabled=${Boolean(busy)} onClick=${compare}>Compare with PagerDuty now</button>
          <button type="button" class="button" aria-disabled=${Boolean(busy)} onClick=${disconnect}>Disconnect…</button>
        `
        }
      </div>
      ${!subscription && html`<p class="hint" id="connect-hint">${ready ? 'Makes the webhook in PagerDuty, for the whole account, keeps its signing secret, and has PagerDuty prove it.' : 'Enter an API key that may write: the rest is done for you.'}</p>`}
    </div>
  `;
}

function State({ subscription }) {
  const [late, setLate] = useState(false);
  const { state, scope, proven_at: proven, made_at: made } = subscription;
  useEffect(() => {
    setLate(false);
    const timer = setTimeout(() => setLate(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [made]);
  const covers = scope.type === 'account' ? 'the whole account' : html`the ${scope.type} <bdi>${scope.name ?? scope.id}</bdi>`;
  if (state === 'proven')
    return html`<${Notice} kind="good"><p><strong>Connected.</strong> PagerDuty sends the alerts of ${covers}. Proven <time datetime=${proven}>${fullTime(proven)}</time>.</p><//>`;
  if (TROUBLE[state]) return html`<${Notice} kind="bad"><p><strong>${TROUBLE[state][0]}</strong> ${TROUBLE[state][1]}</p><//>`;
  const hint = late && ' It should have come by now: is this service to be reached from PagerDuty, at the address of the webhook URL?';
  return html`<${Notice}><p><strong>Made in PagerDuty.</strong> Waiting for its test event …${hint}</p><//>`;
}

/** Whether everything arrives: what PagerDuty's log has, against what was told. */
function Tally({ tally }) {
  const { read_until: readUntil, mended_at: mendedAt, pinged_at: pingedAt, error } = tally;
  return html`
    <p class="hint tally">
      ${Date.parse(readUntil) > Date.parse(tally.since) ? html`<${Counted} tally=${tally} />` : 'PagerDuty’s log is compared in a minute or two, for what no webhook tells.'}
      ${pingedAt && html` Last asked for its daily test event <time datetime=${pingedAt}>${fullTime(pingedAt)}</time>.`}
      ${mendedAt && html` PagerDuty had switched the webhook off; it was switched on again <time datetime=${mendedAt}>${fullTime(mendedAt)}</time>.`}
    </p>
    ${error && html`<${Notice} kind="warning"><p dir="auto"><strong>It cannot be compared with PagerDuty’s log now.</strong> ${error}</p><//>`}
  `;
}

/** "4,211 of 4,211 changes in PagerDuty since … are here; 3 that no webhook told were read from its log". */
function Counted({ tally: { changes, healed, healed_at: healedAt, since, read_until: readUntil } }) {
  const counted = changes ? html`<strong>${number(changes)} of ${number(changes)} changes</strong>` : html`<strong>No changes</strong>`;
  return html`
    ${counted} in PagerDuty since <time datetime=${since}>${fullTime(since)}</time>${changes > 0 && ' are here'}${
      healed > 0 &&
      html`; ${number(healed)} that no webhook told ${healed === 1 ? 'was' : 'were'} read from its log, last <time datetime=${healedAt}>${fullTime(healedAt)}</time>`
    }. Compared until <time datetime=${readUntil}>${fullTime(readUntil)}</time>.
  `;
}

const number = (value) => value.toLocaleString('en');
