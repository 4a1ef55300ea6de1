// Heads of upstream servers that are none, or that can be read in two ways, in every mode: 502, and
// the connection is closed.

import { proveForms, startLab } from './kit/response-lab.ts';
import { fieldLines } from './responses/field-lines.ts';
import { framingFields } from './responses/framing-fields.ts';
import { injection } from './responses/injection.ts';
import { sizes } from './responses/sizes.ts';
import { statusLines } from './responses/status-lines.ts';

const lab = await startLab();

proveForms(lab, [...statusLines, ...fieldLines, ...framingFields, ...sizes, ...injection]);
