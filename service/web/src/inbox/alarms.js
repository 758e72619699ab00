// What rings beyond the page, for high urgency: a notification of the system, a sound. Off until somebody asks for it.
import { Store } from '../core/store.js';
import { isSupported, registered, show } from './notify.js';
import { beep, wake } from './sound.js';

const SETTINGS = 'bell-alerts';
const RANG = 'bell-rang';
const MOST_REMEMBERED = 100;
const LAG = 5000; // milliseconds

function saved() {
  const { browser, sound } = stored(SETTINGS) ?? {};
  return { browser: browser === true, sound: sound === true };
}

function stored(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

function store(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Blocked storage: it holds as long as the page does, and every tab rings.
  }
}

/** browser, sound: whether they are wanted on this device. */
export const alarms = new Store(saved());

function save(changes) {
  alarms.set(changes);
  store(SETTINGS, alarms.state);
}

addEventListener('storage', (event) => event.key === SETTINGS && alarms.set(saved()));

/** Switches notifications of the system. Answers a sentence if the browser does not let us, else null. */
export async function wantBrowser(wanted) {
  save({ browser: false });
  if (!wanted) return null;
  if (!isSupported()) return 'This browser has no notifications here. On an iPhone or iPad, add the app to the home screen first.';
  if ((await Notification.requestPermission()) !== 'granted') {
    return 'The browser does not allow notifications for this site: change that in the site settings beside the address.';
  }
  try {
    await registered();
  } catch {
    return 'This browser does not let the app show notifications: a private window, perhaps, or storage that is blocked.';
  }
  save({ browser: true });
  return null;
}

/** Switches the sound, and lets it be heard. */
export function wantSound(wanted) {
  save({ sound: wanted });
  if (wanted) beep();
}

/**
 * Rings for rows of high urgency, in the ways that were asked for, in one tab of all that are open. Never throws: what
 * fails here must not harm the list.
 * @param {import('../types.d.ts').Notification[]} rows
 */
export async function ring(rows) {
  const { browser, sound } = alarms.state;
  const urgent = rows.filter((row) => row.urgency === 'high');
  if (!urgent.length || !(browser || sound)) return;
  try {
    const mine = await claim(urgent);
    if (!mine.length) return;
    if (sound) beep();
    if (browser && Notification.permission === 'granted') await show(mine);
  } catch (problem) {
    console.warn('An alarm failed.', problem);
  }
}

/** Those that no other tab rings for: each loud change of a row rings once. */
async function claim(rows) {
  const isMine = await Promise.all(rows.map((row) => isFirst(`${row.id} ${row.loud_seq}`)));
  return rows.filter((_, index) => isMine[index]);
}

/** Whether this tab is the first to ask. A lock tells at once, the storage of tabs may lag behind by a moment. */
async function isFirst(key) {
  if (!navigator.locks) return remember(key);
  return new Promise((answer, reject) => {
    const claimed = (lock) => {
      const is = lock !== null && remember(key);
      answer(is);
      return is && new Promise((release) => setTimeout(release, LAG));
    };
    navigator.locks.request(`${RANG} ${key}`, { ifAvailable: true }, claimed).catch(reject);
  });
}

/** Answers whether it is new. */
function remember(key) {
  const rang = stored(RANG) ?? [];
  if (rang.includes(key)) return false;
  store(RANG, [...rang, key].slice(-MOST_REMEMBERED));
  return true;
}

addEventListener('pointerdown', () => alarms.state.sound && wake(), { once: true });
