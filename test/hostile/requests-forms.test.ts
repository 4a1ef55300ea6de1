// Every form of request in the tables over real sockets, plain and TLS: what is refused is answered once, the
// connection ends, and neither it nor anything behind it reaches the upstream; what is accepted
// arrives as exactly one request, written anew.

import { after } from 'node:test';
import { testPki } from '../kit/pki.ts';
import { startProxy } from '../kit/sallyport.ts';
import { doorsConfiguration, Witness } from './kit/request-proxy.ts';
import { proveRequests } from './kit/request-runner.ts';
import { requestTables } from './requests/all.ts';

const scope = { after };
const witness = await Witness.start(scope);
const { text, doors } = await doorsConfiguration({
  upstreamAddress: witness.upstream.address,
  passing: 'buffered',
  pki: await testPki(),
});
await startProxy(text, { scope });

proveRequests(requestTables, { witness, doors });
