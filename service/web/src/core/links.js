// Web and mail addresses in text that somebody else wrote. No side effects.

const CANDIDATE = /\b(?:https?:\/\/|mailto:)[^\s<>"'`\\\p{Cc}\p{Cf}]+/giu;
const PAIRS = [')(', '][', '}{'];
const LONGEST = 2048; // characters: no browser needs more

/**
 * The text in parts, links among them: joined, they are the text. Only http, https and mailto become links, and none
 * that hides another host behind a name.
 * @param {string} text
 * @returns {{ text: string, href?: string }[]}
 */
export function linksIn(text) {
  const parts = [];
  let done = 0;
  for (const { 0: found, index } of text.matchAll(CANDIDATE)) {
    const address = found.length > LONGEST ? '' : withoutEnd(found);
    const href = hrefOf(address);
    if (!href) continue;
    if (index > done) parts.push({ text: text.slice(done, index) });
    parts.push({ text: address, href });
    done = index + address.length;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

/** Without what belongs to the sentence around it: punctuation, and brackets that were opened before it. */
function withoutEnd(address) {
  const balance = { ')': 0, ']': 0, '}': 0 };
  for (const character of address) {
    for (const [close, open] of PAIRS) if (character === close || character === open) balance[close] += character === open ? 1 : -1;
  }
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1];
    if (last in balance ? balance[last] >= 0 : !'.,;:!?*_~|'.includes(last)) break;
    if (last in balance) balance[last] += 1;
  }
  return address.slice(0, end);
}

function hrefOf(address) {
  try {
    const { protocol, username, password, hostname, pathname, href } = new URL(address);
    if (protocol === 'mailto:') return pathname.includes('@') ? href : null;
    return (protocol === 'http:' || protocol === 'https:') && hostname && !username && !password ? href : null;
  } catch {
    return null;
  }
}
