// `expired` and `crl-stale`: the certificates, keys and revocation lists that a configuration names.

import { createPrivateKey, type X509Certificate } from 'node:crypto';
import type { DirectiveNode } from '../../config/node.ts';
import { now } from '../../base/clock.ts';
import { readCrls } from '../../tls/crl.ts';
import { readCertificates } from '../../tls/pem.ts';
import type { AuditSeverity, RawFinding } from '../model.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import type { Level } from '../tree.ts';
import {
  expiredCa,
  expiredCertificate,
  staleCrl,
  validCa,
  validCertificate,
} from './sample-files.ts';

const day = 86_400_000;
const soonDays = 30;
/** A bundle this large is somebody else's: single members of it may run out. */
const bundleSize = 12;

const families = ['', 'proxy_', 'grpc_', 'uwsgi_'];
const ownFiles = families.map((family) => `${family}ssl_certificate`);
const trustFiles = [
  ...families.map((family) => `${family}ssl_trusted_certificate`),
  'ssl_client_certificate',
];
const crlFiles = families.map((family) => `${family}ssl_crl`);

function fileOf(node: DirectiveNode): string | null {
  const text = node.args[0]?.text ?? '';
  return text === '' || text.includes('$') || /^(data|engine|store):/.test(text) ? null : text;
}

function certificatesOf(subject: AuditSubject, node: DirectiveNode): readonly X509Certificate[] {
  const path = fileOf(node);
  const content = path === null ? null : subject.readFile(path);
  if (path === null || content === null) return [];
  try {
    return readCertificates({ path, pem: content.toString('latin1') });
  } catch {
    return [];
  }
}

function* check(subject: AuditSubject): Iterable<RawFinding> {
  for (const name of ownFiles) {
    for (const { node, level } of subject.root.find(name)) {
      const certificates = certificatesOf(subject, node);
      for (const one of certificates) yield* dateFindings(node, one);
      const [first] = certificates;
      if (first !== undefined) yield* keyFindings(subject, { node, level, certificate: first });
    }
  }
  for (const name of trustFiles) {
    for (const { node } of subject.root.find(name)) {
      const certificates = certificatesOf(subject, node);
      if (certificates.length > bundleSize) continue;
      for (const one of certificates) {
        yield* dateFindings(node, one);
        yield* authorityFindings(node, one);
      }
    }
  }
}

function nameOf(certificate: X509Certificate): string {
  const common = /(?:^|\n)CN=(.+)/.exec(certificate.subject)?.[1];
  return common ?? certificate.subject.replaceAll('\n', ', ');
}

function* dateFindings(node: DirectiveNode, certificate: X509Certificate): Iterable<RawFinding> {
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  const date = new Date(to).toISOString().slice(0, 10);
  const found = (severity: AuditSeverity, what: string): RawFinding => ({
    node,
    severity,
    message: `the certificate of "${nameOf(certificate)}" in "${node.args[0]?.text ?? ''}" ${what}`,
  });
  if (to < now()) yield found('high', `has expired on ${date}`);
  else if (to < now() + soonDays * day) yield found('medium', `expires on ${date}`);
  if (from > now()) yield found('medium', 'is not valid yet');
}

// What is no CA and not its own issuer cannot have issued what is to be verified.
function* authorityFindings(
  node: DirectiveNode,
  certificate: X509Certificate,
): Iterable<RawFinding> {
  if (certificate.ca || certificate.subject === certificate.issuer) return;
  const message = `"${nameOf(certificate)}" in "${node.args[0]?.text ?? ''}" is no CA (CA:FALSE)`;
  yield { node, severity: 'medium', message };
}

interface Pair {
  readonly node: DirectiveNode;
  readonly level: Level;
  readonly certificate: X509Certificate;
}

function* keyFindings(
  subject: AuditSubject,
  { node, level, certificate }: Pair,
): Iterable<RawFinding> {
  const all = level.own(node.name);
  const keys = level.own(`${node.name}_key`);
  const key = (keys.length > 0 ? keys : level.effective(`${node.name}_key`))[all.indexOf(node)];
  const path = key === undefined ? null : fileOf(key);
  const content = path === null ? null : subject.readFile(path);
  if (path === null || content === null) return;
  try {
    if (certificate.checkPrivateKey(createPrivateKey(content))) return;
  } catch {
    // A key with a password, or of another kind of file.
    return;
  }
  const message = `the key in "${path}" is not that of the certificate in "${node.args[0]?.text ?? ''}"`;
  yield { node, message };
}

export const expired: Rule = {
  id: 'expired',
  title: 'certificate files that do not hold',
  severity: 'high',
  what:
    'Certificates that have expired or will within 30 days, keys that belong to another certificate, ' +
    'and files of trusted CAs with certificates that are no CA. Only files that can be read here.',
  why: 'Handshakes fail from that day on, with clients or with upstream servers.',
  mend: 'Renew the certificate, or name the right file.',
  references: ['CWE-298', 'RFC 5280, section 4.1.2.5'],
  cases: [
    hit(
      'expired, to clients and to the upstream',
      `server {
  listen 443 ssl;
  ssl_certificate old.pem; # here
  location / {
    proxy_ssl_certificate old.pem; # here
    proxy_pass https://app.internal;
  }
}
`,
      { files: { '/old.pem': { text: expiredCertificate } } },
    ),
    hit(
      'a CA that has expired, and a certificate that is no CA',
      `server {
  proxy_ssl_trusted_certificate ca.pem; # here
  ssl_client_certificate leaf.pem; # here
}
`,
      { files: { '/ca.pem': { text: expiredCa }, '/leaf.pem': { text: validCertificate } } },
    ),
    miss(
      'all is well',
      `server {
  ssl_certificate good.pem;
  proxy_ssl_trusted_certificate ca.pem;
}
`,
      { files: { '/good.pem': { text: validCertificate }, '/ca.pem': { text: validCa } } },
    ),
    miss(
      'files that cannot be read here, or are chosen by a variable',
      'server {\n  ssl_certificate gone.pem;\n  ssl_client_certificate $ca;\n}\n',
    ),
  ],
  check,
};

function* checkCrls(subject: AuditSubject): Iterable<RawFinding> {
  for (const name of crlFiles) {
    for (const { node } of subject.root.find(name)) {
      const path = fileOf(node);
      const content = path === null ? null : subject.readFile(path);
      if (path === null || content === null) continue;
      yield* crlFindingsOf(node, { path, pem: content.toString('latin1') });
    }
  }
}

function* crlFindingsOf(
  node: DirectiveNode,
  file: { readonly path: string; readonly pem: string },
): Iterable<RawFinding> {
  let lists;
  try {
    lists = readCrls(file);
  } catch {
    return;
  }
  for (const { nextUpdate } of lists) {
    if (nextUpdate === null || nextUpdate > now() + day) continue;
    const date = new Date(nextUpdate).toISOString().slice(0, 10);
    const over = nextUpdate < now();
    yield {
      node,
      severity: over ? 'high' : 'medium',
      message: over
        ? `the list in "${file.path}" was to be renewed by ${date}: all certificates of its issuer are refused`
        : `the list in "${file.path}" is to be renewed by ${date}`,
    };
  }
}

export const crlStale: Rule = {
  id: 'crl-stale',
  title: 'revocation list out of date',
  severity: 'high',
  what: 'A file of ssl_crl or proxy_ssl_crl whose next update has passed, or comes within a day.',
  why:
    'OpenSSL refuses every certificate of that issuer once the date has passed: all handshakes fail. ' +
    'And until it is renewed, what was revoked since is not known.',
  mend: 'Renew the file by a timer, well before its date, and reload.',
  references: ['RFC 5280, section 5.1.2.5', 'CWE-299'],
  cases: [
    hit('for upstream servers', 'server {\n  proxy_ssl_crl crl.pem; # here\n}\n', {
      files: { '/crl.pem': { text: staleCrl } },
    }),
    hit(
      'for clients, set above',
      'http {\n  ssl_crl crl.pem; # here\n  server { listen 443 ssl; }\n}\n',
      {
        files: { '/crl.pem': { text: staleCrl } },
      },
    ),
    miss('a file that cannot be read here', 'server {\n  proxy_ssl_crl crl.pem;\n}\n'),
    miss('no revocation list', 'server {\n  ssl_client_certificate ca.pem;\n}\n', {
      files: { '/ca.pem': { text: validCa } },
    }),
  ],
  check: checkCrls,
};
