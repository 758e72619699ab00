// Tags as chips that can be added and removed by keyboard and mouse.
import { config } from '../core/config.js';
import { html, useElement, useId, useState } from '../core/html.js';
import { Icon } from './icons.js';

const { tags: MOST_TAGS, tag: LONGEST } = config.limits;

/** Splits what was typed or pasted at commas and lines. */
function split(text) {
  return text
    .split(/[,\n]/)
    .map((tag) => tag.trim().slice(0, LONGEST))
    .filter(Boolean);
}

export function TagEditor({ label, tags, onChange, error }) {
  const id = useId();
  const input = useElement();
  const [text, setText] = useState('');
  const [said, say] = useState('');

  const add = (more) => {
    const fresh = [...new Set(more)].filter((tag) => !tags.includes(tag)).slice(0, Math.max(0, MOST_TAGS - tags.length));
    if (fresh.length) onChange([...tags, ...fresh]);
    say(fresh.length ? `Added ${fresh.join(', ')}` : tags.length >= MOST_TAGS ? `There is room for ${MOST_TAGS} tags` : 'Already there');
  };
  const remove = (tag) => {
    onChange(tags.filter((one) => one !== tag));
    say(`Removed ${tag}`);
    input.current.focus();
  };
  const onKeyDown = (event) => {
    if (event.isComposing) return;
    if (event.key === 'Enter' && text.trim()) {
      event.preventDefault();
      add(split(text));
      setText('');
    } else if (event.key === 'Backspace' && text === '' && tags.length) {
      event.preventDefault();
      remove(tags.at(-1));
    }
  };
  const onInput = (event) => {
    const typed = event.currentTarget.value;
    if (!typed.includes(',')) {
      setText(typed);
      return;
    }
    const parts = typed.split(',');
    add(split(parts.slice(0, -1).join(',')));
    setText(parts.at(-1).trimStart());
  };
  const commit = () => {
    if (!text.trim()) return;
    add(split(text));
    setText('');
  };
  return html`
    <div class="field">
      <label for=${id}>${label} <span class="optional">optional</span></label>
      <div class="chips-box" onClick=${(event) => event.target === event.currentTarget && input.current.focus()}>
        ${
          tags.length > 0 &&
          html`
          <ul class="chips" aria-label="Tags so far">
            ${tags.map(
              (tag) => html`
              <li key=${tag} class="chip">
                <bdi>${tag}</bdi>
                <button type="button" aria-label=${`Remove tag ${tag}`} onClick=${() => remove(tag)}><${Icon} name="close" /></button>
              </li>
            `,
            )}
          </ul>
        `
        }
        <input
          ref=${input} id=${id} type="text" autocomplete="off" dir="auto" value=${text} enterkeyhint="done"
          aria-describedby=${`${id}-hint${error ? ` ${id}-error` : ''}`} aria-invalid=${error ? 'true' : undefined}
          onKeyDown=${onKeyDown} onInput=${onInput} onBlur=${commit}
        />
      </div>
      <p class="hint" id=${`${id}-hint`}>Enter or a comma adds one; Backspace removes the last.</p>
      ${error && html`<p class="error" id=${`${id}-error`}>${error}</p>`}
      <span class="hidden" role="status">${said}</span>
    </div>
  `;
}

/** Tags to read. */
export function Tags({ tags }) {
  if (!tags.length) return null;
  return html`
    <ul class="chips" aria-label="Tags">
      ${tags.map((tag) => html`<li key=${tag} class="chip"><bdi>${tag}</bdi></li>`)}
    </ul>
  `;
}
