// The one door to @peculiar/x509: whoever imports from here has the metadata functions in place
// before the library is loaded, in whatever order files are imported. It is required, not imported:
// in a bundled file every import comes before everything else.

import './reflect-metadata.ts';
import { createRequire } from 'node:module';
import type * as Library from '@peculiar/x509';

export const {
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
} = createRequire(import.meta.url)('@peculiar/x509') as typeof Library;
export type ExtendedKeyUsage = Library.ExtendedKeyUsage;
export type Extension = Library.Extension;
export type JsonGeneralNames = Library.JsonGeneralNames;
export type X509Certificate = Library.X509Certificate;
