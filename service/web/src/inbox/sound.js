// The sound of an alarm: two notes, made here.
/** @type {AudioContext | null} */
let audio = null;

/** The one audio context of this page. Browsers play nothing before the first gesture on a page: call it in one. */
export function wake() {
  audio ??= new AudioContext();
  audio.resume().catch(() => {}); // not before a gesture
  return audio;
}

export function beep() {
  try {
    const context = wake();
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
