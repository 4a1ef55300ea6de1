// Is a text an IP address? As `net.isIP`, whose regular expression for IPv6 takes some milliseconds
// to be made in each thread: a name, which has no colon, is not held against it.

import { isIPv4, isIPv6 } from 'node:net';

/** @returns 4 or 6; 0 where it is no IP address */
export function ipFamily(text: string): 0 | 4 | 6 {
  if (text.includes(':')) return isIPv6(text) ? 6 : 0;
  return isIPv4(text) ? 4 : 0;
}
