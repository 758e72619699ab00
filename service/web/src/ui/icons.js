// Small drawings. All are decoration: the text beside them, or the label of what they are in, says the same.
import { html } from '../core/html.js';

const PATHS = {
  bell: 'M12 3a6 6 0 0 0-6 6v4l-1.6 3.2A.9.9 0 0 0 5.2 17.5h13.6a.9.9 0 0 0 .8-1.3L18 13V9a6 6 0 0 0-6-6ZM9.5 20.5a2.6 2.6 0 0 0 5 0',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  close: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  external: 'M14 5h5v5M19 5l-8 8M17 14v5H5V7h5',
  down: 'm6 9 6 6 6-6',
  plus: 'M12 5v14M5 12h14',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.5 15.5 20 20',
  warning: 'M12 4 2.8 19.5h18.4ZM12 10v4.5M12 17v.1',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5.5M12 7.5v.1',
  offline:
    'M4 4l16 16M8.5 15.5a5 5 0 0 1 6 0M5.5 12.2a9 9 0 0 1 4-2.2M14.5 10a9 9 0 0 1 4 2.2M12 19v.1M2.5 9a13.5 13.5 0 0 1 4.5-2.6M11 5.3A13.5 13.5 0 0 1 21.5 9',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.5a7.5 7.5 0 0 1 15 0',
  refresh: 'M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4v5h-5',
  comment: 'M4 5h16v11h-9l-4.5 4v-4H4Z',
  edit: 'M5 19l1-4L16 5l3 3L9 18Z',
  flag: 'M6 21V4h11l-2 4 2 4H6',
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}

/** Says "from PagerDuty": a mark of our own, in the colour that people know from there. */
export function PagerDutyMark() {
  return html`
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect class="mark-ground" width="32" height="32" rx="8" />
      <path class="mark-figure" d="M10 25v-4.5h3.6V25ZM10 7h7.6a5.9 5.9 0 0 1 0 11.8H10Zm3.6 3.2v5.4h3.7a2.7 2.7 0 0 0 0-5.4Z" />
    </svg>
  `;
}
