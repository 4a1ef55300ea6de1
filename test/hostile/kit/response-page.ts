// docs/framing-responses.md, made of the tables that the tests play: what the page says is what was
// proved.

import { bodiless } from '../responses/bodiless.ts';
import { chunks, trailers } from '../responses/chunks.ts';
import { earlyAnswers } from '../responses/early.ts';
import { fieldLines } from '../responses/field-lines.ts';
import { framingFields } from '../responses/framing-fields.ts';
import { injection } from '../responses/injection.ts';
import { interim, upgrades } from '../responses/interim.ts';
import { longer, shorter } from '../responses/lengths.ts';
import { retries } from '../responses/retries.ts';
import { sizes } from '../responses/sizes.ts';
import { stages } from '../responses/stages.ts';
import { statusLines } from '../responses/status-lines.ts';
import { tls12Forms, tlsForms } from '../responses/tls.ts';
import { unasked } from '../responses/unasked.ts';
import type { Form } from './response-form.ts';

/** What the tables call an error code. */
const codeWords = [
  ['UPSTREAM_INVALID_RESPONSE', 'invalid'],
  ['UPSTREAM_HEADER_TOO_LARGE', 'too large'],
  ['UPSTREAM_CLOSED_EARLY', 'ended'],
  ['UPSTREAM_RESET', 'reset'],
  ['UPSTREAM_READ_TIMEOUT', 'silent'],
  ['UPSTREAM_TLS_HANDSHAKE_FAILED', 'broken TLS'],
] as const;

const opening = `# Framing: what upstream servers send

How each form of answer is read, made from the tables in \`test/hostile/responses/\`, which the tests
play over real sockets: to HTTP/1.1 and HTTP/1.0 clients, plain and over TLS, with \`proxy_buffering\`
on and off, over kept connections to plain and TLS servers. After each form the next request, of the
same client and of another one, got its own answer. Requests are in [framing.md](framing.md).

- **502** and **504** are the built-in pages (or those of \`error_page\`), with nothing in them of
  what the server said. The upstream connection is closed.
- **cut**: the answer had begun. The client's connection is closed before the end that was promised:
  fewer bytes than Content-Length, no last chunk, or, where only the close ends a body, a reset.
- **passed on** as a new message: status, reason, fields and framing are written anew.
- **closed** behind it: the upstream connection serves no further request.

The reason is in the error log, with its code ([errors.md](errors.md)):

${codeWords.map(([code, word]) => `- ${word}: \`${code}\``).join('\n')}
`;

const closing = `## What can't be told

- An answer that comes to a request that was sent is its answer. Bytes that nobody asked for are
  found while a connection is idle, and up to the moment in which the next request leaves: a request
  that gets a kept connection waits until everything that has come by then is read. What a server
  sends later than that looks like the answer.
- A connection's first bytes, before the request, may be the server's answer to that connection (503
  of a server that takes no more), and are read as such: nobody else has used it.
- Node.js does not show whether a TLS stream ended with close_notify or with a FIN that anybody on
  the way can send. A body that only the close ends passes as whole, with a line in the log at
  \`info\`; with a length or in chunks a cut is always seen.
- After a reset, and where the answer has begun, no other server is asked.
`;

const sections: readonly (readonly [string, readonly Form[]])[] = [
  ['Status lines', statusLines],
  ['Field lines', fieldLines],
  ['Content-Length and Transfer-Encoding', framingFields],
  ['Sizes', sizes],
  ['Chunks', chunks],
  ['Trailers', trailers],
  ['Bodies that are too short', shorter],
  ['Bodies that are too long', longer],
  ['Answers without a body', bodiless],
  ['Interim answers', interim],
  ['Changes of protocol', upgrades],
  ['Injection', injection],
  ['The close, resets and silence', stages],
  ['TLS', [...tlsForms, ...tls12Forms]],
];

function whatIsDone({ outcome }: Form): string {
  if (outcome.kind === 'passed') {
    return outcome.connection === 'closed' ? 'passed on, closed' : 'passed on';
  }
  const word = codeWords.find(([code]) => code === outcome.code)?.[1];
  if (word === undefined) throw new Error(`no word for ${outcome.code}`);
  return `${outcome.kind === 'cut' ? 'cut' : outcome.status}: ${word}`;
}

// In the table they would make it too wide.
function notes(forms: readonly Form[]): string {
  const byNote = new Map<string, string[]>();
  for (const { name, note } of forms) {
    if (note !== '') byNote.set(note, [...(byNote.get(note) ?? []), name]);
  }
  return [...byNote]
    .map(([note, names]) => `${filled(`- ${names.join('; ')}: **${note}**`)}\n`)
    .join('');
}

function table(rows: readonly (readonly [string, string, string])[]): string {
  const lines = [['form', 'what is done', 'asked for by'], ['-', '-', '-'], ...rows];
  return lines.map((cells) => `| ${cells.map(escaped).join(' | ')} |`).join('\n');
}

/** Lines of at most 100 columns. */
function filled(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > 98) {
      lines.push(line);
      line = ` `;
    }
    line += (line === '' ? '' : ' ') + word;
  }
  return [...lines, line].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** The page before it is formatted. */
export function responsesPage(): string {
  const parts = sections.map(
    ([title, forms]) =>
      `## ${title}\n\n${table(forms.map((form) => [form.name, whatIsDone(form), form.rfc]))}\n\n` +
      notes(forms),
  );
  const idle = unasked.map(({ name }) => [name, 'another connection', 'RFC 9112, 9.2'] as const);
  const early = earlyAnswers.map(({ name, sees }) => {
    const done = sees === 413 ? 'passed on, closed' : String(sees);
    return [name, done, sees === 504 ? 'RFC 9110, 15.6.5' : 'RFC 9112, 9.5'] as const;
  });
  const tried = retries.map(
    ({ name, condition, status }) =>
      [name, `\`${condition}\`, otherwise ${status}`, 'RFC 9110, 9.2.2'] as const,
  );
  return [
    opening,
    ...parts,
    `## On an idle connection, as the next request comes\n\n${table(idle)}\n`,
    `## Before the request was read\n\n${table(early)}\n`,
    `## Which condition of \`proxy_next_upstream\` it is\n`,
    'A POST, LOCK or PATCH that was sent is tried again only with `non_idempotent` besides.\n',
    `${table(tried)}\n`,
    closing,
  ].join('\n');
}
