// What an organization's topic carries: a row when it is alone, rows by kind when several changed together, and in a
// storm only that there is more.
const KINDS = { notifications: 'notification', incidents: 'incident', incident_updates: 'incident_update' };
/** @type {ReturnType<typeof setTimeout> | null} */
let reading = null;

/**
 * The events that a message stands for, each with its payload. Where there is more than it says, `read` is called at a
 * random moment within as many seconds as it names, and once however many say so until then.
 * @param {string} event
 * @param {any} payload
 * @param {() => void} read
 * @returns {[string, any][]}
 */
export function told(event, payload, read) {
  if (event === 'more') {
    if (!reading) {
      reading = setTimeout(
        () => {
          reading = null;
          read();
        },
        Math.random() * (Number(payload.within) || 0) * 1000,
      );
    }
    return [];
  }
  if (event !== 'changes') return [[event, payload]];
  return Object.entries(KINDS).flatMap(([rows, kind]) => (payload[rows] ?? []).map((row) => [kind, row]));
}
