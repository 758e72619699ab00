// Somebody left or was removed, perhaps this person: the others go on with another topic.
import { onBroadcast } from './realtime.js';
import { lookAgain } from './session.js';
import { onSync } from './sync.js';

/** Keeps the session's organizations and their topics as they are; whoever missed the word of it reads it in time. */
export function followMemberships() {
  onBroadcast('moved', ({ within = 0 }) => setTimeout(lookAgain, Math.random() * within * 1000)); // seconds
  onBroadcast('removed', lookAgain);
  onSync((reason) => reason !== 'join' && reason !== 'more' && lookAgain()); // a join at the wrong topic is refused
}
