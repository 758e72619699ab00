// The bar on top of every page.
import { Bell } from '../inbox/bell.js';
import { Icon } from '../ui/icons.js';
import { Popover } from '../ui/popover.js';
import { config } from './config.js';
import { html } from './html.js';
import { navigate, useRoute } from './router.js';
import { chooseOrganization, session, signOut } from './session.js';
import { Store, useStore } from './store.js';
import { plain } from './text.js';

const LINKS = [
  ['/inbox', 'Inbox'],
  ['/incidents', 'Incidents'],
  ['/settings', 'Settings'],
];

export function Header() {
  const { phase, user, organizations, organization } = useStore(session);
  const { path } = useRoute();
  const inside = phase === 'ready';
  const starting = phase === 'starting' && path !== '/sign-in'; // as the frame of the page shows it
  return html`
    <a class="skip" href="#main">Skip to content</a>
    <header class="topbar">
      <div class="topbar-row">
        <a class="brand" href=${inside || starting ? '/incidents' : '/sign-in'}>
          <span class="brand-mark"><${Icon} name="bell" /></span>
          <span class="brand-name">${config.product_name}</span>
        </a>
        ${
          (inside || starting) &&
          html`
          <nav class="main-nav" aria-label="Main">
            ${LINKS.map(
              ([href, text]) => html`
              <a key=${href} href=${href} aria-current=${path.startsWith(href) ? 'page' : undefined}>${text}</a>
            `,
            )}
          </nav>
        `
        }
        ${
          inside &&
          html`
          <${Organization} organizations=${organizations} organization=${organization} />
          ${
            organization
              ? html`<${Bell} key=${`${user?.id} ${organization.id}`} userId=${user?.id} organizationId=${organization.id} topic=${organization.topic} />`
              : html`<span class="bell-place"></span>`
          }
          <${Account} user=${user} organizations=${organizations} organization=${organization} />
        `
        }
      </div>
    </header>
  `;
}

function Organization({ organizations, organization }) {
  const { path } = useRoute();
  if (!organization) return null;
  if (organizations.length === 1) return html`<span class="organization" title="Your organization"><bdi>${organization.name}</bdi></span>`;
  const choose = (event) => {
    chooseOrganization(event.currentTarget.value);
    // What is open belongs to the organization that is left.
    if (/^\/incidents\/.+/.test(path)) navigate('/incidents');
  };
  return html`
    <select class="organization" aria-label="Organization" value=${organization.id} onChange=${choose}>
      ${organizations.map(({ id, name }) => html`<option key=${id} value=${id} selected=${id === organization.id}>${plain(name)}</option>`)}
    </select>
  `;
}

function Account({ user, organizations, organization }) {
  return html`
    <${Popover}
      id="account" label="Account" buttonClass="icon-button" button=${html`<${Icon} name="user" />`}
      panelClass="panel account" panelLabel="Account"
    >
      ${() => html`
        <p class="account-who"><bdi>${user?.email}</bdi></p>
        ${organization && html`<p class="hint">${organization.role} of <bdi>${organization.name}</bdi></p>`}
        <div class="account-organization"><${Organization} organizations=${organizations} organization=${organization} /></div>
        <${Theme} />
        <button type="button" class="button" onClick=${signOut}>Sign out</button>
      `}
    <//>
  `;
}

const theme = new Store({ chosen: document.documentElement.dataset.theme ?? 'system' });

function chooseTheme(chosen) {
  theme.set({ chosen });
  if (chosen === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  try {
    if (chosen === 'system') localStorage.removeItem('theme');
    else localStorage.setItem('theme', chosen);
  } catch {
    // Blocked storage: it holds as long as the page does.
  }
}

function Theme() {
  const { chosen } = useStore(theme);
  return html`
    <fieldset class="segments">
      <legend>Colours</legend>
      ${['system', 'light', 'dark'].map(
        (name) => html`
        <label key=${name}>
          <input type="radio" name="theme" checked=${chosen === name} onChange=${() => chooseTheme(name)} />
          <span>${name}</span>
        </label>
      `,
      )}
    </fieldset>
  `;
}
