// Preact with templates (htm) in the place of JSX. Values become text, never markup.
import htm from 'htm';
import { h } from 'preact';
import { useRef } from 'preact/hooks';

export const html = htm.bind(h);
export { Component, render } from 'preact';
export { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

/**
 * A ref for an element, which is there once the component was drawn.
 * @returns {{ current: any }}
 */
export function useElement() {
  return useRef(null);
}
