// A form's field: label, hint and error, told to assistive technology as well.
import { html, useId } from '../core/html.js';

/** `children` is a function that gets the attributes for the control: id, aria-describedby, aria-invalid. */
export function Field({ label, hint, error, optional = false, class: className = '', children }) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  return html`
    <div class=${`field ${className}`}>
      <label for=${id}>${label}${optional && html` <span class="optional">optional</span>`}</label>
      ${children({ id, 'aria-describedby': described, 'aria-invalid': error ? 'true' : undefined })}
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
      ${error && html`<p class="error" id=${`${id}-error`}>${error}</p>`}
    </div>
  `;
}

/** A native select; options are [value, text]. */
export function Select({ options, value, onChange, attributes }) {
  return html`
    <select ...${attributes} value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${options.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}
    </select>
  `;
}

/** On or off, at once. */
export function Switch({ checked, onChange, children }) {
  return html`
    <label class="switch">
      <input type="checkbox" role="switch" checked=${checked} onChange=${(event) => onChange(event.currentTarget.checked)} />
      <span class="track" aria-hidden="true"></span>
      <span>${children}</span>
    </label>
  `;
}

/** Moves the focus to the first field that is marked as wrong. */
export function focusFirstError(form) {
  requestAnimationFrame(() => form?.querySelector('[aria-invalid="true"]')?.focus());
}
