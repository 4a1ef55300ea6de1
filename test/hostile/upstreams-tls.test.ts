// What only a server behind TLS can do, in every mode that has one.

import { proveForms, startLab } from './kit/response-lab.ts';
import { tls12Forms, tlsForms } from './responses/tls.ts';

proveForms(await startLab(), tlsForms, 'TLS upstream');
proveForms(await startLab({ maxVersion: 'TLSv1.2' }), tls12Forms, 'TLS upstream');
