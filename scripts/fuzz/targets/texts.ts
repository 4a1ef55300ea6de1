// Text out of requests: paths, hosts, addresses, log lines; and patterns of a configuration.

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { forwardedAddress } from '../../../src/base/forwarded-address.ts';
import { readConnection } from '../../../src/http1/connection.ts';
import { parseContentLength } from '../../../src/http1/content-length.ts';
import { isHostPort, sameHost } from '../../../src/http1/host.ts';
import { isRequestTarget, isToken } from '../../../src/http1/text.ts';
import { LineBuffer, type EscapeTable } from '../../../src/log/line-buffer.ts';
import { escapings, jsonBytesTable } from '../../../src/modules/log-escape.ts';
import { compileMatcher } from '../../../src/modules/matcher.ts';
import { PatternError } from '../../../src/modules/regular-expression.ts';
import {
  escapeArgument,
  escapePath,
  hostName,
  normalizePath,
  unescapeRedirect,
} from '../../../src/server/uri.ts';
import type { FuzzTarget } from '../target.ts';

function checkPath(text: string, mergeSlashes: boolean): void {
  if (!isRequestTarget(`/${text}`)) return;
  const path = normalizePath(`/${text}`, mergeSlashes);
  if (path === null) return;
  assert.ok(path.startsWith('/') && !path.includes('\0'));
  const segments = path.split('/').slice(1);
  assert.ok(!segments.includes('..') && !segments.includes('.'), 'nothing leads elsewhere');
  if (mergeSlashes) assert.ok(!path.includes('//'));
  const escaped = escapePath(path);
  assert.ok(isRequestTarget(escaped), 'it may stand in a request line');
  assert.ok(!/[?#]/.test(escaped), 'and stays a path');
  assert.equal(normalizePath(escaped, mergeSlashes), path, 'whoever reads it reads the same');
}

const uris: FuzzTarget = {
  name: 'uris',
  code: ['server/uri.ts', 'http1/host.ts'],
  seeds: ['a/b/../c', '%2e%2E/%2f//x', 'a%00', 'a b?c=d#e', '..', '.', '%', 'a.test:80', '[::1]:8'],
  words: ['..', '/', '/../', '%2e', '%2F', '%00', '%', '//', '/./', '?', '#', '\\', ':', '.'],
  maxBytes: 512,
  run(input) {
    const text = input.toString('latin1');
    checkPath(text, true);
    checkPath(text, false);
    assert.match(escapeArgument(text), /^[!-~]*$/);
    const redirect = unescapeRedirect(text);
    assert.ok(redirect.length <= text.length);
    if (!/[\x00-\x20\x7f]/.test(text)) assert.doesNotMatch(redirect, /[\x00-\x20\x7f]/);
    if (!isHostPort(text)) return;
    assert.match(text, /^[!-~]+$/);
    assert.doesNotMatch(text, /[/?#@,\\]/);
    assert.ok(sameHost(text, text.toUpperCase(), ''), 'case makes no difference');
    const name = hostName(text);
    assert.ok(name !== null && name !== '' && name === name.toLowerCase() && !name.includes('..'));
  },
};

function logged(text: string, table: EscapeTable): string {
  const line = new LineBuffer(16);
  line.escaped(text, table);
  return line.take().toString('latin1');
}

const logLines: FuzzTarget = {
  name: 'log-lines',
  code: ['log/line-buffer.ts', 'modules/log-escape.ts'],
  seeds: ['plain', 'a "quoted" \\ one\r\n', '\x00\x1f\x7f\x80\xff', 'é'],
  words: ['"', '\\', '\\x', '\r', '\n', '\t', '\0', '\x7f', '\xff'],
  maxBytes: 300,
  run(input) {
    const text = input.toString('latin1');
    const { default: plain, json } = escapings;
    assert.ok(plain.table !== null && json.table !== null);
    const quoted = logged(text, plain.table);
    assert.match(quoted, /^[ !#-~]*$/, 'nothing leaves its field or its line');
    const read = quoted.replace(/\\x([0-9A-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    assert.equal(read, text, 'nothing is lost');
    assert.equal(JSON.parse(`"${logged(text, jsonBytesTable)}"`), text);
    assert.equal(JSON.parse(`"${logged(text, json.table)}"`), text);
  },
};

const fieldValues: FuzzTarget = {
  name: 'field-values',
  code: ['base/forwarded-address.ts', 'http1/connection.ts', 'http1/content-length.ts'],
  seeds: [
    '10.0.0.1, [::1]:80, 1.2.3.4:5',
    'close, upgrade ,, X-Forwarded-For',
    '18446744073709551616',
  ],
  words: ['10.0.0.1', '::1', '[', ']:', ', ', 'close', 'keep-alive', 'upgrade', '0', '\xa0', ','],
  maxBytes: 300,
  run(input) {
    const text = input.toString('latin1');
    for (const recursive of [true, false]) {
      const isTrusted = (address: string): boolean => !address.startsWith('1.');
      const found = forwardedAddress('127.0.0.1', [text, text], { isTrusted, recursive });
      if (found === null) continue;
      assert.ok(isIP(found.address) > 0 && found.port >= 0 && found.port < 65_536);
    }
    const tokens: string[] = [];
    const options = readConnection(text, tokens);
    assert.ok(options >= 0 && options < 32);
    if ((options & 16) === 0) for (const token of tokens) assert.ok(isToken(token));
    const length = parseContentLength(text);
    if (length >= 0) assert.ok(/^[0-9]+$/.test(text) && Number(text) === length);
    else assert.ok(!/^[0-9]{1,15}$/.test(text));
  },
};

const patterns: FuzzTarget = {
  name: 'patterns',
  code: ['modules/regular-expression', 'modules/matcher.ts'],
  seeds: [
    '^/a(b|c)+\\.php$',
    '(?<n>x{2,3})(?i)y\\1',
    '[[:alpha:]\\d-]',
    '(?>a*)b(?=c)(?!d)',
    '\\Q.\\E\\x41\\p{L}',
  ],
  words: [
    '(?',
    '(?:',
    '(?>',
    '(?<a>',
    '(?=',
    '(?!',
    '(?<=',
    '(?#',
    '[^',
    '[[:',
    ':]]',
    '{1,',
    '}',
    '\\',
  ],
  maxBytes: 120,
  run(input) {
    const text = input.toString('latin1');
    for (const caseless of [true, false]) {
      try {
        // Compiled, and not run: what may take long is stopped by a timer there.
        const { names } = compileMatcher(text, caseless);
        for (const name of names) assert.ok(isToken(name), name);
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
      }
    }
  },
};

export const textTargets: readonly FuzzTarget[] = [uris, logLines, fieldValues, patterns];
