// What docs/audit.md says before its list of rules.

import { codeBlock, item, paragraph } from './markdown.ts';

function list(...texts: readonly string[]): string {
  return texts.map(item).join('\n');
}

const shape = `{
  "version": 1,
  "name": "/etc/nginx/nginx.conf",
  "dialect": "nginx",
  "hops": [
    {
      "id": 0,
      "file": "/etc/nginx/conf.d/app.conf",
      "line": 9,
      "kind": "proxy",
      "from": "location / of app.example.com",
      "to": "https://app",
      "group": "app",
      "servers": ["app1.internal:443"],
      "place": "name",
      "encrypted": true,
      "verified": false,
      "verification": "off",
      "trust": null,
      "name": null,
      "sni": null,
      "clientCertificate": null,
      "protocols": ["TLSv1.2", "TLSv1.3"],
      "verdict": "unverified"
    }
  ],
  "findings": [
    {
      "rule": "no-verify",
      "severity": "high",
      "file": "/etc/nginx/conf.d/app.conf",
      "line": 9,
      "column": 18,
      "message": "the hop to \\"https://app\\" is encrypted and not verified (…)",
      "fix": "proxy_ssl_verify on;\\n…",
      "hop": 0,
      "suppressed": null
    }
  ],
  "notes": ["/etc/nginx/nginx.conf:12: open() \\"…\\" failed (…)"]
}`;

/** The blocks. */
export const auditText: readonly string[] = [
  '# The audit',
  'Made by `npm run docs` from the rows in `src/audit/rules/`; not to be edited.',
  paragraph(
    '`sallyport audit` reads a configuration of nginx or Sallyport as it is, and says which hops to ' +
      'other servers nobody checks, what else lets strangers in, and what to write instead. It needs ' +
      'neither a running proxy nor the machine that it runs on.',
  ),
  codeBlock(
    'sh',
    [
      'sallyport audit /etc/nginx/nginx.conf',
      'sallyport audit conf.d/',
      'nginx -T 2>/dev/null | sallyport audit -',
      'sallyport audit --format sarif --output audit.sarif --fail-on medium .',
    ].join('\n'),
  ),
  paragraph(
    'It looks at what is in effect: after inheritance, in `if`, `limit_except` and named locations, ' +
      'through groups, `set` and `map`. Directives and blocks that it does not know, Lua among them, ' +
      'are passed over; files that are not there are noted at the end. Files that the configuration ' +
      'names (certificates, keys, revocation lists) are looked at where they can be read.',
  ),
  '## Whose defaults',
  paragraph(
    "With `--as nginx` what is not written is off, as in nginx; with `--as sallyport` Sallyport's " +
      'defaults hold. Without the option it is Sallyport where the configuration uses a word that only ' +
      'Sallyport has, and nginx otherwise.',
  ),
  '## More than reading',
  list(
    '`--fix` writes what mends findings into the files, where no human has to decide; `--diff` shows it.',
    '`--probe` makes a handshake with every server of every TLS hop, and says with what it would verify.',
    '`--nginx-version 1.28.1` says which nginx runs the configuration, for the holes of that version. ' +
      'Where the text has a line "nginx version: nginx/1.28.1", as of `nginx -V`, that counts.',
  ),
  '## Exit codes',
  list(
    '0: nothing as bad as `--fail-on` says (default: high; `none` for never).',
    '1: there are findings that bad or worse which nobody has taken back.',
    '2: nothing could be audited.',
  ),
  '## Taking findings back',
  paragraph(
    'A comment on the line, or alone on the line before, takes back the rules that it names. The ' +
      'reason is shown in every report, and without one the comment does not count.',
  ),
  codeBlock(
    'nginx',
    'proxy_ssl_verify off;  # sallyport-audit ignore no-verify: the box is replaced in March',
  ),
  paragraph(
    'A baseline holds all findings of a day, so that only new ones count: `--write-baseline FILE` ' +
      'writes one, `--baseline FILE` uses it. A finding is known again by its rule, the name of its ' +
      'file and the text of its line, so that lines may move.',
  ),
  '## JSON',
  paragraph(
    '`--format json` gives this; fields are added in minor versions and changed or removed in major ' +
      'ones only.',
  ),
  codeBlock('json', shape),
  list(
    '`kind`: `proxy`, `grpc`, `uwsgi` or `stream`, whose directives hold.',
    '`place`, the farthest server: `loopback`, `private`, `public`, `name` (a host name) or `unknown`.',
    '`verification`: `on`, `off`, `report`, or `none` where there is no TLS.',
    '`verdict`: `verified`, `local` (no TLS, on the machine), `weak` (only reported, or no CA), ' +
      '`unverified`, `open` (no TLS).',
    '`severity`: `critical`, `high`, `medium`, `low` or `info`.',
    '`hop`: the `id` of the hop that a finding is about, or null.',
    '`probe`: with `--probe`, what each server of the hop showed.',
    '`suppressed`: the reason why a finding does not count, or null.',
    '`fix`: what to write, or null. It is text for people: where a choice has to be made, it is an ' +
      'example.',
  ),
  paragraph('Secrets (credentials, tokens, keys) are left out of every report.'),
];
