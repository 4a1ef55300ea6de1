// The one ordered list of features. Reading it is reading what the proxy can do; its order is the
// order within each phase.

import type { DirectiveRow } from '../config/row.ts';
import type { VariableRow } from '../exchange/variable.ts';
import { accessModule } from './access.ts';
import { accessLogModule } from './access-log.ts';
import { additionModule } from './addition.ts';
import { useridModule } from './userid.ts';
import { authBasicModule } from './auth-basic.ts';
import { authDelayModule } from './auth-delay.ts';
import { authRequestModule } from './auth-request.ts';
import { addHeaderModule } from './add-header.ts';
import { compressionModule } from './compression.ts';
import { gunzipModule } from './gunzip.ts';
import { charsetModule } from './charset.ts';
import { emptyGifModule } from './empty-gif.ts';
import { subFilterModule } from './sub-filter.ts';
import { clientModule } from './client.ts';
import { coreVariablesModule } from './core-variables.ts';
import { earlyBodyModule } from './early-body.ts';
import { expiresModule } from './expires.ts';
import { errorPageModule } from './error-page.ts';
import { healthCheckModule } from './health-check.ts';
import { limitConnModule } from './limit-conn.ts';
import { limitRateModule } from './limit-rate.ts';
import { limitReqModule } from './limit-req-rows.ts';
import { listenModule } from './listen.ts';
import { locationModule } from './location.ts';
import { mainModule } from './main.ts';
import { mapModule } from './map.ts';
import { splitClientsModule } from './split-clients.ts';
import { geoModule } from './geo.ts';
import { bodyVariablesModule } from './body-variables.ts';
import { connectionVariablesModule } from './connection-variables.ts';
import { responseVariablesModule } from './response-variables.ts';
import { mimeTypesModule } from './mime-types.ts';
import { mirrorModule } from './mirror.ts';
import type { Module } from './module.ts';
import { proxyModule } from './proxy.ts';
import { proxyProtocolModule } from './proxy-protocol.ts';
import { realipModule } from './realip.ts';
import { refererModule } from './referer.ts';
import { secureLinkModule } from './secure-link.ts';
import { resolverModule } from './resolver.ts';
import { rewriteModule } from './rewrite.ts';
import { serverModule } from './server.ts';
import { serverNameModule } from './server-name.ts';
import { sslModule } from './ssl.ts';
import { sslOcspModule } from './ssl-ocsp.ts';
import { sslReloadModule } from './ssl-reload.ts';
import { sslStaplingModule } from './ssl-stapling.ts';
import { sslVariablesModule } from './ssl-variables.ts';
import { staticFilesModule } from './static-files.ts';
import { stubStatusModule } from './stub-status.ts';
import { tryFilesModule } from './try-files.ts';
import { tunnelModule } from './tunnel.ts';
import { upstreamModule } from './upstream.ts';
import { upstreamVariablesModule } from './upstream-variables.ts';
import { withoutEffectRows } from './without-effect.ts';

export const modules: readonly Module[] = [
  mainModule,
  serverModule,
  listenModule,
  serverNameModule,
  locationModule,
  clientModule,
  sslModule,
  sslStaplingModule,
  sslOcspModule,
  sslReloadModule,
  sslVariablesModule,
  coreVariablesModule,
  responseVariablesModule,
  connectionVariablesModule,
  bodyVariablesModule,
  geoModule,
  splitClientsModule,
  mapModule,
  proxyProtocolModule,
  realipModule,
  refererModule,
  secureLinkModule,
  earlyBodyModule,
  rewriteModule,
  limitReqModule,
  limitConnModule,
  accessModule,
  authBasicModule,
  authDelayModule,
  authRequestModule,
  errorPageModule,
  mimeTypesModule,
  staticFilesModule,
  tryFilesModule,
  mirrorModule,
  resolverModule,
  healthCheckModule,
  upstreamModule,
  upstreamVariablesModule,
  proxyModule,
  tunnelModule,
  expiresModule,
  addHeaderModule,
  useridModule,
  gunzipModule,
  subFilterModule,
  charsetModule,
  additionModule,
  compressionModule,
  emptyGifModule,
  stubStatusModule,
  limitRateModule,
  accessLogModule,
];

/** Every directive, those without effect included. */
export const directiveRows: readonly DirectiveRow[] = [
  ...modules.flatMap((module) => module.directives),
  ...withoutEffectRows,
];

/** Every variable. */
export const variableRows: readonly VariableRow[] = modules.flatMap(
  (module) => module.variables ?? [],
);
