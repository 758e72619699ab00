// A panel that opens from a button, over the page: Escape and a click elsewhere close it, and the focus goes back.
import { html, useEffect, useElement, useState } from '../core/html.js';
import { useRoute } from '../core/router.js';

/**
 * `button` is what the button holds, `label` its accessible name. `children` is a function that gets {open, close}; it is
 * rendered while open.
 */
export function Popover({
  id,
  label,
  buttonClass,
  button,
  panelClass,
  panelLabel,
  onToggle = (/** @type {boolean} */ _open) => {},
  children,
}) {
  const panel = useElement();
  const trigger = useElement();
  const [open, setOpen] = useState(false);
  const { moves } = useRoute();
  const close = () => panel.current?.matches(':popover-open') && panel.current.hidePopover();
  useEffect(close, [moves]);

  const toggled = (event) => {
    const isOpen = event.newState === 'open';
    setOpen(isOpen);
    onToggle(isOpen);
    if (isOpen) panel.current.focus();
  };
  const focusLeft = (event) => {
    const to = event.relatedTarget;
    if (to && !panel.current.contains(to) && to !== trigger.current) close();
  };
  return html`
    <button
      ref=${trigger} type="button" class=${buttonClass} popovertarget=${id}
      aria-label=${label} aria-expanded=${open} aria-controls=${id} aria-haspopup="dialog"
    >${button}</button>
    <div
      ref=${panel} id=${id} class=${panelClass} popover="auto" role="dialog" aria-label=${panelLabel} tabindex="-1"
      onToggle=${toggled} onFocusOut=${focusLeft}
    >${open && children({ close })}</div>
  `;
}
