// Which of PagerDuty's events to take.
import { config } from '../core/config.js';
import { html, useId } from '../core/html.js';

const USUAL = [
  'incident.acknowledged',
  'incident.escalated',
  'incident.reopened',
  'incident.resolved',
  'incident.triggered',
  'incident.unacknowledged',
];
const GROUPS = [
  ['incident.', 'Incidents'],
  ['service.', 'Services'],
];

function nameOfType(type) {
  const words = type.replace(/^(incident|service)\./, '').replace(/[._]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "All", or how many and which. */
export function describeTypes(types) {
  if (types === null) return 'All';
  return types.length > 4 ? `${types.length} of ${config.event_types.length}` : types.join(', ');
}

/** `chosen` is a list, or null for all. */
export function EventTypes({ chosen, onChange, error }) {
  const id = useId();
  const toggle = (type) => onChange(chosen.includes(type) ? chosen.filter((one) => one !== type) : [...chosen, type].sort());
  const mode = (checked, text, value) => html`
    <label class="choice"><input type="radio" name=${`${id}-mode`} checked=${checked} onChange=${() => onChange(value)} /> <span>${text}</span></label>
  `;
  return html`
    <fieldset class="field event-types" aria-describedby=${error ? `${id}-error` : undefined}>
      <legend>Event types</legend>
      ${mode(chosen === null, 'All of them', null)}
      ${mode(chosen !== null, 'Only these', chosen ?? USUAL)}
      ${
        chosen !== null &&
        html`
        <div class="type-groups">
          ${GROUPS.map(
            ([prefix, title]) => html`
            <div key=${prefix} role="group" aria-label=${title}>
              <p class="type-group">${title}</p>
              ${config.event_types
                .filter((type) => type.startsWith(prefix))
                .map(
                  (type, index) => html`
                <label key=${type} class="choice">
                  <input type="checkbox" checked=${chosen.includes(type)} aria-invalid=${error && prefix === GROUPS[0][0] && index === 0 ? 'true' : undefined} onChange=${() => toggle(type)} />
                  <span title=${type}>${nameOfType(type)}</span>
                </label>
              `,
                )}
            </div>
          `,
          )}
        </div>
      `
      }
      ${error && html`<p class="error" id=${`${id}-error`}>${error}</p>`}
    </fieldset>
  `;
}
