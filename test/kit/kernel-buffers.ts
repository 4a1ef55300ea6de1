// What leaves a sender although nobody reads it at the far end: the kernel's buffers on the two
// connections of a proxied request. They are large and grow by themselves, so a test that something
// is held back has to send more.

import { readFileSync } from 'node:fs';

function maximum(setting: string): number {
  return Number(readFileSync(`/proc/sys/net/ipv4/${setting}`, 'utf8').trim().split(/\s+/)[2]);
}

/** The most that kernels buffer on two connections, each with a sender and a receiver. */
export const kernelBytes: number = 2 * (maximum('tcp_rmem') + maximum('tcp_wmem'));

/** What may wait in the proxy itself on top of that, generously. */
export const proxyBytes = 4_000_000;

/** Enough that it can't all be buffered. */
export const floodBytes: number = kernelBytes + 4 * proxyBytes;
