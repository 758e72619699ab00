// A secret that can be written and never read: shown as set, with its last four characters.
import { html, useEffect, useElement, useId, useRef } from '../core/html.js';
import { ask } from '../ui/dialog.js';

/**
 * `saved` is {set, last4}. `value` is null while nothing is typed; with a saved secret the input appears only when one is
 * to be replaced. `removal` says what removing it means.
 */
export function SecretField({ label, hint, saved, value, error, onChange, onRemove, removal }) {
  const id = useId();
  const input = useElement();
  const replace = useElement();
  const wasReplacing = useRef(false);
  const replacing = saved.set && value !== null;
  useEffect(() => {
    if (replacing && !wasReplacing.current) input.current?.focus();
    if (!replacing && wasReplacing.current) replace.current?.focus();
    wasReplacing.current = replacing;
  }, [replacing]);

  const remove = async () => {
    if (await ask({ title: `Remove the ${label === 'API key' ? label : label.toLowerCase()}?`, text: removal, action: 'Remove' }))
      onRemove();
  };
  if (saved.set && !replacing) {
    return html`
      <div class="field" role="group" aria-labelledby=${`${id}-label`}>
        <span class="label" id=${`${id}-label`}>${label}</span>
        <div class="secret-set">
          <span class="secret-hint"><span aria-hidden="true">••••••••</span>${saved.last4 && html`<span class="hidden">set, ends in </span><code>${saved.last4}</code>`}</span>
          <button ref=${replace} type="button" class="button" aria-label=${`Replace ${label}`} onClick=${() => onChange('')}>Replace</button>
          <button type="button" class="button quiet" aria-label=${`Remove ${label}`} onClick=${remove}>Remove</button>
        </div>
        <p class="hint">${hint}</p>
      </div>
    `;
  }
  const described = `${id}-hint${error ? ` ${id}-error` : ''}`;
  return html`
    <div class="field">
      <label for=${id}>${label}${!saved.set && html` <span class="optional">optional</span>`}</label>
      <div class="with-button">
        <input
          ref=${input} id=${id} type="password" autocomplete="off" spellcheck="false" data-1p-ignore
          value=${value ?? ''} placeholder=${saved.set ? 'The new one' : ''}
          aria-describedby=${described} aria-invalid=${error ? 'true' : undefined}
          onInput=${(event) => onChange(event.currentTarget.value)}
        />
        ${saved.set && html`<button type="button" class="button quiet" aria-label=${`Keep the saved ${label}`} onClick=${() => onChange(null)}>Keep</button>`}
      </div>
      <p class="hint" id=${`${id}-hint`}>${hint}</p>
      ${error && html`<p class="error" id=${`${id}-error`}>${error}</p>`}
    </div>
  `;
}
