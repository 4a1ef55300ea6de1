// What `sallyport explain` says about one request. As JSON it is under semantic versioning.

import type { Position } from '../config/node.ts';

/** A request to explain. */
export interface ExplainedRequest {
  /** "https://app.example/path?query"; taken as written, with its dots and escapes. */
  readonly url: string;
  /** Default GET. */
  readonly method?: string;
  /** "Name: value" each. `Host` takes the place of the URL's. */
  readonly headers?: readonly string[];
  /**
   * The client's certificate: `absent` (default), `present`, or the subject of a valid one, as
   * "CN=alice,O=Example".
   */
  readonly clientCertificate?: string;
  /** Where the client comes from. Default 127.0.0.1. */
  readonly clientAddress?: string;
}

/** Which server answers. */
export interface ExplainedServer {
  /** The first of its names. */
  readonly name: string;
  readonly at: Position | null;
  readonly why: string;
}

/** A location that was looked at. */
export interface ExplainedCandidate {
  /** As written: "~ \\.php$". */
  readonly location: string;
  readonly at: Position | null;
  readonly matches: boolean;
  readonly chosen: boolean;
  readonly why: string;
}

/** What happened, in order. */
export type ExplainedStep =
  | {
      readonly kind: 'location';
      readonly location: string;
      readonly at: Position | null;
      /** The path that was looked for. */
      readonly uri: string;
      /** Empty where it was not looked for by its path (`@name`, `if`, `limit_except`). */
      readonly candidates: readonly ExplainedCandidate[];
      /** Of a subrequest (`auth_request`, `mirror`)? */
      readonly sub: boolean;
    }
  | {
      readonly kind: 'rewrite';
      readonly directive: string;
      readonly at: Position;
      /** 0; 1 within an `if`. */
      readonly depth: number;
      readonly outcome: string;
      readonly uri: string;
      readonly args: string;
      readonly sub: boolean;
    };

/** A directive in effect. */
export interface ExplainedDirective {
  readonly text: string;
  readonly at: Position;
  /** Where it stands: "main", "http", "server", "location /api/", "if". */
  readonly level: string;
  readonly inherited: boolean;
}

/** How the TLS hop is verified. */
export interface ExplainedTls {
  readonly verify: 'on' | 'off' | 'report';
  /** The name that the certificate must have; null where sans or nothing are compared. */
  readonly name: string | null;
  readonly sni: string | null;
  /** The file, or "the trust store of the system". */
  readonly trusted: string;
  readonly depth: number;
  readonly sans: readonly string[];
  readonly pins: readonly string[];
  readonly protocols: readonly string[];
  /** The file of the certificate that this proxy shows. */
  readonly clientCertificate: string | null;
}

/** One request that goes out. */
export interface ExplainedUpstream {
  /** "https://backend" as the URL of `proxy_pass` has it. */
  readonly origin: string;
  readonly at: Position | null;
  readonly group: string;
  /** All servers that may be picked; `picked` is the first choice of the balancer. */
  readonly servers: readonly {
    readonly address: string;
    readonly host: string;
    readonly picked: boolean;
  }[];
  readonly requestLine: string;
  readonly headers: readonly string[];
  /** Null: plain HTTP. */
  readonly tls: ExplainedTls | null;
  /** Of a subrequest? */
  readonly sub: boolean;
}

/** The whole explanation. */
export interface Explanation {
  readonly request: {
    readonly line: string;
    readonly listen: string;
    readonly tls: boolean;
  };
  readonly server: ExplainedServer;
  readonly steps: readonly ExplainedStep[];
  /** The location that the request ended in; null where none was entered. */
  readonly location: { readonly text: string; readonly at: Position | null } | null;
  readonly directives: readonly ExplainedDirective[];
  /** Those of subrequests first, as they go out. Empty where nothing is passed on. */
  readonly upstreams: readonly ExplainedUpstream[];
  /** What the client gets; for requests that are passed on, an empty 200 is assumed. */
  readonly answer: { readonly status: number; readonly head: readonly string[] };
  readonly file: string | null;
  readonly accessLog: readonly { readonly target: string; readonly line: string }[];
  readonly errorLog: readonly { readonly target: string; readonly line: string }[];
  readonly notes: readonly string[];
}
