// The requests of the demo and what has to come of each. Every case is one row.

import type { ErrorCode } from '../../index.ts';

/** One kind of request. */
export interface Case {
  readonly path: string;
  readonly status: number;
  /** Who has to answer; null where nobody may be asked. */
  readonly servedBy: readonly string[] | null;
  readonly session: 'new' | 'resumed' | null;
  /** The code that the error log has to give as the reason; null where all is well. */
  readonly code: ErrorCode | null;
  /** What it shows. */
  readonly meaning: string;
}

const group = ['backend 1', 'backend 2'];

function verified(session: 'new' | 'resumed', meaning: string): Case {
  return { path: '/', status: 200, servedBy: group, session, code: null, meaning };
}

function refused(path: string, code: ErrorCode, meaning: string): Case {
  return { path, status: 502, servedBy: null, session: null, code, meaning };
}

/** In the order in which they are sent. */
export const cases: readonly Case[] = [
  verified('new', 'verified'),
  verified('new', 'verified'),
  verified('resumed', 'verified'),
  verified('resumed', 'verified'),
  refused('/impostor', 'UPSTREAM_TLS_UNKNOWN_ISSUER', 'the right name from an unknown CA'),
  refused('/wrong-name', 'UPSTREAM_TLS_NAME_MISMATCH', 'the right CA, but another name'),
  refused(
    '/wrong-ca',
    'UPSTREAM_TLS_UNKNOWN_ISSUER',
    'the same servers, but another CA is trusted',
  ),
  {
    path: '/unverified',
    status: 200,
    servedBy: ['impostor'],
    session: 'new',
    code: null,
    meaning: 'NOT VERIFIED: the impostor answers',
  },
];
