// The service worker: shows what rings outside the pages, where a phone shows it too, and opens what is touched. It
// answers no requests: pages and scripts come from the service.
/** @type {any} */
const worker = self;

worker.addEventListener('install', () => worker.skipWaiting());
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.address));
});

/** In the window that one is most likely to look at, else in a new one. */
async function open(address) {
  const windows = await worker.clients.matchAll({ type: 'window' }); // the last used one first
  const there = windows.find(({ visibilityState: is }) => is === 'visible') ?? windows[0];
  if (!there) return worker.clients.openWindow(address);
  there.postMessage({ open: address });
  return there.focus();
}
