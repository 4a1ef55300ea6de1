// All proxies, in the order in which they run. The first is what the others are compared with.

import { caddy } from './caddy.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import { fastifyHttpProxy, fastProxy, httpProxy } from './node-peer.ts';
import type { Peer } from './peer.ts';
import { sallyport } from './sallyport.ts';

export const peers: readonly Peer[] = [
  nginx,
  sallyport,
  haproxy,
  caddy,
  httpProxy,
  fastifyHttpProxy,
  fastProxy,
];
