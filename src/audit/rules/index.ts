// The one ordered list of rules.

import type { Rule } from '../rule.ts';
import { allowWithoutDeny, returnBypassesAllowDeny, statusPageExposed } from './access-rules.ts';
import { crlStale, expired } from './certificate-files.ts';
import { identityHdr, xff } from './client-facts.ts';
import { mtlsCaWide, mtlsOptional } from './client-certificates.ts';
import { deadVars } from './dead-vars.ts';
import { regexRedos, unanchoredRegex } from './expressions.ts';
import { errorPage, nextUpstream } from './failover.ts';
import { hostDefault, hostSpoofing } from './host-field.ts';
import { addHeaderRedefinition, headerReset } from './lost-headers.ts';
import { depth } from './depth.ts';
import { caScope, nameGroup } from './names-checked.ts';
import { dnsOnce, resolverPlain } from './name-resolution.ts';
import { nginxCves, plainInject } from './nginx-cves.ts';
import { noSni } from './no-sni.ts';
import { noVerify } from './no-verify.ts';
import { origins, validReferers } from './origins.ts';
import { proxyPassNormalized, slash } from './passed-paths.ts';
import { aliasTraversal, mergeSlashes } from './path-guards.ts';
import { plaintextHop } from './plaintext-hop.ts';
import { keepaliveShare, reusePolicy } from './policy-mix.ts';
import { defaultServerFlag, hstsHeader, versionDisclosure } from './server-settings.ts';
import { staplingWithoutResolver } from './stapling.ts';
import {
  addHeaderMultiline,
  errorLogOff,
  hashWithoutDefault,
  ifIsEvil,
  lowKeepaliveRequests,
  workerFiles,
} from './small-settings.ts';
import { secrets } from './secrets.ts';
import { servedSecrets } from './served-secrets.ts';
import { h2cUpgrade } from './upgrades.ts';
import { uriCrlf } from './uri-crlf.ts';
import { missingResolver, varScheme } from './variable-parts.ts';
import { ssrf, varTarget } from './variable-targets.ts';
import { weakProto } from './weak-tls.ts';

export const rules: readonly Rule[] = [
  noVerify,
  nameGroup,
  noSni,
  plaintextHop,
  varScheme,
  varTarget,
  ssrf,
  missingResolver,
  dnsOnce,
  resolverPlain,
  caScope,
  depth,
  reusePolicy,
  keepaliveShare,
  weakProto,
  expired,
  crlStale,
  plainInject,
  mtlsOptional,
  mtlsCaWide,
  nginxCves,
  identityHdr,
  xff,
  hostDefault,
  hostSpoofing,
  headerReset,
  addHeaderRedefinition,
  h2cUpgrade,
  slash,
  proxyPassNormalized,
  uriCrlf,
  aliasTraversal,
  mergeSlashes,
  secrets,
  servedSecrets,
  nextUpstream,
  errorPage,
  origins,
  validReferers,
  allowWithoutDeny,
  returnBypassesAllowDeny,
  statusPageExposed,
  regexRedos,
  unanchoredRegex,
  hstsHeader,
  staplingWithoutResolver,
  versionDisclosure,
  defaultServerFlag,
  hashWithoutDefault,
  ifIsEvil,
  addHeaderMultiline,
  errorLogOff,
  lowKeepaliveRequests,
  workerFiles,
  deadVars,
];
