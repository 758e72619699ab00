// Preact with templates (htm) instead of a build step. Values become text, never markup.
import { h, render, Component } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
export { render, Component };
export { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
