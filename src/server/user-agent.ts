// What old browsers need otherwise than all others: nginx's reading of User-Agent, for
// `keepalive_disable`, `msie_padding` and `msie_refresh`. Asked only where one of them applies.

import type { Exchange } from '../exchange/exchange.ts';
import { FieldId } from '../http1/field-id.ts';

/** Bits of `keepalive_disable`. */
export const KeepaliveDisable = { none: 0, msie6: 1, safari: 2 } as const;

function agentOf(x: Exchange): string {
  return x.request.fields.first(FieldId.userAgent) ?? '';
}

/** Position of "MSIE " with a version behind it, -1 where it is another browser. */
function msieAt(agent: string): number {
  const at = agent.indexOf('MSIE ');
  return at === -1 || at + 7 >= agent.length || agent.includes('Opera') ? -1 : at;
}

/** Internet Explorer. */
export function isMsie(x: Exchange): boolean {
  return msieAt(agentOf(x)) !== -1;
}

// Version 6 with "SV1" is that of Windows XP SP2, which can do better.
function isOldMsie(agent: string): boolean {
  const at = msieAt(agent);
  if (at === -1 || agent[at + 6] !== '.') return false;
  const major = agent[at + 5];
  if (major === '4' || major === '5') return true;
  return major === '6' && !agent.includes('SV1', at + 8);
}

function isOther(agent: string): boolean {
  return msieAt(agent) !== -1 || agent.includes('Opera') || agent.includes('Gecko/');
}

/** Browsers that show a page of their own in place of a short error page. */
export function hidesShortPages(x: Exchange): boolean {
  const agent = agentOf(x);
  return msieAt(agent) !== -1 || (!isOther(agent) && agent.includes('Chrome/'));
}

function isSafari(agent: string): boolean {
  if (isOther(agent) || agent.includes('Chrome/')) return false;
  return agent.includes('Safari/') && agent.includes('Mac OS X');
}

/** @param bits - of `keepalive_disable`. Is this one of those browsers, and the request a problem? */
export function losesKeepalive(x: Exchange, bits: number): boolean {
  // The old Internet Explorer only fails after a POST.
  const posts = x.request.method === 'POST' && (bits & KeepaliveDisable.msie6) !== 0;
  if (!posts && (bits & KeepaliveDisable.safari) === 0) return false;
  const agent = agentOf(x);
  if (agent === '') return false;
  return (posts && isOldMsie(agent)) || ((bits & KeepaliveDisable.safari) !== 0 && isSafari(agent));
}
