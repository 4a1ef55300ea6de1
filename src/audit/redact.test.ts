// What is a secret goes, however it is written, and what tells a reader something stays.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redact } from './redact.ts';

const gone: readonly string[] = [
  'proxy_set_header Authorization "Bearer SECRET-1";',
  'proxy_set_header Authorization "basic U0VDUkVULTE=";',
  "proxy_set_header X-Api-Key 'SECRET with spaces';",
  'proxy_set_header X-Api-Key "SECRET \\" and more SECRET";',
  'proxy_set_header Cookie session=SECRET;',
  'add_header X-Auth-Token SECRET;',
  'fastcgi_param DB_PASSWORD SECRET;',
  'env DB_PASSWORD=SECRET;',
  'set $api_key SECRET;',
  '# set $api_key "SECRET";',
  'if ($http_x_api_key != "SECRET") { return 403; }',
  'if ($arg_token = SECRET) { return 403; }',
  'secure_link_md5 "$secure_link_expires$uri SECRET";',
  'secure_link_secret SECRET;',
  'proxy_pass http://user:SECRET@127.0.0.1/;',
  'proxy_pass http://127.0.0.1/?token=SECRET&a=1;',
  'map $http_x_api_key $client { default ""; SECRET mobile; # of\n "SECRET" b; }',
  'map $http_x_api_key $client {\n  default "";\n  SECRET mobile;\n  "SECRET2" other;\n}',
  'proxy_ssl_certificate_key "data:-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----";',
  'ssl_certificate_key "data:-----BEGIN RSA PRIVATE KEY-----\nSECRET cut off',
];

for (const text of gone) {
  test(`gone: ${text.split('\n')[0] ?? ''}`, () => {
    const shown = redact(text);
    assert.doesNotMatch(shown, /SECRET|U0VDUkVU/);
    assert.match(shown, /\[redacted/);
  });
}

const stays: readonly string[] = [
  'proxy_set_header Authorization $http_authorization;',
  'proxy_set_header Authorization "";',
  'proxy_set_header X-Real-IP $remote_addr;',
  'proxy_set_header Host api.internal;',
  'proxy_pass https://api.internal:8443/token/;',
  'ssl_certificate_key /etc/ssl/private/key.pem;',
  'set $backend api.internal;',
  'map $host $backend {\n  default a;\n  b.example b;\n}',
  'auth_basic "staff only";',
  'if ($http_authorization = "") { return 401; }',
  'listen [::]:443 ssl;',
  'return 301 https://$host$request_uri;',
];

for (const text of stays) {
  test(`stays: ${text.split('\n')[0] ?? ''}`, () => {
    assert.equal(redact(text), text);
  });
}
