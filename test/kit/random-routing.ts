// Random virtual servers that route: locations of all kinds, rewrites, ifs, maps, try_files,
// error_page, root and alias, nested as configurations nest them; and random request targets that
// are likely to hit them. The same seed gives the same again.

import { Random } from './random.ts';

/** What a random server's configuration is written with. */
export interface RoutingSite {
  readonly port: number;
  /** `host:port` of the upstream that records what is passed on. */
  readonly upstream: string;
  /** A folder with the files of `routingFiles`. */
  readonly files: string;
}

/** A request for one of the servers. */
export interface RoutingRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RoutingServer {
  readonly name: string;
  /** Its maps, then itself: for inside of `http`. */
  config(site: RoutingSite): string;
  readonly requests: readonly RoutingRequest[];
}

const words = ['a', 'b', 'ab', 'B', 'c', 'x y', 'é', '.h', 'a.txt', 'b.php', 'd+', 'q%r', '..e'];

/** Files for the static locations, by name relative to their folder. */
export const routingFiles: readonly string[] = [
  ...['a', 'b.txt', 'a.txt', 'x y', 'é', 'ab/a', 'ab/index.html', 'c/a.txt', 'c/ab/b', 'B/b.php'],
  ...['index.html', 'ab/ab/index.html', 'd+/a', '..e/a', 'q%r/b', '404.html', 'c/.h'],
];

// Patterns for locations, rewrites and conditions; some capture.
const patterns = [
  ...['^', '^/(.*)$', '^/([^/]+)/(.*)$', '(.*)/$', '^(/a)(.*)$', 'b', '\\.(\\w+)$', '(.)(.)$'],
  ...['(?i)^/A(.*)$', '^/(?<first>[^/]*)', '(?<last>[^/]+)/?$', 'é', '^/.$', '^/[^/]+$', '(a|b)+'],
  ...['/c/(\\w*)', 'x y', '[^a-z/]', '^/(a|(b))', '(?:ab|c)(/.*)?$', '^/\\.', '\\+', 'A', '[B-D]'],
];

// None has "..": a path of a file to which a rewrite brings it is refused here, but not by nginx.
const replacements = [
  ...['/$1', '/W/$1', '/W/$2/$1', '/W', '/W?', '/W?own=$1', '/W/$1?', '/W/$uri', '$uri/W', '/W$1W'],
  ...['/$arg_q', '/W/$arg_q?$args', '/x y/$1', '/é$1', '/%41$1', '/W?x=$2&', '/$first/W', '$uri'],
  ...['/W/$last?l=$last', '/$mapped', '$mapped', '/W?a?b', '//W//$1', '/W#$1', '$1'],
];

const flags = ['', '', ' last', ' last', ' break', ' break', ' redirect', ' permanent'];

const queries = [
  ...['q=a', 'q=b&x=1', 'q=x%20y', 'q=/a/b', 'q', '', '?', 'a/../b', 'q=%C3%A9', 'x=1&q=ab', 'q='],
  ...['Q=B', 'q=c?d', 'q=a+b', 'q=%2e%2e', 'q=1&q=2'],
];

const passInIf = 'proxy_pass-in-if;';

type Kind = 'prefix' | 'exact' | 'regex' | 'named' | 'server';

/** Where a directive is written. */
interface Place {
  readonly kind: Kind;
  /** The prefix; null below a regular expression, where only others may stand. */
  readonly prefix: string | null;
  readonly depth: number;
}

/** Servers one after the other, from one seed. */
export class RandomRouting {
  readonly #random: Random;
  #marks = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** @param count - how many requests it comes with */
  server(name: string, count: number): RoutingServer {
    const map = this.#map(name.replace(/\W/g, '_'));
    const lines = [
      this.#either(2, 'error_page 404 "/W/missing";', 'error_page 404 403 =200 @name;'),
      this.#either(3, 'recursive_error_pages on;'),
      this.#either(3, 'merge_slashes off;'),
      this.#either(4, 'index index.html a;', 'index "W.html" "/W";'),
      ...this.#script('server', 2),
      ...this.#locations({ kind: 'server', prefix: '', depth: 2 }),
      `location @name { ${this.#content({ kind: 'named', prefix: null, depth: 0 })} }`,
      'set $first $first; set $last $last; location = /never { if ($uri ~ (?<first>x)(?<last>y)) { return 404; } }',
    ];
    const body = this.#filled(lines.filter((line) => line !== '').join('\n')).replaceAll(
      '$mapped',
      `$mapped_${map.name}`,
    );
    const config = (site: RoutingSite): string =>
      `${map.text}
server { listen 127.0.0.1:${site.port}; server_name ${name};
${body}
}`
        .replaceAll('UPSTREAM', site.upstream)
        .replaceAll('FILES', site.files);
    return { name, config, requests: Array.from({ length: count }, () => this.#request()) };
  }

  #map(name: string): { name: string; text: string } {
    const source = this.#random.pick(['$uri', '$arg_q', '$args', '$request_uri', '$http_x_test']);
    const keys = new Set(Array.from({ length: 3 }, () => this.#random.pick(words).toLowerCase()));
    const entries = [...keys].map((key) => `"${this.#random.pick(['', '/'])}${key}" "W${key}";`);
    const pattern = this.#random.pick(patterns);
    const captured = /\((?!\?)/.test(pattern) ? '$1' : 'W';
    const text = `map ${source} $mapped_${name} { ${this.#either(2, 'default /dflt;')}
      ${entries.join(' ')} "~${pattern}" "/${captured}"; }`;
    return { name, text: this.#filled(text) };
  }

  // A word stands for each W that is no part of a name.
  #filled(text: string): string {
    return text.replace(/W/g, () => this.#random.pick(words).replace('q%r', 'q'));
  }

  #either(times: number, ...texts: readonly string[]): string {
    return this.#random.oneIn(times) ? this.#random.pick(texts) : '';
  }

  #locations(place: Place): string[] {
    const used = new Set<string>();
    const count = 2 + this.#random.below(place.depth === 2 ? 6 : 2);
    return Array.from({ length: count }, () => this.#location(place, used));
  }

  #location(around: Place, used: Set<string>): string {
    const { key, written, kind, prefix } = this.#match(around.prefix);
    if (used.has(key)) return '';
    used.add(key);
    const place: Place = { kind, prefix, depth: around.depth - 1 };
    const nests = place.depth > 0 && kind !== 'exact' && this.#random.oneIn(4);
    const content = this.#content(place);
    const parts = [
      this.#either(16, 'internal;'),
      this.#either(
        8,
        'error_page 404 "/W";',
        'error_page 404 =200 "/W$uri";',
        'error_page 404 @name;',
      ),
      ...this.#script('location', 2),
      content,
      ...(nests ? this.#locations(place) : []),
    ];
    const text = parts.filter((part) => part !== '').join('\n  ');
    // Where the location does not pass on, nginx confuses an "if" that does with the next one.
    const pass = content.includes('proxy_pass') ? 'proxy_pass http://UPSTREAM;' : '';
    return `location ${written} { ${text.replaceAll(passInIf, pass)} }`;
  }

  #match(within: string | null): {
    key: string;
    written: string;
    kind: Kind;
    prefix: string | null;
  } {
    const kinds = within === null ? ['~', '~*'] : ['', '', '', '', '=', '^~', '~', '~*'];
    const modifier = this.#random.pick(kinds);
    if (modifier.startsWith('~')) {
      const pattern = this.#random.pick(patterns);
      return {
        key: modifier + pattern,
        written: `${modifier} "${pattern}"`,
        kind: 'regex',
        prefix: null,
      };
    }
    let prefix = within === '' || within === null ? '/' : within;
    for (let i = this.#random.below(3); i > 0; i -= 1) {
      prefix += this.#random.pick(words) + this.#random.pick(['', '/', '/']);
    }
    const kind = modifier === '=' ? 'exact' : 'prefix';
    const key = kind === 'exact' ? `=${prefix}` : prefix;
    return { key, written: `${modifier} "${prefix}"`, kind, prefix };
  }

  // Directives of the rewrite module.
  #script(context: 'server' | 'location', most: number): string[] {
    return Array.from({ length: this.#random.below(most + 1) }, () => {
      switch (this.#random.below(5)) {
        case 0:
          return this.#set();
        case 1:
        case 2:
          return this.#if(context);
        default:
          return this.#rewrite();
      }
    });
  }

  #set(): string {
    const value = this.#random.pick(['W', '$uri', '$1', '$v$args', '/W/$arg_q', '$mapped']);
    return `set $${this.#random.pick(['v', 'v', 'args'])} "${value}";`;
  }

  #rewrite(): string {
    const pattern = this.#random.pick(patterns);
    const replacement = this.#random.pick(replacements);
    const url = this.#random.oneIn(12) ? 'http://other.test' : '';
    return `rewrite "${pattern}" "${url}${replacement}"${this.#random.pick(flags)};`;
  }

  #if(context: 'server' | 'location'): string {
    const random = this.#random;
    const inside = [random.oneIn(2) ? this.#set() : '', random.oneIn(3) ? this.#rewrite() : ''];
    if (random.oneIn(4)) inside.push(this.#return());
    else if (random.oneIn(5)) inside.push('break;');
    if (context === 'location' && random.oneIn(4)) {
      inside.push(this.#random.pick([passInIf, 'root FILES/c;', 'error_page 404 "/W";']));
    }
    return `if (${this.#condition()}) { ${inside.filter((part) => part !== '').join(' ')} }`;
  }

  #condition(): string {
    const variable = this.#random.pick([
      '$uri',
      '$arg_q',
      '$args',
      '$mapped',
      '$http_x_test',
      '$v',
      '$first',
    ]);
    switch (this.#random.below(6)) {
      case 0:
        return variable;
      case 1:
        return `${variable} ${this.#random.pick(['=', '!='])} "${this.#random.pick(words)}"`;
      case 2:
        return `$request_method ${this.#random.pick(['=', '!='])} POST`;
      case 3:
        return `${this.#random.pick(['-f', '!-f', '-d', '!-d', '-e', '!-e'])} ${this.#random.pick(['$request_filename', 'FILES$uri', '"FILES/W"'])}`;
      default:
        return `${variable} ${this.#random.pick(['~', '~*', '!~', '!~*'])} "${this.#random.pick(patterns)}"`;
    }
  }

  // What it says is where the request has come to, and with what. The map comes first: its pattern
  // changes the captures, for which Debian's nginx gives up ("no buffer space in script copy").
  #return(): string {
    this.#marks += 1;
    const mark = `m${this.#marks}|$mapped|$uri|$args|$1|$2|$v|$first|$last`;
    switch (this.#random.below(12)) {
      case 0:
        return `return ${this.#random.pick(['404', '403', '410', '204'])};`;
      case 1:
        return `return ${this.#random.pick(['301', '302', '307', '308'])} "${this.#random.pick(['/W$1', 'http://other.test/$arg_q', '/W?$args'])}";`;
      default:
        return `return 200 "${mark}";`;
    }
  }

  #content(place: Place): string {
    const { kind } = place;
    switch (this.#random.below(12)) {
      case 0:
      case 1:
        return `proxy_pass http://UPSTREAM;`;
      case 2:
        return kind === 'regex' || kind === 'named'
          ? 'proxy_pass http://UPSTREAM$uri$is_args$args;'
          : `proxy_pass "http://UPSTREAM${this.#random.pick(['/', '/W', '/W/', '/%41/', '/W?x=', '/x%20y'])}";`;
      case 3:
        return `proxy_pass "http://UPSTREAM${this.#random.pick(['$request_uri', '/W$uri', '/$1', '/W?$args', '$mapped'])}";`.replace(
          'UPSTREAM$mapped',
          'UPSTREAM/$mapped',
        );
      case 4:
        return `root FILES${this.#random.pick(['', '', '/c', '/$arg_q'])};`;
      case 5:
        return kind === 'named' ? 'root FILES;' : this.#alias(kind);
      case 6:
      case 7:
        return `root FILES; try_files ${this.#tried()};${this.#either(2, ' proxy_pass http://UPSTREAM;')}`;
      default:
        return this.#return();
    }
  }

  #alias(kind: Kind): string {
    const target =
      kind === 'regex'
        ? this.#random.pick(['/$1', '/ab/$2', '$uri'])
        : this.#random.pick(['/', '', '/c/', '/ab']);
    return `alias "FILES${target}";${this.#either(3, ` try_files ${this.#tried()};`)}`;
  }

  #tried(): string {
    const count = 1 + this.#random.below(2);
    const tried = Array.from({ length: count }, () =>
      this.#random.pick(['$uri', '$uri/', '/a', '"/W"', '$uri.txt', '/c$uri', '/$arg_q']),
    );
    const last = this.#random.pick([
      '=404',
      '=403',
      '@name',
      '@name',
      '"/W"',
      '"/W?$args"',
      '/$arg_q',
      '/index.html',
    ]);
    return [...tried, last].join(' ');
  }

  #request(): RoutingRequest {
    const random = this.#random;
    let path = '';
    const segments = this.#random.below(4);
    for (let i = 0; i < segments; i += 1) path += this.#slash() + this.#segment();
    if (segments === 0 || this.#random.oneIn(3)) path += this.#slash();
    if (this.#random.oneIn(2)) path += `?${random.pick(queries)}`;
    const headers = this.#random.oneIn(4) ? { 'X-Test': random.pick(['a', 'b', '/c']) } : {};
    return {
      method: random.pick(['GET', 'GET', 'GET', 'GET', 'GET', 'GET', 'POST']),
      path,
      headers,
    };
  }

  #segment(): string {
    if (this.#random.oneIn(12)) {
      return this.#random.pick([
        '.',
        '..',
        '%2e',
        '%2E.',
        '%2f',
        'a%2F..',
        '%25',
        '%3f',
        '%23',
        '%',
        '%00',
        '...',
      ]);
    }
    const text = this.#random.pick(words) + this.#random.pick(['', '', '', '', 'a', '.txt']);
    let escaped = '';
    for (const byte of Buffer.from(text)) {
      const must = byte === 0x25 || byte === 0x20;
      const hex = byte.toString(16).padStart(2, '0');
      escaped +=
        must || this.#random.oneIn(8)
          ? `%${this.#random.oneIn(2) ? hex : hex.toUpperCase()}`
          : String.fromCharCode(byte);
    }
    return escaped;
  }

  #slash(): string {
    return this.#random.pick(['/', '/', '/', '/', '/', '/', '/', '/', '//', '/./']);
  }
}
