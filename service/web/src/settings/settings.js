// The settings: a tab has an address of its own.
import '../core/shared.js';
import { html } from '../core/html.js';
import { useTitle } from '../ui/parts.js';
import { ActivityTab } from './activity.js';
import { AuditTab } from './audit.js';
import { IntegrationTab } from './integration.js';
import { MembersTab } from './members.js';

const TABS = [
  ['/settings', 'Integrations', IntegrationTab],
  ['/settings/members', 'Members', MembersTab],
  ['/settings/activity', 'Activity', ActivityTab],
  ['/settings/audit', 'Audit', AuditTab],
];

export function SettingsPage({ path, organization }) {
  const [, title, Tab] = TABS.find(([address]) => address === path) ?? TABS[0];
  useTitle(`${title} · Settings`);
  return html`
    <div class="page">
      <h1>Settings</h1>
      <nav class="tabs" aria-label="Settings">
        ${TABS.map(
          ([address, text]) => html`
          <a key=${address} href=${address} aria-current=${text === title ? 'page' : undefined}>${text}</a>
        `,
        )}
      </nav>
      <${Tab} key=${title} organization=${organization} />
    </div>
  `;
}
