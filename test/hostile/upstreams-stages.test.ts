// Upstream servers that send interim answers, change the protocol, leave or fall silent, in every
// mode.

import { proveForms, startLab } from './kit/response-lab.ts';
import { interim, upgrades } from './responses/interim.ts';
import { stages } from './responses/stages.ts';

const lab = await startLab();

proveForms(lab, [...interim, ...upgrades, ...stages]);
