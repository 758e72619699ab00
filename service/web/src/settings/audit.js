// Who changed which setting from what to what. Of a secret it is only told that it changed.
import { readPage } from '../core/api.js';
import { html, useEffect, useState } from '../core/html.js';
import { List } from '../core/list.js';
import { newestFirst, together } from '../core/rows.js';
import { atLeast } from '../core/session.js';
import { useStore } from '../core/store.js';
import { useSync } from '../core/sync.js';
import { Time } from '../core/time.js';
import { Failure, More, Notice, nameOf, Skeleton } from '../ui/parts.js';

const PAGE = 50;
const MOST = 100; // lines that one request may ask for
const SETTINGS = [
  ['name', 'the name of the organization'],
  ['role', 'the role'],
  ['display_name', 'the name'],
  ['enabled', '“Take alerts”'],
  ['accept_bare_url', 'whether the URL without a token is taken'],
  ['webhook_token', 'the webhook URL'],
  ['integration_key', 'the integration key filter'],
  ['region', 'the service region'],
  ['event_types', 'the event types'],
  ['services', 'the services'],
  ['api_key', 'the API key'],
  ['signing_secret', 'the signing secret'],
  ['subscription_id', 'the webhook in PagerDuty'],
  ['subscription_scope', 'what the webhook in PagerDuty covers'],
  ['pagerduty_user_id', 'the PagerDuty user'],
  ['acting_email', 'as whom PagerDuty is told what nobody it knows did'],
  ['sync_status', 'which way the status goes'],
  ['sync_notes', 'which way comments and notes go'],
  ['paging_service_id', 'the service that is paged'],
  ['paging_criticality', 'from which criticality a service is paged'],
];
const NOBODY = 'Whoever runs this app';

/** @typedef {import('../types.d.ts').AuditLine} AuditLine */

/**
 * One page of the organization's audit, newest first.
 * @param {import('../core/list.js').Request<string>} request
 * @returns {Promise<import('../core/list.js').Page<AuditLine, string>>}
 */
function readAudit(request) {
  return readPage('/api/integrations/pagerduty/audit', request);
}

/** A value in words. A setting that is not there has none. */
function shown(value) {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function Value({ value }) {
  return html`<bdi><strong>${shown(value)}</strong></bdi>`;
}

/** Who joined, left or was removed. */
function comings({ actor_id: actor, member_id: member, member_name: name, change, old_value: old, new_value: now }) {
  if (change === 'set') return html`added <bdi>${name}</bdi> as <${Value} value=${now} />`;
  return actor !== null && actor === member
    ? html`left, before: <${Value} value=${old} />`
    : html`removed <bdi>${name}</bdi>, before: <${Value} value=${old} />`;
}

/** What a line says after its actor's name. */
function what(line) {
  const { subject, setting, change, member_name: name, old_value: old, new_value: now } = line;
  if (subject === 'memberships' && setting === 'role' && change !== 'changed') return comings(line);
  const it = nameOf(SETTINGS, setting).replaceAll('_', ' ');
  const whose = subject === 'memberships' ? html` of <bdi>${name}</bdi>` : '';
  const from = old === null ? '' : html`${change === 'removed' ? ', before: ' : ' from '}<${Value} value=${old} />`;
  const to = now === null ? '' : html` to <${Value} value=${now} />`;
  return html`${change} ${it}${whose}${from}${to}`;
}

export function AuditTab({ organization }) {
  if (!atLeast('admin', organization)) {
    return html`
      <section class="card">
        <h2>Audit</h2>
        <${Notice}><p>Only owners and admins of <bdi>${organization.name}</bdi> see who changed what; your role is ${organization.role}.</p><//>
      </section>
    `;
  }
  return html`<${Lines} />`;
}

function Lines() {
  const [list] = useState(
    () =>
      new List({
        ask: readAudit,
        page: PAGE,
        most: MOST,
        merge: (items, rows) => together(items, rows, newestFirst),
      }),
  );
  useEffect(() => {
    list.refresh();
    return () => list.end();
  }, []);
  useSync(list.refresh);
  const { items, loaded, next, problem, loadingMore } = useStore(list);
  return html`
    <section class="card" aria-labelledby="audit-title">
      <h2 id="audit-title">Audit</h2>
      <p class="hint">Who changed which setting. Secrets are not in it, only that they changed.</p>
      ${problem && html`<${Failure} problem=${problem} onRetry=${list.refresh} />`}
      ${!loaded && !problem && html`<${Skeleton} rows=${6} class="tall" />`}
      ${
        loaded &&
        items.length === 0 &&
        html`<div class="empty"><p><strong>Nothing has been changed yet</strong></p><p>What anybody changes under <a href="/settings">Integrations</a> or <a href="/settings/members">Members</a> appears here.</p></div>`
      }
      ${items.length > 0 && html`<ul class="events">${items.map((line) => html`<${Line} key=${line.id} line=${line} />`)}</ul>`}
      <${More} next=${next} loading=${loadingMore} onMore=${() => list.more()} items=${items.length} />
    </section>
  `;
}

function Line({ line }) {
  const actor = line.actor_id === null ? NOBODY : (line.actor_name ?? 'Somebody');
  return html`
    <li class="event-row">
      <p class="event-main"><bdi class="author">${actor}</bdi> ${what(line)}</p>
      <p class="hint"><${Time} at=${line.created_at} /></p>
    </li>
  `;
}
