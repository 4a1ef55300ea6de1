// What nginx 1.22 makes of the forms in the tables, as the column of docs/framing.md says. Nothing
// is asserted about our own answers here, which requests-forms.test.ts does.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { RawConnection } from '../kit/raw-client.ts';
import { nginxPath, startNginx } from '../kit/nginx.ts';
import { statusesIn } from './kit/delivery.ts';
import { outcomeOf, smuggled, spellings } from './kit/request-form.ts';
import type { RequestForm } from './kit/request-form.ts';
import { doorsConfiguration, seenUpstream, targetOf, Witness } from './kit/request-proxy.ts';
import { requestTables } from './requests/all.ts';
import { nginxOutcomes } from './requests/nginx-outcomes.ts';

const scope = { after };
const differing = new Map(Object.entries(nginxOutcomes));

/** The version that the column is about; others may have mended or spoilt something. */
const isThatVersion =
  nginxPath !== null && /nginx\/1\.22\./.test(spawnSync(nginxPath, ['-v']).stderr.toString());

if (isThatVersion) {
  const witness = await Witness.start(scope);
  const { text, doors } = await doorsConfiguration({
    upstreamAddress: witness.upstream.address,
    passing: 'buffered',
    forNginx: true,
  });
  const lines =
    'keepalive_timeout 0; client_header_timeout 1s; client_body_timeout 1s; lingering_timeout 300ms;';
  await startNginx(`events { }\n${text.replace('http {', `http { ${lines}`)}`, { scope });

  /** Sends the form alone on a connection: `passed`, the status, or `closed` without an answer. */
  const outcomeAt = async (form: RequestForm, bytes: string): Promise<string> => {
    const client = await RawConnection.open(targetOf(doors, form.door ?? 'plain', 'plain'));
    const follows = 'open' in form ? '' : smuggled;
    let received: string;
    try {
      await client.send(bytes + follows);
      received = (await client.closed()).toString('latin1');
    } finally {
      client.close();
    }
    const upstream = await seenUpstream(witness, doors, { exactly: false });
    // Whatever came: the first answer tells what became of the form itself.
    const [status] = statusesIn(received);
    if (upstream !== '' && status === 200) return 'passed';
    return status === undefined ? (upstream === '' ? 'closed' : 'passed') : String(status);
  };

  for (const { title, forms } of requestTables) {
    for (const form of forms) {
      if (!doors.has(form.door ?? 'plain')) continue;
      test(`nginx: ${title}: ${form.name}`, async () => {
        const outcomes = new Set<string>();
        for (const bytes of spellings(form)) outcomes.add(await outcomeAt(form, bytes));
        assert.equal(
          [...outcomes].sort().join(', '),
          differing.get(`${title}: ${form.name}`) ?? outcomeOf(form),
        );
      });
    }
  }
} else {
  test('nginx 1.22 beside the tables', { skip: 'nginx 1.22 is not installed' }, () => undefined);
}

test('the column about nginx names forms of the tables, and only what differs', () => {
  const ours = new Map(
    requestTables.flatMap(({ title, forms }) =>
      forms.map((form): [string, string] => [`${title}: ${form.name}`, outcomeOf(form)]),
    ),
  );
  const wrong = [...differing].filter(([name, theirs]) => (ours.get(name) ?? theirs) === theirs);
  assert.deepEqual(wrong, []);
});
