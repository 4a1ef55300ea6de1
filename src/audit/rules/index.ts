// The one ordered list of rules.

import type { Rule } from '../rule.ts';
import { noSni } from './no-sni.ts';
import { noVerify } from './no-verify.ts';
import { plaintextHop } from './plaintext-hop.ts';

export const rules: readonly Rule[] = [noVerify, noSni, plaintextHop];
