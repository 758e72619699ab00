// Which of PagerDuty's services to tell of.
import { html, useId } from '../core/html.js';
import { Field } from '../ui/field.js';

/**
 * @typedef {{ id: string | null, name: string | null }} Seen
 * @typedef {{ ticked: string[], written: string }} Choice ids and names: of services that were seen, and others, one a line
 */

/**
 * @param {string} text
 * @param {Seen} service
 */
function isOf(text, { id, name }) {
  return [id, name].some((known) => known?.toLowerCase() === text.toLowerCase());
}

/**
 * What to edit for a list of ids and names, or for null, which takes all.
 * @param {string[] | null} services
 * @param {Seen[] | null} seen
 * @returns {Choice | null}
 */
export function choiceOf(services, seen) {
  const isSeen = (text) => (seen ?? []).some((service) => isOf(text, service));
  return services && { ticked: services.filter(isSeen), written: services.filter((text) => !isSeen(text)).join('\n') };
}

/**
 * The list that a choice means, without repetitions and in order.
 * @param {Choice | null} choice
 */
export function servicesOf(choice) {
  if (choice === null) return null;
  const lines = choice.written.split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
  return [...new Set([...choice.ticked, ...lines])].filter(Boolean).sort();
}

/** "All", or which. */
export function describeServices(services) {
  return services === null ? 'All' : services.join(', ');
}

/** `choice` is null for all. Services that are ticked stay in sight when they have not been seen for a while. */
export function Services({ choice, seen, onChange, error }) {
  const id = useId();
  const mode = (checked, text, value) => html`
    <label class="choice"><input type="radio" name=${`${id}-mode`} checked=${checked} onChange=${() => onChange(value)} /> <span>${text}</span></label>
  `;
  return html`
    <fieldset class="field" aria-describedby=${`${id}-hint`}>
      <legend>PagerDuty services</legend>
      ${mode(choice === null, 'Every service', null)}
      ${mode(choice !== null, 'Chosen services', choice ?? { ticked: [], written: '' })}
      ${choice !== null && html`<${Choose} choice=${choice} seen=${seen} onChange=${onChange} error=${error} />`}
      <p class="hint" id=${`${id}-hint`}>Notes and tasks go with the service of their incident.</p>
    </fieldset>
  `;
}

function Choose({ choice, seen, onChange, error }) {
  const unseen = choice.ticked.filter((text) => !seen.some((service) => isOf(text, service)));
  const offered = [...seen, ...unseen.map((text) => ({ id: text, name: null }))];
  const toggle = (service) => {
    const others = choice.ticked.filter((text) => !isOf(text, service));
    const isTicked = others.length < choice.ticked.length;
    onChange({ ...choice, ticked: isTicked ? others : [...others, service.id ?? service.name] });
  };
  return html`
    <div class="type-groups">
      ${
        offered.length > 0 &&
        html`
        <div role="group" aria-label="Services of the last events">
          ${offered.map(
            (service) => html`
            <label key=${service.id ?? service.name} class="choice">
              <input type="checkbox" checked=${choice.ticked.some((text) => isOf(text, service))} onChange=${() => toggle(service)} />
              <bdi title=${service.id}>${service.name ?? service.id}</bdi>
            </label>
          `,
          )}
        </div>
      `
      }
      <${Field} label="Others" optional error=${error} hint="Ids or names, one a line. An id holds when the service is renamed.">
        ${(attributes) => html`<textarea ...${attributes} rows="2" dir="auto" spellcheck="false" value=${choice.written} onInput=${(event) => onChange({ ...choice, written: event.currentTarget.value })}></textarea>`}
      <//>
    </div>
  `;
}
