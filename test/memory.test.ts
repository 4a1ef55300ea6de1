// However large a body and however slow one side: the memory that it needs is bounded, in every way in
// which bodies can wait. `npm run test:memory` does the same with a gigabyte, slow all the time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureTransfer, transferModes } from './kit/slow-transfer.ts';

/** More than the kernel's own buffers, and far more than what may be needed. */
const totalBytes = 300_000_000;
const allowed = 64 * 1_048_576;

for (const mode of transferModes) {
  test(`${mode.name} needs less than 64 MB`, async (t) => {
    const slowMs = 1500;
    const { arrived, growth } = await measureTransfer(
      mode,
      { totalBytes, bytesPerSecond: 4_000_000, slowMs },
      t,
    );
    assert.equal(arrived, totalBytes);
    assert.ok(growth < allowed, `${Math.round(growth / 1_048_576)} MB above idle`);
  });
}
