// Notifications of the system, by the service worker (worker.js): phones show no others.
import { navigate, safeNext } from '../core/router.js';
import { plain, shorten } from '../core/text.js';
import { addressOf } from './rows.js';
import { alarmOf, stateOf } from './words.js';

const WORKER = '/service-worker.js';
const MOST = 3; // at once: more is a storm, and the badge says so

export const isSupported = () => 'serviceWorker' in navigator && 'Notification' in window;

/** @type {Promise<ServiceWorkerRegistration> | null} */
let registering = null;
/** @type {any} */
let policy = null;

/** The page's policy takes no script's address that text could have made: this is the one that it knows. */
function trusted(address) {
  const { trustedTypes } = /** @type {any} */ (window);
  policy ??= trustedTypes?.createPolicy('service-worker', { createScriptURL: () => WORKER });
  return policy?.createScriptURL(address) ?? address;
}

/** The service worker, which is registered if need be. Rejects where the browser has none for us. */
export function registered() {
  registering ??= navigator.serviceWorker
    .register(trusted(WORKER))
    .then(() => navigator.serviceWorker.ready)
    .catch((problem) => {
      registering = null;
      throw problem;
    });
  return registering;
}

/** Shows rows that rang: one notification a row, which a later one of the same row replaces, and rings again. */
export async function show(rows) {
  const worker = await registered();
  for (const row of rows.slice(0, MOST)) await worker.showNotification(shorten(`${alarmOf(row)}: ${row.title}`, 120), optionsOf(row));
}

function optionsOf(row) {
  return {
    body: [stateOf(row), row.urgency && `${row.urgency} urgency`, row.priority, row.service_name].filter(Boolean).map(plain).join(' · '),
    tag: row.id,
    renotify: true,
    timestamp: Date.parse(row.loud_at),
    icon: '/apple-touch-icon.png',
    data: { address: addressOf(row) },
  };
}

/**
 * Takes away those that are shown of the rows that it `is` true of, such as what this person has read elsewhere.
 * @param {(id: string) => boolean} is
 */
export async function takeAway(is) {
  const worker = await registering?.catch(() => null);
  for (const shown of (await worker?.getNotifications()) ?? []) if (is(shown.tag)) shown.close();
}

// A notification was touched: the worker says which page that is.
navigator.serviceWorker?.addEventListener('message', ({ data }) => data?.open && navigate(safeNext(data.open)));
