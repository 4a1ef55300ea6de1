// `no-sni`: TLS without the server's name in the handshake.

import { isIP } from 'node:net';
import { sslDirective } from '../hops.ts';
import type { RawFinding } from '../model.ts';
import { hit, miss, placeOfSetting, setDirective, type AuditSubject, type Rule } from '../rule.ts';

function* check({ hops, dialect }: AuditSubject): Iterable<RawFinding> {
  for (const hop of hops) {
    if (!hop.encrypted || hop.sni !== null) continue;
    const byAddress = hop.servers.every(({ host }) => host === '' || isIP(host) !== 0);
    const directive = sslDirective(hop.kind, 'server_name');
    if (byAddress && hop.level.value(sslDirective(hop.kind, 'name')) === null) continue;
    if (hop.level.isOn(directive, dialect === 'sallyport')) continue;
    yield {
      node: placeOfSetting(hop, directive),
      hop,
      message: `the hop to "${hop.to}" sends no server name (SNI)`,
      fix: `${directive} on;`,
      edits: [setDirective(hop.level, hop.node, directive, 'on')],
    };
  }
}

export const noSni: Rule = {
  id: 'no-sni',
  title: 'TLS hop without SNI',
  severity: 'medium',
  what: 'An https hop to a host name where proxy_ssl_server_name is off.',
  why:
    'A server with several certificates then shows its default one, or refuses with an alert: ' +
    'verification fails, and tends to be switched off for that.',
  mend: 'Set proxy_ssl_server_name on.',
  references: ['RFC 6066, section 3', 'CWE-295'],
  cases: [
    hit(
      'off unless told, in nginx',
      'server {\n  location / {\n    proxy_pass https://app.internal; # here\n  }\n}\n',
    ),
    hit(
      'switched off above',
      `http {
  proxy_ssl_server_name off; # here
  server {
    location / { proxy_pass https://app.internal; }
  }
}
`,
    ),
    miss(
      'on, at the level above',
      'server {\n  proxy_ssl_server_name on;\n  location / { proxy_pass https://a.internal; }\n}\n',
    ),
    miss(
      'an address has no name to send',
      'server {\n  location / { proxy_pass https://10.0.0.5; }\n}\n',
    ),
  ],
  check,
};
