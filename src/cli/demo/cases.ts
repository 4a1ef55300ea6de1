// The requests of the demo and what has to come of each. Every case is one row.

import type { ErrorCode } from '../../index.ts';

/** One kind of request. */
export interface Case {
  readonly path: string;
  readonly status: number;
  /** Who has to answer; null where nobody may be asked. */
  readonly servedBy: readonly string[] | null;
  readonly session: 'new' | 'resumed' | null;
  readonly verdict: 'verified' | 'refused' | 'not verified';
  /** The code that the error log has to give as the reason; null where the request went through. */
  readonly code: ErrorCode | null;
  /** What it shows; null where that needs no words. */
  readonly meaning: string | null;
}

const group = ['backend 1', 'backend 2'];

function verified(session: 'new' | 'resumed'): Case {
  return {
    path: '/',
    status: 200,
    servedBy: group,
    session,
    verdict: 'verified',
    code: null,
    meaning: null,
  };
}

function refused(path: string, code: ErrorCode, meaning: string): Case {
  return { path, status: 502, servedBy: null, session: null, verdict: 'refused', code, meaning };
}

/** In the order in which they are sent. */
export const cases: readonly Case[] = [
  verified('new'),
  verified('new'),
  verified('resumed'),
  verified('resumed'),
  refused(
    '/impostor',
    'UPSTREAM_TLS_UNKNOWN_ISSUER',
    'a server with the right name, from a CA that nobody trusts',
  ),
  refused(
    '/wrong-name',
    'UPSTREAM_TLS_NAME_MISMATCH',
    'a server from the right CA, but another one than was asked for',
  ),
  refused(
    '/wrong-ca',
    'UPSTREAM_TLS_UNKNOWN_ISSUER',
    'another CA is trusted here; the sessions of "/" with these servers do not help',
  ),
  {
    path: '/unverified',
    status: 200,
    servedBy: ['impostor'],
    session: 'new',
    verdict: 'not verified',
    code: null,
    meaning: 'the impostor, with proxy_ssl_verify off as nginx has it by default',
  },
];
