// Parts that many pages share.
import { config } from '../core/config.js';
import { html, useEffect, useElement, useRef, useState } from '../core/html.js';
import { shorten } from '../core/text.js';
import { Icon } from './icons.js';

/** Sets the document's title while the page is shown. */
export function useTitle(title) {
  useEffect(() => {
    document.title = `${shorten(title, 80)} · ${config.product_name}`;
  }, [title]);
}

/** Values as a select takes them: [value, text]. */
function options(values) {
  return values.map((value) => [value, value.charAt(0).toUpperCase() + value.slice(1)]);
}

export const STATUSES = options(config.statuses);
export const LEVELS = options(config.levels);
export const ROLES = options(config.roles);

/** The text of a value of one of the lists above. */
export function nameOf(choices, value) {
  return choices.find(([key]) => key === value)?.[1] ?? value;
}

export function StatusPill({ status }) {
  return html`<span class=${`pill status-${status}`}>${nameOf(STATUSES, status)}</span>`;
}

export function LevelPill({ level, what = '' }) {
  return html`<span class=${`pill level-${level}`}>${nameOf(LEVELS, level)}${what && html`<span class="hidden"> ${what}</span>`}</span>`;
}

/** kind: info, good, warning, bad. */
export function Notice({ kind = 'info', children, role }) {
  return html`
    <div class=${`notice ${kind}`} role=${role}>
      <${Icon} name=${{ info: 'info', good: 'check', warning: 'warning', bad: 'warning' }[kind]} />
      <div>${children}</div>
    </div>
  `;
}

/** A problem that stands in the place of content, with a way to try again. */
export function Failure({ problem, onRetry }) {
  return html`
    <${Notice} kind="bad" role="alert">
      <p>${problem.message}</p>
      ${onRetry && html`<p><button type="button" class="button" onClick=${onRetry}>Try again</button></p>`}
    <//>
  `;
}

/** Grey bars where text will be, as many and as high as it will need. */
export function Skeleton({ rows = 3, class: className = '' }) {
  return html`
    <div class=${`skeleton ${className}`} aria-hidden="true">
      ${Array.from({ length: rows }, (_, index) => html`<div key=${index} class="skeleton-row"></div>`)}
    </div>
  `;
}

/** Copies text and says so. `about` tells several of them apart for who does not see beside what they stand. */
export function CopyButton({ text, label = 'Copy', about = '' }) {
  const [state, setState] = useState('');
  useEffect(() => {
    const timer = state ? setTimeout(() => setState(''), 4000) : undefined;
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState('Copied');
    } catch {
      setState('Press Ctrl+C');
    }
  };
  return html`
    <button type="button" class="button copy" onClick=${copy}>
      <${Icon} name=${state === 'Copied' ? 'check' : 'copy'} />${state || label}${about && html`<span class="hidden"> ${about}</span>`}
    </button>
    <span class="hidden" role="status">${state}</span>
  `;
}

/** The end of an endless list: loads on when it comes into sight, or when its button is pressed. */
export function More({ next, loading, onMore, items }) {
  const ref = useElement();
  const latest = useRef(onMore);
  latest.current = onMore;
  useEffect(() => {
    if (!next || loading || !ref.current) return undefined;
    const watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && latest.current(), {
      rootMargin: '200px',
    });
    watcher.observe(ref.current);
    return () => watcher.disconnect();
  }, [next, loading, items]);
  if (!next) return null;
  return html`
    <div class="more" ref=${ref}>
      <button type="button" class="button quiet" aria-disabled=${loading} onClick=${() => loading || onMore()}>${loading ? 'Loading …' : 'Load more'}</button>
    </div>
  `;
}
