// Configurations as people write them, each beside what the audit has to find in it, and nothing more:
// "rule:line", or "rule:file:line" where there are several files.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { audit, readTextSource, type AuditReport } from '../src/index.ts';

const folder = path.join(import.meta.dirname, 'audit', 'configs');

interface Expected {
  readonly hops: readonly string[];
  readonly findings: readonly string[];
  readonly suppressed: readonly string[];
  readonly notes: readonly string[];
}

// Nothing of this machine's disk: what it has at these paths is no matter.
const disk = { read: () => null, mode: () => null };

function summary(report: AuditReport, main: string): Expected {
  const place = (at: { readonly file: string; readonly line: number }): string =>
    at.file === main ? `${at.line}` : `${path.basename(at.file)}:${at.line}`;
  const told = (suppressed: boolean): string[] =>
    report.findings
      .filter((one) => (one.suppressed !== null) === suppressed)
      .map(({ rule, node, severity }) => `${severity} ${rule}:${place(node.at)}`)
      .sort();
  return {
    hops: report.hops.map(({ node, to, verdict }) => `${place(node.at)} ${to} ${verdict}`),
    findings: told(false),
    suppressed: told(true),
    notes: report.notes.map((note) => note.slice(note.lastIndexOf('/') + 1)),
  };
}

const files = globSync('*.conf', { cwd: folder }).sort();

test('there are thirty configurations at least', () => {
  assert.ok(files.length >= 30);
});

for (const file of files) {
  test(`${file} gives its findings and no others`, () => {
    const text = readFileSync(path.join(folder, file), 'utf8');
    const beside = path.join(folder, file.replace(/\.conf$/, '.json'));
    const expected: unknown = existsSync(beside) ? JSON.parse(readFileSync(beside, 'utf8')) : null;
    const source = readTextSource(text, file);
    assert.deepEqual(summary(audit(source, { disk }), source.name), expected);
  });
}

test('no secret is in what is reported', () => {
  for (const file of files) {
    const report = audit(readTextSource(readFileSync(path.join(folder, file), 'utf8'), file), {
      disk,
    });
    const shown = report.findings.map(({ message, sourceLine, fix }) => [message, sourceLine, fix]);
    assert.doesNotMatch(JSON.stringify(shown), /frJIUN8D|AKIAIOSF|k-7f1d0a/);
  }
});

// Cut off anywhere, with a piece missing, or with a brace too many: whatever can be read is audited.
test('no damage to a configuration stops the audit', () => {
  for (const file of files) {
    const text = readFileSync(path.join(folder, file), 'utf8');
    for (let i = 1; i < 24; i += 1) {
      const at = Math.floor((text.length * i) / 24);
      for (const damaged of [
        text.slice(0, at),
        text.slice(at),
        text.slice(0, at) + text.slice(at + 40),
        `${text.slice(0, at)} } { ; "${text.slice(at)}`,
      ]) {
        const { findings } = audit(readTextSource(damaged, file), { disk });
        assert.ok(Array.isArray(findings));
      }
    }
  }
});

test('ten thousand lines are audited', { timeout: 60_000 }, () => {
  const locations = Array.from(
    { length: 2000 },
    (_, i) => `  location /p${i}/ {
    proxy_set_header Host $host;
    set $to${i} $arg_x;
    proxy_pass https://app${i % 50}.internal:8443/;
  }
`,
  );
  const servers = Array.from({ length: 20 }, (_, i) => {
    return `server {\n  listen 443 ssl;\n  server_name s${i}.example;\n${locations.slice(i * 100, i * 100 + 100).join('')}}\n`;
  });
  const report = audit(readTextSource(`http {\n${servers.join('')}}\n`, 'nginx.conf'), { disk });
  assert.equal(report.hops.length, 2000);
  assert.ok(report.findings.length > 4000);
});
