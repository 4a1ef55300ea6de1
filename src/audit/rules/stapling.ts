// `ssl_stapling_without_resolver`: responders of CAs whose address is found once.

import type { RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { httpServers, tlsOf } from '../servers.ts';

function* checkStapling({ root, dialect }: AuditSubject): Iterable<RawFinding> {
  if (dialect === 'sallyport') return;
  for (const server of httpServers(root)) {
    const node = server.last('ssl_stapling');
    if (node === null || node.args[0]?.text !== 'on' || tlsOf(server) === 'none') continue;
    if (server.last('ssl_stapling_file') !== null || server.last('resolver') !== null) continue;
    const message =
      'no resolver is set, so the responder of the CA is looked up once, at the start';
    yield { node, message, fix: 'resolver 127.0.0.53;' };
  }
}

export const staplingWithoutResolver: Rule = {
  id: 'ssl_stapling_without_resolver',
  title: 'stapling without a resolver',
  severity: 'low',
  what: 'ssl_stapling on without resolver.',
  why: 'When the address of the responder changes, nothing is stapled any longer, and nobody notices.',
  mend: 'Set a resolver.',
  references: ['RFC 6066, section 8', 'CWE-299', 'gixy ssl_stapling_without_resolver'],
  cases: [
    hit('no resolver', 'server {\n  listen 443 ssl;\n  ssl_stapling on; # here\n}\n'),
    hit('set above', 'http {\n  ssl_stapling on; # here\n  server { listen 443 ssl; }\n}\n'),
    miss(
      'a resolver above',
      'http {\n  resolver 127.0.0.53;\n  server { listen 443 ssl; ssl_stapling on; }\n}\n',
    ),
    miss(
      'from a file, or not at all',
      'server {\n  listen 443 ssl;\n  ssl_stapling on;\n  ssl_stapling_file a.der;\n}\n',
    ),
  ],
  check: checkStapling,
};
