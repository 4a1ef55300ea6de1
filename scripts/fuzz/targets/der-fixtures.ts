// Bytes of real certificates, OCSP responses and a revocation list, for mutations to go on from.
// Made once with this project's own tools; nobody has the key any more.

function bytes(...lines: readonly string[]): Buffer {
  return Buffer.from(lines.join(''), 'base64');
}

/** A root. */
export const issuer: Buffer = bytes(
  'MIIBNzCCANygAwIBAgIJQIBXsECTgVB7MAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHJvb3QwIhgPMjAyNjAxMDEwMD',
  'AwMDBaGA8yMDQ2MDEwMTAwMDAwMFowDzENMAsGA1UEAwwEcm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMIt',
  'vnCLokJtPUN4kgUqydZIFBozr/5OF3/734R0hlQb5zYA5vfUPaLcYmelsB7iwNzjfk9evy2dqep/8nNRMWmjHTAbMA',
  'wGA1UdEwQFMAMBAf8wCwYDVR0PBAQDAgEGMAoGCCqGSM49BAMCA0kAMEYCIQCIGcxCki8Sa4jZvopfmNfkFpbLnqh/',
  'PIC2gKuMjjvhcgIhAJD/YM2ZO++VL3PfSVTZDCUxtSjzGZS8gZJqY2olxlKD',
);

/** A server certificate that it issued. */
export const leaf: Buffer = bytes(
  'MIIBhzCCAS2gAwIBAgIJQI1dMX4c6q5IMAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHJvb3QwIhgPMjAyNjAxMDEwMD',
  'AwMDBaGA8yMDQ2MDEwMTAwMDAwMFowETEPMA0GA1UEAwwGYS50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE',
  'vhwr9RrYHo5QDVOW/B3OkMEedKf+4aaTKiwRbUA8Q/kYYrGryfH/JrIFrQBb2/wP+UqIgSMtZbNcI1iYSsWRpaNsMG',
  'owEQYDVR0RBAowCIIGYS50ZXN0MBMGA1UdJQQMMAoGCCsGAQUFBwMBMC0GCCsGAQUFBwEBBCEwHzAdBggrBgEFBQcw',
  'AYYRaHR0cDovL29jc3AudGVzdC8wEQYIKwYBBQUHARgEBTADAgEFMAoGCCqGSM49BAMCA0gAMEUCIQD6vNIhNYsZo4',
  'o1+9Jz8pQfsSx1Zsqw4kp+ec9hEJ8ERgIgK57ZnYN6BDqK0IDZA0qh3Kbe8qtU9W0vqCEl390bg0I=',
);

/** Says from 2026 to 2036 that the certificate is good. */
export const good: Buffer = bytes(
  'MIIBDAoBAKCCAQUwggEBBgkrBgEFBQcwAQEEgfMwgfAwgZeiFgQUwbboEJNSYEJHAEJFV27dBwU87jwYDzIwMjYxMT',
  'IxMDIyNTI4WjBsMGowQjAJBgUrDgMCGgUABBRpKgzgZFJdBFSdfoBcz5jrrTm9LwQUwbboEJNSYEJHAEJFV27dBwU8',
  '7jwCCUCNXTF+HOquSIAAGA8yMDI2MDEwMTAwMDAwMFqgERgPMjAzNjAxMDEwMDAwMDBaMAoGCCqGSM49BAMCA0gAME',
  'UCIQC/2Yq7N8qBmQ+CVDuC3bKV4ZmYG/CfP6kSkA1Y58k8fQIgCRnPx8HB2n2T3czTN4zYVcNmKFyQPI3ONwMEF8xv',
  'D/Y=',
);

/** Says that it is revoked. */
export const revoked: Buffer = bytes(
  'MIIBHAoBAKCCARUwggERBgkrBgEFBQcwAQEEggECMIH/MIGoohYEFMG26BCTUmBCRwBCRVdu3QcFPO48GA8yMDI2MT',
  'EyMTAyMjUyOFowfTB7MEIwCQYFKw4DAhoFAAQUaSoM4GRSXQRUnX6AXM+Y6605vS8EFMG26BCTUmBCRwBCRVdu3QcF',
  'PO48AglAjV0xfhzqrkihERgPMjAyNjExMjEwMTI1MjhaGA8yMDI2MDEwMTAwMDAwMFqgERgPMjAzNjAxMDEwMDAwMD',
  'BaMAoGCCqGSM49BAMCA0YAMEMCIENEKBjMK78pCKO9mk8XYYFNqahfU4W8JjYybYqqRklbAh8XMH20tWSyCNdmP9BA',
  'sfP2eUa5Mua+WTXhlqDHcGPD',
);

/** Names it as well. */
export const crl: Buffer = bytes(
  'MIIBADCBpwIBATAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARyb290Fw0yNjExMjEwMTI1MjhaFw0yNjEyMjEwMjI1Mj',
  'haMDEwLwIQfWONyLOdpc+0uay8C7tcahcNMjYxMTIxMDEyNTI4WjAMMAoGA1UdFQQDCgEBoDQwMjAfBgNVHSMEGDAW',
  'gBRdEyTvq6cBzP65aFZa5cmm8aVT4DAPBgNVHRQECAIGAaH77EZVMAoGCCqGSM49BAMCA0gAMEUCIBd86Kfpw0hoeZ',
  'x3T/VI/VCseBphKgcXCfElSWs+U0COAiEA5ic4DfamHrpxdkDmD92ZolYkzzHbSugBf5hVdMgIjgw=',
);
