// Secrets are taken out of what reports, dumps and messages about a configuration show: values of
// fields that authenticate, keys, tokens. By the text alone, so that what is half written, commented
// out or in another language is covered as well.

const mark = '[redacted]';

/** The names of fields and parameters whose values are secrets. */
export const secretName =
  /^(?:proxy-)?authorization$|^cookie$|(?:^|[-_])(?:api[-_]?key|apikey|auth[-_]?token|token|secret|password|passwd|pwd|private[-_]?key|access[-_]?key)$/i;

const value = `"(?:[^"\\\\]|\\\\[^])*"|'(?:[^'\\\\]|\\\\[^])*'|[^\\s;]+`;

const inUrl =
  /([?&](?:api[-_]?key|apikey|token|access_token|secret|password|sig|signature)=)[^&\s;"'$]+/gi;
const userInfo = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#@;"'$]+@/gi;
const credentials = /\b((?:Basic|Bearer|Token|ApiKey)\s+)[A-Za-z0-9+/=._~-]{6,}/gi;
const keyBlock =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const field = new RegExp(
  `(\\b(?:\\w+_set_header|\\w+_param|add_header|env|set)\\s+["']?\\$?([\\w-]+)["']?(?:\\s+|=))(${value})`,
  'g',
);
const comparison = new RegExp(
  `(\\$(?:http|arg|cookie)_(\\w+)\\s*!?[=~]+\\*?\\s*)(${value.replace('[^\\s;]', '[^\\s;)]')})`,
  'g',
);
// What these hash holds the secret beside variables, so that all of it goes.
const hashed = new RegExp(`(\\bsecure_link_(?:md5|secret)\\s+)(?:${value})`, 'g');
const table = /(\b(?:map|geo)\s+["']?\$(?:http|arg|cookie)_(\w+)["']?\s+\S+\s*\{)([^}]*)/g;
const tableKey =
  /((?:^|[;\n])\s*)(?!default\b|hostnames\b|volatile\b|include\b|[#~])([^\s;]+)(?=\s)/g;

/**
 * The text of a configuration, or a part of it, without its secrets: literal values of fields,
 * parameters and variables that are named like secrets, private keys, credentials in URLs. What has
 * variables in it is no secret. A secret under a name that says nothing is not found: it is a help
 * for dumps and reports, and no reason to publish a configuration unread.
 */
export function redact(text: string): string {
  return text
    .replace(keyBlock, mark)
    .replace(hashed, `$1${mark}`)
    .replace(credentials, `$1${mark}`)
    .replace(inUrl, `$1${mark}`)
    .replace(userInfo, `$1${mark}@`)
    .replace(table, redactKeys)
    .replace(field, redactNamed)
    .replace(comparison, redactNamed);
}

function redactNamed(all: string, before: string, name: string, found: string): string {
  const isSecret = secretName.test(name) && !found.includes('$') && found.length > 2;
  return isSecret ? `${before}${mark}` : all;
}

// A map from tokens to clients: its keys are the secrets. Numbered, as two alike are an error.
function redactKeys(all: string, before: string, name: string, lines: string): string {
  if (!secretName.test(name)) return all;
  let count = 0;
  const hidden = lines.replace(tableKey, (_, space: string) => {
    count += 1;
    return `${space}[redacted-${count}]`;
  });
  return before + hidden;
}
