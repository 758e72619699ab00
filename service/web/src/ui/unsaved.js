// Before one leaves a form with changes that are not saved.
import { useEffect, useRef } from '../core/html.js';
import { guardLeaving } from '../core/router.js';
import { ask } from './dialog.js';

/**
 * Asks before a link leads away, and has the browser ask before the window closes, while there `is` something unsaved.
 * @param {boolean} is
 * @param {string} text what becomes of it
 */
export function useUnsaved(is, text) {
  const latest = useRef(is);
  latest.current = is;
  useEffect(() => {
    const stop = guardLeaving(async () => !latest.current || (await ask({ title: 'Leave without saving?', text, action: 'Leave' })));
    const closing = (event) => latest.current && event.preventDefault();
    addEventListener('beforeunload', closing);
    return () => {
      stop();
      removeEventListener('beforeunload', closing);
    };
  }, []);
}
