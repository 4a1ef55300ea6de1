// `ssl_reload`: whether TLS files are watched and taken over as they change. The watching itself is
// the runtime's.

import type { Context } from '../config/row.ts';
import { directive } from '../config/row.ts';
import { flag } from '../config/value-types.ts';
import type { Module } from './module.ts';

const inMainHttp: readonly Context[] = ['main', 'http'];

export const sslReload = directive({
  name: 'ssl_reload',
  contexts: inMainHttp,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help:
    'Whether files of certificates, keys, CAs and revocation lists, in all directives that name ' +
    'such files, are watched and taken over when they change. A file that is half written, ' +
    'malformed or does not match is refused, and the last good one stays in use. Connections to ' +
    'upstream servers that were verified with a file that has changed serve no further request. ' +
    'The configuration itself is read again by a reload only.',
  differs: 'nginx has no such directive: it reads these files at a reload only',
  example: 'ssl_reload off;',
});

export const sslReloadModule: Module = { name: 'ssl-reload', directives: [sslReload] };
