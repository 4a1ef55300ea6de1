// The one ordered list of features. Reading it is reading what the proxy can do; its order is the
// order within each phase.

import type { DirectiveRow } from '../config/row.ts';
import type { VariableRow } from '../exchange/variable.ts';
import { accessLogModule } from './access-log.ts';
import { clientModule } from './client.ts';
import { coreVariablesModule } from './core-variables.ts';
import { errorPageModule } from './error-page.ts';
import { listenModule } from './listen.ts';
import { locationModule } from './location.ts';
import { mainModule } from './main.ts';
import { mimeTypesModule } from './mime-types.ts';
import type { Module } from './module.ts';
import { proxyModule } from './proxy.ts';
import { returnModule } from './return.ts';
import { serverModule } from './server.ts';
import { serverNameModule } from './server-name.ts';
import { sslModule } from './ssl.ts';
import { sslVariablesModule } from './ssl-variables.ts';
import { staticFilesModule } from './static-files.ts';
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
  sslVariablesModule,
  coreVariablesModule,
  returnModule,
  errorPageModule,
  mimeTypesModule,
  staticFilesModule,
  upstreamModule,
  upstreamVariablesModule,
  proxyModule,
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
