// `empty_gif`: a transparent picture of one pixel.

import { directive } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { HANDLED } from '../exchange/handler.ts';
import { inLocation } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';

const emptyGif = directive({
  name: 'empty_gif',
  contexts: inLocation,
  args: 0,
  value: { expects: 'nothing', parse: () => true },
  default: false as boolean,
  inherits: false,
  help: 'Answers with a transparent GIF of one pixel.',
  example: 'empty_gif;',
});

// GIF89a, 1 × 1, two colours of which the first is transparent.
const picture = Buffer.from(
  'R0lGODlhAQABAIABAAAAAP///yH5BAEAAAEALAAAAAABAAEAAAICTAEAOw==',
  'base64',
);
const modified = 'Mon, 28 Sep 1970 06:00:00 GMT';

function location(scope: Scope, build: LocationBuild): void {
  if (scope.own(emptyGif) === null) return;
  build.setContent((x) => {
    if (x.method !== 'GET' && x.method !== 'HEAD') return 405;
    x.status = x.fixedStatus === 0 ? 200 : x.fixedStatus;
    x.contentType = 'image/gif';
    x.contentLength = picture.length;
    x.fields.add('Last-Modified', modified);
    x.client.sendHead(x, picture, true);
    return HANDLED;
  });
}

export const emptyGifModule: Module = {
  name: 'empty_gif',
  directives: [emptyGif],
  location,
};
