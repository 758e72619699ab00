// Modal dialogs: the browser's own, which keep the focus inside and give it back.
import { html, useEffect, useElement, useId } from '../core/html.js';
import { Store, useStore } from '../core/store.js';
import { Icon } from './icons.js';

/** A modal dialog for as long as it is rendered; `onClose` is called when the person closes it. */
export function Dialog({ title, onClose, wide = false, children }) {
  const ref = useElement();
  const titleId = useId();
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const dialog = ref.current;
    dialog.showModal();
    return () => {
      // The browser has given the focus back where it closed the dialog; whoever has moved on since keeps it.
      const { activeElement: now } = document;
      if (before?.isConnected && (!now || now === document.body || dialog.contains(now))) before.focus();
    };
  }, []);
  const onClick = (event) => event.target === ref.current && onClose(); // the backdrop
  return html`
    <dialog ref=${ref} class=${wide ? 'dialog wide' : 'dialog'} aria-labelledby=${titleId} onClose=${onClose} onClick=${onClick}>
      <div class="dialog-head">
        <h2 id=${titleId}>${title}</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>
      </div>
      <div class="dialog-body">${children}</div>
    </dialog>
  `;
}

/** @typedef {{ title: string, text: string, action: string, resolve: (agreed: boolean) => void }} Question */
const asked = new Store(/** @type {{ question: Question | null }} */ ({ question: null }));

/** Asks before something that cannot be taken back; a promise of true or false. */
export function ask({ title, text, action }) {
  return new Promise((resolve) => asked.set({ question: { title, text, action, resolve } }));
}

/** Where the questions of `ask` appear. */
export function Questions() {
  const { question } = useStore(asked);
  if (!question) return null;
  const answer = (value) => {
    question.resolve(value);
    asked.set({ question: null });
  };
  return html`
    <${Dialog} key=${question.title} title=${question.title} onClose=${() => answer(false)}>
      <p dir="auto">${question.text}</p>
      <div class="actions">
        <button type="button" class="button" onClick=${() => answer(false)}>Cancel</button>
        <button type="button" class="button danger" onClick=${() => answer(true)}>${question.action}</button>
      </div>
    <//>
  `;
}
