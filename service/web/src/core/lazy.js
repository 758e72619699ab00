// Pages whose scripts are fetched when they are first shown.
import { Failure, Skeleton } from '../ui/parts.js';
import { unreachable } from './api.js';
import { html, useEffect, useState } from './html.js';

const REST_AFTER = 3000; // milliseconds: what is needed now goes first
const loaders = [];

/** A component for the one that `load` imports; until it is there, grey bars. */
export function lazy(load) {
  let Loaded = null;
  const fetchIt = async () => {
    Loaded ??= await load();
  };
  loaders.push(fetchIt);
  return function Lazy(props) {
    const [, redraw] = useState({});
    const [problem, setProblem] = useState(/** @type {any} */ (null));
    useEffect(() => {
      const fetchNow = () => {
        if (navigator.onLine) fetchIt().then(() => redraw({}), setProblem);
      };
      fetchNow();
      addEventListener('online', fetchNow);
      return () => removeEventListener('online', fetchNow);
    }, []);
    if (Loaded) return html`<${Loaded} ...${props} />`;
    if (problem) return html`<${Unfetched} />`;
    if (!navigator.onLine) return html`<div class="page narrow"><${Failure} problem=${unreachable()} /></div>`;
    return html`<div class="page"><${Skeleton} rows=${4} /></div>`;
  };
}

/** A browser that could not fetch a script does not try again before the page is loaded again. */
function Unfetched() {
  return html`
    <div class="page narrow">
      <h1>Not quite there</h1>
      <p role="alert">This page could not be fetched. Check your connection.</p>
      <p><button type="button" class="button" onClick=${() => location.reload()}>Load the page again</button></p>
    </div>
  `;
}

/** Fetches the pages that nobody has opened yet, so that they open at once, and without a network. */
export function fetchTheRest() {
  setTimeout(() => navigator.onLine && Promise.allSettled(loaders.map((fetchIt) => fetchIt())), REST_AFTER);
}
