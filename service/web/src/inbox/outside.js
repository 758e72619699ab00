// How many are unread, where it is seen while the page is not: in its title, on its icon, and on the installed app's.
import { useEffect } from '../core/html.js';

/** @param {number | null} unread null until known */
export function useUnreadOutside(unread) {
  useEffect(() => {
    const mark = () => {
      const bare = document.title.replace(/^\(\d+\+?\) /, '');
      const wanted = unread ? `(${unread > 99 ? '99+' : unread}) ${bare}` : bare;
      if (document.title !== wanted) document.title = wanted;
    };
    mark();
    const watcher = new MutationObserver(mark);
    watcher.observe(/** @type {Node} */ (document.querySelector('title')), { childList: true });
    return () => watcher.disconnect();
  }, [unread]);
  useEffect(() => {
    markIcon(Boolean(unread));
    if (unread !== null) navigator.setAppBadge?.(unread).catch(() => {}); // not installed, or not allowed
  }, [unread]);
  useEffect(
    () => () => {
      markIcon(false);
      navigator.clearAppBadge?.().catch(() => {});
    },
    [],
  );
}

function markIcon(is) {
  const icon = /** @type {HTMLLinkElement} */ (document.querySelector('link[rel="icon"]'));
  icon.dataset.read ??= icon.href;
  const wanted = is ? icon.dataset.unread : icon.dataset.read;
  if (wanted && new URL(wanted, location.href).href !== icon.href) icon.href = wanted;
}
