// Beyond the page: a browser notification and a sound for high urgency. Off until somebody asks for them.
import { Store } from '../core/store.js';
import { plain, shorten } from '../core/text.js';
import { alarmOf } from './words.js';

const SETTINGS = 'bell-alerts';
const SOUNDED = 'bell-sounded';

function saved() {
  try {
    const { browser = false, sound = false } = JSON.parse(localStorage.getItem(SETTINGS) ?? 'null') ?? {};
    return { browser: browser === true, sound: sound === true };
  } catch {
    return { browser: false, sound: false };
  }
}

/** browser, sound: whether they are wanted on this device. */
export const alerts = new Store(saved());

function save(changes) {
  alerts.set(changes);
  try {
    localStorage.setItem(SETTINGS, JSON.stringify(alerts.state));
  } catch {
    // Blocked storage: it holds as long as the page does.
  }
}

addEventListener('storage', (event) => event.key === SETTINGS && alerts.set(saved()));

/** Switches browser notifications. Answers a sentence if the browser does not let us, else null. */
export async function wantBrowserAlerts(wanted) {
  if (!wanted) {
    save({ browser: false });
    return null;
  }
  if (!('Notification' in window)) return 'This browser has no notifications.';
  if ((await Notification.requestPermission()) !== 'granted') {
    save({ browser: false });
    return 'The browser does not allow notifications for this site: change that in the site settings beside the address.';
  }
  save({ browser: true });
  return null;
}

/** Switches the sound, and lets it be heard. */
export function wantSound(wanted) {
  save({ sound: wanted });
  if (wanted) beep();
}

/** Tells of high-urgency notifications that have rung, in the ways that were asked for. */
export function alertOf(rows, open) {
  const urgent = rows.filter((row) => row.urgency === 'high');
  if (!urgent.length) return;
  if (alerts.state.browser && 'Notification' in window && Notification.permission === 'granted') {
    for (const row of urgent.slice(0, 3)) show(row, open);
  }
  if (alerts.state.sound && isFirstTab(`${urgent[0].id} ${urgent[0].loud_seq}`)) beep();
}

function show(row, open) {
  // The tag makes one of it, however many tabs are open; each loud change has one of its own.
  const shown = new Notification(shorten(`${alarmOf(row)}: ${row.title}`, 120), {
    body: plain(row.service_name),
    tag: `${row.id} ${row.loud_seq}`,
  });
  shown.onclick = () => {
    window.focus();
    shown.close();
    open(row);
  };
}

function isFirstTab(id) {
  try {
    if (localStorage.getItem(SOUNDED) === id) return false;
    localStorage.setItem(SOUNDED, id);
  } catch {
    // Without storage every tab sounds.
  }
  return true;
}

/** @type {AudioContext | null} */
let audio = null;

/** The one audio context of this page. */
function sounds() {
  audio ??= new AudioContext();
  audio.resume();
  return audio;
}

function beep() {
  try {
    const context = sounds();
    tone(context, context.currentTime, 784);
    tone(context, context.currentTime + 0.18, 988);
  } catch {
    // No sound device: there is nothing to hear.
  }
}

/** @param {AudioContext} context */
function tone(context, at, frequency) {
  const oscillator = context.createOscillator();
  const volume = context.createGain();
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(0.0001, at);
  volume.gain.exponentialRampToValueAtTime(0.2, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.16);
  oscillator.connect(volume).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + 0.17);
}

// Browsers play nothing before the first gesture on a page.
addEventListener('pointerdown', () => alerts.state.sound && sounds(), { once: true });
