// The configuration of the demo, as a user would write it: plain nginx language.

import { backendName } from './certificates.ts';
import type { Backends } from './backends.ts';

/** The text of the configuration file. Relative paths belong to its folder. */
export function configurationText(backends: Backends): string {
  const servers = backends.group
    .map(({ port }) => `    server 127.0.0.1:${port} max_fails=0;`)
    .join('\n');
  return `# The configuration of the demo. Certificates, keys and logs are in the same folder.

worker_processes 1;
error_log error.log info;

events {}

http {
  access_log access.log upstream;

  # max_fails: the refusals below must not take the servers out of the group for "location /".
  # keepalive: a new connection for each request, so that resumed sessions can be seen.
  upstream backends {
${servers}
    keepalive 0;
  }

  # Verification needs no directive: it is on. These say against what.
  proxy_ssl_trusted_certificate ca.pem;
  proxy_ssl_verify_depth 2;
  proxy_ssl_name ${backendName};
  proxy_ssl_certificate client.pem;
  proxy_ssl_certificate_key client.key;
  proxy_ssl_session_reuse on;

  server {
    listen 127.0.0.1:0;  # any free port

    location / {
      proxy_pass https://backends;
    }

    # A server with the right name in a certificate of an unknown CA.
    location /impostor {
      proxy_pass https://127.0.0.1:${backends.impostor.port};
    }

    # The right servers under a name that their certificates are not for.
    location /wrong-name {
      proxy_pass https://backends;
      proxy_ssl_name other.demo.internal;
    }

    # The right servers, but their CA is not trusted here. Sessions of "location /" must not help.
    location /wrong-ca {
      proxy_pass https://backends;
      proxy_ssl_trusted_certificate impostor-ca.pem;
    }

    # What nginx does by default: encrypted, with whoever answers. Never do this.
    location /unverified {
      proxy_pass https://127.0.0.1:${backends.impostor.port};
      proxy_ssl_verify off;
    }
  }
}
`;
}
