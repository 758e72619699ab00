// The bell's notifications, for the page that shows the same ones.
import { Store } from '../core/store.js';

/** `notifications` is null as long as there is no bell. */
export const current = new Store(
  /** @type {{ notifications: import('./notifications.js').Notifications | null }} */ ({ notifications: null }),
);
