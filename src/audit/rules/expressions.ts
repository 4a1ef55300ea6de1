// `regex_redos` and `unanchored_regex`: expressions that cost too much, or match too much.

import { trialsOfDirectives, trialsOfOpening, type Trial } from '../conditions.ts';
import type { RawFinding } from '../model.ts';
import { isExponential, readRegex, regexOfWord } from '../regex-facts.ts';
import { hit, miss, type AuditSubject, type Rule } from '../rule.ts';
import { readLocation } from '../locations.ts';

function* trials({ root, definitions }: AuditSubject): Iterable<Trial> {
  for (const level of root.walk()) {
    yield* trialsOfOpening(level);
    yield* trialsOfDirectives(level);
  }
  for (const { source, entries, node } of definitions.maps.values()) {
    for (const entry of node.name === 'map' ? entries : []) {
      const regex = regexOfWord(entry.key);
      if (regex !== null) yield { ...regex, subject: source, node: entry.node };
    }
  }
}

function* checkCost(subject: AuditSubject): Iterable<RawFinding> {
  for (const trial of trials(subject)) {
    const regex = readRegex(trial);
    if (regex === null || !isExponential(regex)) continue;
    // What no client fills can do no harm.
    if (subject.taint.flowsOf(trial.subject, subject.root).length === 0) continue;
    yield {
      node: trial.node,
      message: `"${trial.text}" can take exponential time on a text made for it`,
    };
  }
}

export const regexRedos: Rule = {
  id: 'regex_redos',
  title: 'expression of exponential cost',
  severity: 'medium',
  what: 'A repetition inside a repetition, such as (a+)+, tried on something that the client sends.',
  why: 'One request with a text made for it keeps a worker busy until the limit of PCRE ends it.',
  mend: 'Let every round begin with something that the rest cannot match, or use atomic groups.',
  references: ['CWE-1333', 'gixy regex_redos'],
  cases: [
    hit('in a location', 'server {\n  location ~ ^/(\\w+\\s?)*$ { return 404; } # here\n}\n'),
    hit(
      'in a map, and in a rewrite',
      `map $http_user_agent $bot {
  default 0;
  "~^(([a-z])+.)+$" 1; # here
}
server { rewrite ^/(.*)*/x$ /y last; } # here
`,
    ),
    miss(
      'rounds that cannot be mistaken for each other',
      `server {
  location ~ ^(/[a-z]+)+$ { return 404; }
  location ~ ^/(?:[^/]+/)*x$ { return 404; }
  location ~ ^/(?>(a+))+$ { return 404; }
  location ~ "^/[a-z]{2,10}$" { return 404; }
}
`,
    ),
    miss('tried on nothing of the client', 'map $server_port $x { "~(\\d+)+$" 1; }\n'),
  ],
  check: checkCost,
};

const fileEnding = /\\\.(\w+|\((\?:)?[\w|]+\))$/;
const handlers = ['proxy_pass', 'fastcgi_pass', 'uwsgi_pass', 'scgi_pass', 'deny', 'return'];

function* checkAnchors({ root }: AuditSubject): Iterable<RawFinding> {
  for (const level of root.walk()) {
    const match = readLocation(level);
    if (match?.kind !== 'regex' || level.node === null || !fileEnding.test(match.text)) continue;
    if (/ht|git|env|svn|well-known/.test(fileEnding.exec(match.text)?.[1] ?? '')) continue;
    if (!handlers.some((name) => level.own(name).length > 0)) continue;
    yield {
      node: level.node,
      message: `"${match.text}" matches anywhere in the path: "/x${example(match.text)}/y" too`,
      fix: `location ${match.caseless ? '~*' : '~'} ${match.text}$ {`,
    };
  }
}

function example(text: string): string {
  return (fileEnding.exec(text)?.[0] ?? '').replace(/\\|\(\?:|\(|\).*|\|.*/g, '');
}

export const unanchoredRegex: Rule = {
  id: 'unanchored_regex',
  title: 'expression for a file ending without an end',
  severity: 'low',
  what: 'A location by an expression such as \\.php without $ at its end, which passes on or refuses.',
  why:
    '"/upload/a.php.jpg" and "/a.php/b" match as well, and go to a handler that was meant for other ' +
    'files.',
  mend: 'End the expression with $.',
  references: ['CWE-625', 'CWE-777', 'gixy unanchored_regex'],
  cases: [
    hit(
      'passed on to PHP',
      'server {\n  location ~ \\.php { fastcgi_pass unix:/run/php.sock; } # here\n}\n',
    ),
    hit(
      'several endings, in a location inside another',
      `server {
  location / {
    location ~* \\.(jsp|do) { proxy_pass http://127.0.0.1:8080; } # here
  }
}
`,
    ),
    miss('ended', 'server {\n  location ~ \\.php$ { fastcgi_pass unix:/run/php.sock; }\n}\n'),
    miss(
      'hidden files, and locations without a handler',
      `server {
  location ~ /\\.ht { deny all; }
  location ~ /\\.git { deny all; }
  location ~* \\.(css|js) { expires 1d; }
}
`,
    ),
  ],
  check: checkAnchors,
};
