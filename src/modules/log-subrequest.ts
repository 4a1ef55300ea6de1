// `log_subrequest`: whether what the proxy asks of itself has lines of its own in the access log.

import { flagRow } from './row-shapes.ts';

export const logSubrequest = flagRow({
  name: 'log_subrequest',
  default: false,
  help: 'Whether subrequests (auth_request, mirror) are written to the access log as well.',
  example: 'log_subrequest on;',
});
