// All tables of requests, in the order of the document.

import type { FormTable } from '../kit/request-form.ts';
import { chunks } from './chunks.ts';
import { codings } from './codings.ts';
import { connections } from './connections.ts';
import { hosts } from './hosts.ts';
import { lengths } from './lengths.ts';
import { limits } from './limits.ts';
import { lines } from './lines.ts';
import { startLines } from './start-lines.ts';
import { tunnels } from './tunnels.ts';

export const requestTables: readonly FormTable[] = [
  lines,
  startLines,
  hosts,
  lengths,
  codings,
  chunks,
  connections,
  tunnels,
  limits,
];
