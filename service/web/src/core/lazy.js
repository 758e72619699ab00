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
    const [problem, setProblem] = useState(/** @type {any | null} */ (null));
    const fetchNow = () =>
      fetchIt().then(
        () => redraw({}),
        () => setProblem(unreachable()),
      );
    useEffect(() => {
      fetchNow();
    }, []);
    if (Loaded) return html`<${Loaded} ...${props} />`;
    if (problem)
      return html`<div class="page narrow"><h1>Not quite there</h1><${Failure} problem=${problem} onRetry=${() => location.reload()} /></div>`;
    return html`<div class="page"><${Skeleton} rows=${4} /></div>`;
  };
}

/** Fetches the pages that nobody has opened yet, so that they open at once, and without a network. */
export function fetchTheRest() {
  setTimeout(() => Promise.allSettled(loaders.map((fetchIt) => fetchIt())), REST_AFTER);
}
