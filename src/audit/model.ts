// What an audit knows and says. `hops` and `findings` as JSON are under semantic versioning.

import type { DirectiveNode } from '../config/node.ts';
import type { ServerProbe } from './probe-model.ts';
import type { Level } from './tree.ts';

/** How bad a finding is, worst first. */
export const severities = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type AuditSeverity = (typeof severities)[number];

/** Whose defaults hold where the configuration says nothing. */
export type Dialect = 'nginx' | 'sallyport';

/** Where a target lies, as far as its address tells. */
export type Place = 'loopback' | 'private' | 'public' | 'name' | 'unknown';

/** One server that a hop may reach. */
export interface HopServer {
  /** host:port or unix:PATH, as written. */
  readonly address: string;
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly place: Place;
  /** The `server` line of a group; null for the host of a URL. */
  readonly node: DirectiveNode | null;
  /** `ssl_name=` */
  readonly sslName: string | null;
}

/** `variable`: the scheme is `$scheme`, or all of the URL is a variable. */
export type HopScheme = 'http' | 'https' | 'variable';

/** How far a hop is verified. */
export type Verification = 'on' | 'off' | 'report' | 'none';

/** What came of all this, worst first. */
export type Verdict = 'open' | 'unverified' | 'weak' | 'local' | 'verified';

/** One place where requests leave for other servers. */
export interface Hop {
  readonly id: number;
  /** `proxy`, `grpc`, `uwsgi` or `stream`: whose directives hold. */
  readonly kind: HopKind;
  readonly node: DirectiveNode;
  readonly level: Level;
  /** "location /api/ of app.example". */
  readonly from: string;
  /** The URL as written. */
  readonly to: string;
  readonly scheme: HopScheme;
  /** Name of the group; null where the URL names a host. */
  readonly group: string | null;
  /** Are there variables in the host part? */
  readonly variable: boolean;
  readonly servers: readonly HopServer[];
  /** The farthest of its servers. */
  readonly place: Place;
  readonly encrypted: boolean;
  readonly verification: Verification;
  /** The file of trusted CAs, "the trust store of the system", "pins"; null where none. */
  readonly trust: string | null;
  /** The name that is checked; null where none is. */
  readonly name: string | null;
  /** The name that is sent (SNI); null where none is. */
  readonly sni: string | null;
  readonly clientCertificate: string | null;
  readonly protocols: readonly string[];
  readonly verdict: Verdict;
  /** What `--probe` found, for each address of each server; left out where nothing was probed. */
  readonly probe?: readonly ServerProbe[];
}

export type HopKind = 'proxy' | 'grpc' | 'uwsgi' | 'stream';

/** A change to a file that mends a finding. */
export type Edit =
  /** Directives put after the one given, at the same level. */
  | {
      readonly kind: 'insert-after';
      readonly node: DirectiveNode;
      readonly lines: readonly string[];
    }
  /** Directives put at the beginning of a block. */
  | {
      readonly kind: 'insert-into';
      readonly node: DirectiveNode;
      readonly lines: readonly string[];
    }
  /** Another directive in the place of this one; null removes it. */
  | { readonly kind: 'replace'; readonly node: DirectiveNode; readonly line: string | null };

/** What a rule found. */
export interface RawFinding {
  /** Where it is shown. */
  readonly node: DirectiveNode;
  /** What is wrong here, in one sentence. */
  readonly message: string;
  /** Where it is worse or better than the rule's own. */
  readonly severity?: AuditSeverity;
  readonly hop?: Hop;
  /** The configuration to write, as text; the rule's general advice where left out. */
  readonly fix?: string;
  /** The same for `--fix`; left out where a human has to decide. */
  readonly edits?: readonly Edit[];
}

/** A finding as it is reported. */
export interface Finding extends RawFinding {
  readonly rule: string;
  readonly severity: AuditSeverity;
  /** The line that it points to, trimmed. */
  readonly sourceLine: string;
  /** Why it does not count: a comment in the file, or the baseline. Null where it counts. */
  readonly suppressed: string | null;
}
