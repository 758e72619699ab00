// Preact with templates (htm) in the place of JSX. Values become text, never markup.
import htm from 'htm';
import { h } from 'preact';

export const html = htm.bind(h);
export { Component, render } from 'preact';
export { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
