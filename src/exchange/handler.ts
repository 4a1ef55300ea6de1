// What a phase handler may say. A status (>= 200) ends the phases with an answer of that status.

import type { Exchange } from './exchange.ts';

/** The handler has nothing to say: go on with the next one. */
export const NEXT = 0;
/** The handler has taken the request over: it answers, or resumes the phases later. */
export const HANDLED = -1;

/** Of the access phase: the check lets the request through (`satisfy any` asks no other one). */
export const ALLOWED = -3;

/** One step of a request's way through its location. */
export type Handler = (x: Exchange) => number;
