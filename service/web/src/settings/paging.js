// Which service of PagerDuty's is paged of an incident that is made here.
import { api } from '../core/api.js';
import { html, useEffect, useState } from '../core/html.js';
import { plain } from '../core/text.js';
import { Field, Select } from '../ui/field.js';
import { LEVELS } from '../ui/parts.js';
import { ADDRESS } from './webhook-address.js';

/** `service` is its id, or empty; `readUntil` says when there may be other services to choose from. */
export function Paging({ service, criticality, errors, change, readUntil }) {
  const [services, setServices] = useState(/** @type {{ id: string, name: string }[]} */ ([]));
  useEffect(() => {
    // What cannot be read now is read again with the next look at the log.
    api(`${ADDRESS}/directory`).then(
      (directory) => setServices(directory.services),
      () => {},
    );
  }, [readUntil]);
  const known = services.map(({ id, name }) => [id, plain(name)]);
  if (service && !services.some(({ id }) => id === service)) known.push([service, service]);
  return html`
    <${Field} label="Page a service" error=${errors.paging_service_id} hint="Of an incident that is made here and critical enough, once. Of any other one, responders may by hand.">
      ${(attributes) => html`<${Select} attributes=${attributes} options=${[['', 'No: only by hand'], ...known]} value=${service} onChange=${change('paging_service_id')} />`}
    <//>
    ${
      service &&
      html`
      <${Field} label="From criticality" error=${errors.paging_criticality}>
        ${(attributes) => html`<${Select} attributes=${attributes} options=${LEVELS} value=${criticality} onChange=${change('paging_criticality')} />`}
      <//>
    `
    }
  `;
}
