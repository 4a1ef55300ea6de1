// `origins` and `valid_referers`: pages of other sites that get in.

import type { RawFinding } from '../model.ts';
import { readCondition } from '../conditions.ts';
import {
  isAnchoredAtEnd,
  isAnchoredAtStart,
  readRegex,
  regexOfWord,
  type RegexText,
} from '../regex-facts.ts';
import { hit, miss, renderDirective, type AuditSubject, type Rule } from '../rule.ts';
import type { DirectiveNode } from '../../config/node.ts';

/** Why an expression for origins lets others in; null where it doesn't. */
function weakness(regex: RegexText): string | null {
  const node = readRegex(regex);
  if (node === null) return null;
  if (!isAnchoredAtEnd(node))
    return 'has no "$" at its end: "https://example.com.evil.example" matches';
  if (!isAnchoredAtStart(node)) return 'has no "^" at its beginning';
  // A dot that stands for any character, between letters.
  if (/[a-z0-9]\.[a-z]{2,}/i.test(regex.text.replace(/\[[^\]]*\]/g, ''))) {
    return 'has a "." that stands for any character';
  }
  return null;
}

function* expressions({ root, definitions }: AuditSubject): Iterable<[DirectiveNode, RegexText]> {
  for (const { node } of root.find('if')) {
    const { subject, operator, value } = readCondition(node);
    if (/^\$http_origin$/i.test(subject) && /^!?~\*?$/.test(operator)) {
      yield [node, { text: value, caseless: operator.endsWith('*') }];
    }
  }
  for (const { source, entries } of definitions.maps.values()) {
    if (!/^\$http_origin$/i.test(source)) continue;
    for (const { key, node, value } of entries) {
      const regex = regexOfWord(key);
      if (regex !== null && value !== '' && value !== '0') yield [node, regex];
    }
  }
}

function* checkOrigins(subject: AuditSubject): Iterable<RawFinding> {
  for (const [node, regex] of expressions(subject)) {
    const why = weakness(regex);
    if (why !== null) yield { node, message: `the expression for Origin ${why}` };
  }
  for (const { node, level } of subject.root.find('add_header')) {
    const [name = '', value = ''] = node.args.map(({ text }) => text);
    if (!/^access-control-allow-origin$/i.test(name) || !/^\$\{?http_origin\}?$/i.test(value))
      continue;
    if (level.kind === 'if' && /\$http_origin/i.test(level.node?.args[0]?.text ?? '')) continue;
    const headers = level.effective('add_header');
    const withCredentials = headers.some(({ args }) => /credentials/i.test(args[0]?.text ?? ''));
    yield {
      node,
      severity: withCredentials ? 'high' : 'low',
      message: `every site is allowed to read the answers${withCredentials ? ', with the cookies of the user' : ''}`,
      fix: 'map $http_origin $allowed_origin {\n    default "";\n    https://app.example.com $http_origin;\n}',
    };
  }
}

export const origins: Rule = {
  id: 'origins',
  title: 'other sites read answers',
  severity: 'medium',
  what:
    'An expression for $http_origin that matches foreign sites, or Access-Control-Allow-Origin that ' +
    'repeats whatever Origin the browser sent.',
  why: 'A page of an attacker, open in the browser of a user, reads what only the user may read.',
  mend: 'Compare with whole origins by a map, or anchor the expression and escape its dots.',
  references: ['CWE-942', 'CWE-346', 'gixy origins'],
  cases: [
    hit(
      'no end, a dot too free, and a repeated origin',
      `map $http_origin $cors {
  "~^https://www.example\\.com$" $http_origin; # here
}
server {
  if ($http_origin ~* "^https://app\\.example\\.com") { set $ok 1; } # here
  location /api {
    add_header Access-Control-Allow-Origin $http_origin; # here
    add_header Access-Control-Allow-Credentials true;
  }
}
`,
    ),
    hit(
      'inherited from above',
      `http {
  add_header Access-Control-Allow-Origin $http_origin always; # here
  server { location / { proxy_pass http://127.0.0.1:3000; } }
}
`,
    ),
    miss(
      'whole origins, and an expression that holds',
      `map $http_origin $cors {
  default "";
  https://app.example.com $http_origin;
  "~^https://[a-z]+\\.example\\.com$" $http_origin;
}
server { add_header Access-Control-Allow-Origin $cors always; }
`,
    ),
    miss(
      'open to all, without cookies',
      `server {
  add_header Access-Control-Allow-Origin *;
  if ($http_origin ~ "^https://app\\.example\\.com$") {
    add_header Access-Control-Allow-Origin $http_origin;
  }
}
`,
    ),
  ],
  check: checkOrigins,
};

function* checkReferers({ root }: AuditSubject): Iterable<RawFinding> {
  for (const { node } of root.find('valid_referers')) {
    if (!node.args.some(({ text }) => text === 'none')) continue;
    const message = '"none" lets in every request without Referer, and any page can leave it out';
    const words = node.args.map(({ text }) => text).filter((text) => text !== 'none');
    const line = renderDirective(node.name, words);
    if (words.length === 0) yield { node, message };
    else yield { node, message, fix: line };
  }
}

export const validReferers: Rule = {
  id: 'valid_referers',
  title: 'requests without Referer let in',
  severity: 'low',
  what: 'valid_referers with none.',
  why: 'A page keeps the browser from sending Referer by one line (Referrer-Policy), and is let in.',
  mend: 'Leave none out where this is to protect anything; better, check tokens in the application.',
  references: ['CWE-293', 'gixy valid_referers'],
  cases: [
    hit('with "none"', 'server {\n  valid_referers none blocked server_names; # here\n}\n'),
    hit(
      'in a location',
      'server {\n  location /img {\n    valid_referers server_names none; # here\n  }\n}\n',
    ),
    miss('without', 'server {\n  valid_referers server_names *.example.com;\n}\n'),
    miss('not in use', 'server {\n  location / { proxy_pass http://127.0.0.1; }\n}\n'),
  ],
  check: checkReferers,
};
