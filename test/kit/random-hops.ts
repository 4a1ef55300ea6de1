// Random configurations with hops that nobody checks, in every layout that people write, from a seed.
// They belong to the subset of nginx: nginx itself accepts them.

import { Random } from './random.ts';

/** A configuration of several files, by name; the main one is `main.conf`. */
export type RandomFiles = Readonly<Record<string, string>>;

const bundle = '/etc/ssl/certs/ca-certificates.crt';

/** Makes one. Each comment in it is different from all others. */
export function randomHops(seed: number): RandomFiles {
  return new RandomHops(seed).files();
}

class RandomHops {
  readonly #random: Random;
  readonly #indent: string;
  readonly #files: Record<string, string> = {};
  #comments = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#indent = this.#random.pick(['  ', '    ', '\t', '']);
  }

  files(): RandomFiles {
    const servers = Array.from({ length: 1 + this.#random.below(2) }, (_, i) => this.#server(i));
    const parts = [
      'upstream app { server api.example.com:443; }',
      ...this.#settings(4),
      ...servers,
    ];
    const text = `events {}\n${this.#block('http', parts, 0)}`;
    this.#files['main.conf'] = this.#random.oneIn(6) ? text.replaceAll('\n', '\r\n') : text;
    return this.#files;
  }

  #server(i: number): string {
    const used = new Set<string>();
    const locations = Array.from({ length: 1 + this.#random.below(4) }, () => this.#location(used));
    const parts = [`listen 127.0.0.1:${8000 + i};`, `server_name s${i}.example.com;`];
    return this.#block('server', [...parts, ...this.#settings(4), ...locations], 1);
  }

  #location(used: Set<string>): string {
    const name = this.#random.pick(['/', '/a/', '/b', '= /c', '~ \\.php$', '/d{x}']);
    if (used.has(name)) return '';
    used.add(name);
    const parts = [...this.#settings(3), this.#pass(), ...this.#inner()];
    const written = name.includes('{') ? `"${name}"` : name;
    const opener = `location ${written}`;
    if (!this.#random.oneIn(5)) return this.#block(opener, parts, 2);
    const file = `part${Object.keys(this.#files).length}.conf`;
    this.#files[file] = `${parts.filter((part) => part !== '').join(this.#end(0))}\n`;
    return this.#block(opener, [`include ${file};`], 2);
  }

  #inner(): string[] {
    if (!this.#random.oneIn(4)) return [];
    const opener = this.#random.pick(['if ($request_method = POST)', 'limit_except GET']);
    return [this.#block(opener, [this.#pass()], 3)];
  }

  #pass(): string {
    const url = this.#random.pick([
      'https://api.example.com',
      'https://api.example.com:8443',
      'https://app',
      'https://127.0.0.1:8443',
      'http://127.0.0.1:3000',
    ]);
    return `proxy_pass${this.#random.oneIn(8) ? '\n   ' : ' '}${url};`;
  }

  // Each at most once at a level.
  #settings(odds: number): string[] {
    const settings = [
      `proxy_ssl_trusted_certificate ${bundle};`,
      `proxy_ssl_verify ${this.#random.pick(['off', 'on'])};`,
      `proxy_ssl_server_name ${this.#random.pick(['off', 'on'])};`,
      'proxy_ssl_verify_depth 1;',
      `proxy_ssl_protocols ${this.#random.pick(['TLSv1 TLSv1.1 TLSv1.2', 'TLSv1.2 TLSv1.3'])};`,
      'proxy_ssl_name api.example.com;',
      'proxy_set_header Host $host;',
      'server_tokens on;',
    ].filter(() => this.#random.oneIn(odds * 2));
    // nginx does not start with verification that has no CA.
    const on = settings.some((one) => one === 'proxy_ssl_verify on;');
    const trusted = `proxy_ssl_trusted_certificate ${bundle};`;
    return on && !settings.includes(trusted) ? [trusted, ...settings] : settings;
  }

  #block(opener: string, parts: readonly string[], depth: number): string {
    const inside = parts.filter((part) => part !== '');
    const inline = inside.every((part) => !part.includes('\n')) && this.#random.oneIn(4);
    if (inline && !inside.some((part) => part.includes('#'))) {
      return `${opener} {${inside.map((part) => ` ${part}`).join('')} }`;
    }
    const lines = inside.map((part) => this.#indent.repeat(depth + 1) + part + this.#end(depth));
    return `${opener} {${this.#end(depth)}${lines.join('')}${this.#indent.repeat(depth)}}`;
  }

  // A line ends, perhaps after a comment, perhaps before one.
  #end(depth: number): string {
    if (this.#random.oneIn(4)) return ` # ${this.#comment()}\n`;
    if (this.#random.oneIn(4)) return `\n${this.#indent.repeat(depth)}# ${this.#comment()}\n`;
    return this.#random.oneIn(6) ? '\n\n' : '\n';
  }

  #comment(): string {
    this.#comments += 1;
    const text = this.#random.pick([
      'plain',
      'proxy_pass https://x;',
      '} é 😀 {',
      '"quote',
      "it's",
    ]);
    return `comment ${this.#comments} ${text}`;
  }
}
