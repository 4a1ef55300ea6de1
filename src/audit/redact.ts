// Secrets are taken out of what reports show: values of fields that authenticate, keys, tokens.

const mark = '[redacted]';

/** The names of fields and parameters whose values are secrets. */
export const secretName =
  /^(?:proxy-)?authorization$|^cookie$|(?:^|[-_])(?:api[-_]?key|apikey|auth[-_]?token|token|secret|password|passwd|pwd|private[-_]?key|access[-_]?key)$/i;

const inUrl =
  /([?&](?:api[-_]?key|apikey|token|access_token|secret|password|sig|signature)=)[^&\s;"'$]+/gi;
const credentials = /\b((?:Basic|Bearer|Token|ApiKey)\s+)[A-Za-z0-9+/=._~-]{6,}/g;
const keyBlock =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const field =
  /(\b(?:\w+_set_header|\w+_param|env|set)\s+["']?\$?([\w-]+)["']?(?:\s+|=))("[^"]*"|'[^']*'|[^\s;]+)/g;
const comparison = /(\$(?:http|arg|cookie)_(\w+)\s*!?[=~]+\*?\s*)("[^"]*"|'[^']*'|[^\s;)]+)/g;

/** The text without its secrets. What has variables in it is no secret. */
export function redact(text: string): string {
  return text
    .replace(keyBlock, mark)
    .replace(credentials, `$1${mark}`)
    .replace(inUrl, `$1${mark}`)
    .replace(field, redactNamed)
    .replace(comparison, redactNamed);
}

function redactNamed(all: string, before: string, name: string, value: string): string {
  const isSecret = secretName.test(name) && !value.includes('$') && value.length > 2;
  return isSecret ? `${before}${mark}` : all;
}
