// Bodies of upstream servers that can't be read, or that are shorter or longer than was said, in
// every mode: a cut that the client sees, and nothing of it in another answer.

import { proveForms, startLab } from './kit/response-lab.ts';
import { bodiless } from './responses/bodiless.ts';
import { chunks, trailers } from './responses/chunks.ts';
import { longer, shorter } from './responses/lengths.ts';

const lab = await startLab();

proveForms(lab, [...chunks, ...trailers, ...shorter, ...longer, ...bodiless]);
