// The context lists that directive rows share.

import type { Context } from '../config/row.ts';

export const inMain: readonly Context[] = ['main'];
export const inEvents: readonly Context[] = ['events'];
export const inHttp: readonly Context[] = ['http'];
export const inServer: readonly Context[] = ['server'];
export const inLocation: readonly Context[] = ['location'];
export const inUpstream: readonly Context[] = ['upstream'];
export const inHttpServer: readonly Context[] = ['http', 'server'];
export const inServerLocation: readonly Context[] = ['server', 'location'];
export const inRewrite: readonly Context[] = [
  'server',
  'if-in-server',
  'location',
  'if-in-location',
];
export const inHttpServerLocation: readonly Context[] = ['http', 'server', 'location'];
export const inHttpServerLocationIf: readonly Context[] = [
  'http',
  'server',
  'location',
  'if-in-location',
];
export const inAccess: readonly Context[] = ['http', 'server', 'location', 'limit_except'];
