// Every mistake that can be made with any directive is an error with file, line and column; and where
// Debian's nginx knows the directive, in the words that `nginx -t` has for it. Goes through all rows.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { loadConfig, type Diagnostic } from '../src/index.ts';
import { directiveRows } from '../src/modules/index.ts';
import {
  configurationWith,
  mistakesWith,
  statementLine,
  type DirectiveCase,
} from './kit/directive-cases.ts';
import { checkConfigLater, nginxAvailable } from './kit/nginx.ts';
import { tempFolder } from './kit/temp-folder.ts';

const moreThanNginx = 'it takes more arguments or values here than nginx has';
const masks = 'nginx adds up the words of two lines without saying so; one of them is a mistake';
const once = 'nginx says nothing of a second one, which changes nothing';
const openedLater = 'the file is opened when it is needed: with "listen … ssl", or at the start';

/** What nginx says differently, by name and mistake, and why that is right. */
const differences: Readonly<Record<string, string>> = {
  'ssl_password_file nonsense': openedLater,
  'proxy_ssl_password_file nonsense': openedLater,
  'ssl_certificate nonsense': openedLater,
  'user nonsense': 'the user is looked up at the start, by whoever may become another one',
  'ssl_conf_command nonsense': 'checked when the configuration is read, not at the first handshake',
  'proxy_ssl_conf_command nonsense': 'as ssl_conf_command',
  'proxy_ssl_verify nonsense': moreThanNginx,
  'ssl_session_cache duplicate': once,
  'stub_status duplicate': once,
  'empty_gif duplicate': once,
  'ssl_protocols duplicate': masks,
  'proxy_ssl_protocols duplicate': masks,
  'gzip_proxied duplicate': masks,
  'proxy_next_upstream duplicate': masks,
  'proxy_ignore_headers duplicate': masks,
  'keepalive_disable duplicate': masks,
  'userid_flags duplicate': masks,
  'zone duplicate': once,
  'server_tokens nonsense': 'newer nginx takes a text',
};

/** Directives that nginx of Debian has not, and that take any text. */
const freeTexts: ReadonlySet<string> = new Set([
  ...['brotli_types', 'zstd_types', 'proxy_ssl_groups', 'early_hints', 'client_body_early_read'],
  'tunnel_allow_upstream',
]);

const cases = directiveRows.flatMap((row) => mistakesWith(row));

interface Verdicts {
  readonly ours: readonly Diagnostic[];
  /** What nginx says first; empty where it takes it, null where it does not know the directive. */
  readonly theirs: string | null;
}

async function ourErrors(one: DirectiveCase, folder: string): Promise<readonly Diagnostic[]> {
  const text = configurationWith(one.statement, one.context);
  const loaded = await loadConfig({ file: `${folder}/nginx.conf`, text, prefix: folder });
  return loaded.diagnostics.filter(({ severity }) => severity === 'error');
}

async function nginxError(one: DirectiveCase, folder: string): Promise<string | null> {
  // How a directive ends is not of its row: nginx needs to be asked of some only.
  const isKnown = one.mistake === 'a block' && one.row.name.length % 5 !== 0;
  if (!nginxAvailable || isKnown) return null;
  const verdict = await checkConfigLater(configurationWith(one.statement, one.context), folder);
  // It makes folders for temporary files.
  rmSync(`${folder}/~nonsense~`, { recursive: true, force: true });
  const first = verdict.messages.find((line) => line.startsWith('[emerg]')) ?? '';
  return /^\[emerg\] unknown directive/.test(first) ? null : first;
}

// Several at a time: nginx is a process for each.
async function judge(folders: readonly string[]): Promise<ReadonlyMap<DirectiveCase, Verdicts>> {
  const verdicts = new Map<DirectiveCase, Verdicts>();
  const rest = cases.values();
  const work = async (folder: string): Promise<void> => {
    for (const one of rest) {
      const theirs = await nginxError(one, folder);
      verdicts.set(one, { ours: await ourErrors(one, folder), theirs });
    }
  };
  await Promise.all(folders.map(work));
  return verdicts;
}

function title({ row, mistake, context, statement }: DirectiveCase): string {
  return `${row.name} ${mistake} (in ${context}: ${statement})`;
}

// Null: it is right as it is.
function problemOf(one: DirectiveCase, { ours, theirs }: Verdicts): string | null {
  const [first] = ours;
  if (first === undefined) {
    const isText = theirs === '' || (theirs === null && freeTexts.has(one.row.name));
    return one.mistake === 'nonsense' && isText ? null : `accepted; nginx: ${theirs ?? 'unknown'}`;
  }
  const { at } = first;
  if (
    at === null ||
    at.line !== statementLine ||
    at.column < 1 ||
    !at.file.endsWith('nginx.conf')
  ) {
    return `"${first.message}" is in ${at?.file ?? 'no file'}:${at?.line ?? 0}:${at?.column ?? 0}`;
  }
  if (theirs === null) return null;
  // The example says more than nginx takes.
  if (one.mistake === 'duplicate' && theirs !== '' && !theirs.includes('duplicate')) return null;
  // Some of what nginx says has no place: it is found when all has been read.
  const isPlaced = theirs.includes(' in nginx.conf:');
  const said = ours.map(({ message, at: place }) => {
    return `[emerg] ${message}${isPlaced ? ` in nginx.conf:${place?.line ?? 0}` : ''}`;
  });
  return said.includes(theirs) ? null : `\n  nginx: ${theirs}\n  here:  ${said.join('; ')}`;
}

test('each mistake with each directive is an error in the words of nginx', async (t) => {
  const verdicts = await judge([tempFolder(t), tempFolder(t), tempFolder(t)]);
  const wrong: string[] = [];
  const needless = new Set(Object.keys(differences));
  for (const one of cases) {
    const verdict = verdicts.get(one);
    assert.ok(verdict !== undefined);
    const problem = problemOf(one, verdict);
    const key = `${one.row.name} ${one.mistake}`;
    if (problem !== null) {
      needless.delete(key);
      if (!Object.hasOwn(differences, key)) wrong.push(`${title(one)}: ${problem}`);
    }
  }
  assert.deepEqual(wrong, []);
  if (nginxAvailable) assert.deepEqual([...needless], [], 'they do not differ');
});
