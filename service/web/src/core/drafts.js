// What somebody typed and has not saved, kept through a reload of this tab.
const PREFIX = 'draft:';

/** The draft of that name, or null. */
export function readDraft(name) {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + name) ?? 'null');
  } catch {
    return null;
  }
}

export function saveDraft(name, value) {
  try {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Full or blocked: the page itself still holds it.
  }
}

export function dropDraft(name) {
  try {
    sessionStorage.removeItem(PREFIX + name);
  } catch {
    // Then there is none.
  }
}

/** At sign-out: nothing of one person is left for the next. */
export function dropAllDrafts() {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
  } catch {
    // Then there are none.
  }
}
