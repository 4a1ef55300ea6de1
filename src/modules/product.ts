// What this program calls itself towards clients.

import { version } from '../base/version.ts';

/** `Server` value: with or without the version. */
export function productToken(withVersion: boolean): string {
  return withVersion ? `sallyport/${version}` : 'sallyport';
}
