// Text that somebody else wrote, as it is, with its links.
import { html } from '../core/html.js';
import { linksIn } from '../core/links.js';

/** @param {{ text: string }} props */
export function Linked({ text }) {
  return linksIn(text).map(({ text: part, href }, index) =>
    href ? html`<a key=${index} href=${href} target="_blank" rel="noopener noreferrer nofollow ugc">${part}</a>` : part,
  );
}

/** @param {{ text: string }} props */
export function Prose({ text }) {
  return html`<div class="prose" dir="auto"><${Linked} text=${text} /></div>`;
}
