// What happened to a notification's subject, with every text that PagerDuty sent.
import { api } from '../core/api.js';
import { html, useEffect, useState } from '../core/html.js';
import { Time } from '../core/time.js';
import { Failure, Skeleton } from '../ui/parts.js';
import { Linked } from '../ui/prose.js';
import { eventName } from './words.js';

const MOST = 100; // what one request may ask for

/** Newest first, and read again whenever the row changes. */
export function History({ notification: { id, seq } }) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    api(`/api/notifications/${id}/events?limit=${MOST}`, { signal: stop.signal })
      .then((page) => {
        setFound(page);
        setProblem(null);
      })
      .catch((failed) => stop.signal.aborted || setProblem(failed));
    return () => stop.abort();
  }, [id, seq, attempt]);
  if (problem) return html`<${Failure} problem=${problem} onRetry=${() => setAttempt(attempt + 1)} />`;
  if (!found) return html`<${Skeleton} rows=${2} />`;
  return html`
    <ol class="history">
      ${found.items.map(
        (event) => html`
        <li key=${event.id}>
          <bdi><${Linked} text=${event.headline ?? eventName(event.event_type)} /></bdi> <${Time} at=${event.occurred_at ?? event.received_at} />
        </li>
      `,
      )}
      ${found.next && html`<li class="hint">What is older is not shown.</li>`}
    </ol>
  `;
}
