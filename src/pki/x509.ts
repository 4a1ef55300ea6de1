// The one door to @peculiar/x509: whoever imports from here has the metadata functions in place
// before the library is loaded, in whatever order files are imported.

import './reflect-metadata.ts';

export {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
  X509CrlReason,
} from '@peculiar/x509';
export type { JsonGeneralNames } from '@peculiar/x509';
