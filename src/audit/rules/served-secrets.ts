// `served-secrets`: keys, passwords and the configuration where clients can fetch them.

import path from 'node:path';
import { servedSecrets as find } from '../../modules/served-secrets.ts';
import { hit, miss, type Rule } from '../rule.ts';
import type { Level } from '../tree.ts';

export const servedSecrets: Rule = {
  id: 'served-secrets',
  title: 'secrets in a folder that is served',
  severity: 'high',
  what:
    'A root or alias whose folder holds a private key, a file of passwords or users, a log, or the ' +
    'configuration itself.',
  why: 'Whoever guesses the name of the file gets it, like any other file of that folder.',
  mend: 'Serve a folder that holds nothing but what all may have.',
  references: ['CWE-538', 'CWE-552', 'CWE-219'],
  cases: [
    hit(
      'the folder of the configuration',
      `http {
  root /; # here
  server { location / { } }
}
`,
    ),
    hit(
      'a key and its users beside the pages',
      `server {
  listen 443 ssl;
  ssl_certificate_key /srv/app/tls/key.pem;
  location / {
    root /srv/app/; # here
  }
  location /files/ {
    alias /srv/app/tls/; # here
  }
}
`,
    ),
    hit(
      'users, and a log',
      `server {
  error_log /var/logs/error.log;
  auth_basic_user_file /var/www/shop/.htpasswd;
  location /shop/ { root /var/www; } # here
  location = /log { alias /var/logs/error.log; } # here
}
`,
    ),
    miss(
      'pages in a folder of their own',
      `server {
  ssl_certificate_key /srv/app/tls/key.pem;
  error_log /srv/app-logs/error.log;
  root /srv/app/public;
  location /x/ { alias /srv/app/tls-guide/; }
}
`,
    ),
    miss(
      'one other file, a closed location, a folder chosen by a variable',
      `server {
  ssl_certificate_key /srv/key.pem;
  location = /favicon.ico { root /srv; }
  location /inside/ { internal; alias /srv/; }
  location /closed/ { deny all; root /srv; }
  location /v/ { root /$host; }
}
`,
    ),
  ],
  *check({ root }) {
    const file = root.nodes[0]?.at.file ?? '/nginx.conf';
    const folder = path.dirname(file);
    const place = { prefix: folder, configFolder: folder, configFiles: [...filesOf(root)] };
    for (const { node, what, file: secret } of find(root.nodes, place)) {
      const log = what === 'the log';
      const message = `${what} "${secret}" can be fetched from here`;
      yield { node, ...(log ? { severity: 'medium' } : {}), message };
    }
  },
};

function filesOf(root: Level): ReadonlySet<string> {
  return new Set([...root.all()].map(({ node }) => node.at.file));
}
