// Text that somebody else wrote, and links in it.

/** The address if it is an http(s) one, else null: `javascript:` and its like never become links. */
export function webAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}

/** Without the characters that turn the direction of the text around them: for places that no <bdi> can guard. */
export function plain(text) {
  return String(text ?? '').replace(/[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g, '');
}

/** At most `length` characters, with an ellipsis where it was cut. */
export function shorten(text, length) {
  const characters = [...plain(text)];
  return characters.length > length
    ? `${characters
        .slice(0, length - 1)
        .join('')
        .trimEnd()}…`
    : characters.join('');
}

/** "1 alert", "2 alerts". */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
