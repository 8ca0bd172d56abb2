// Where a request leads, and the address under which its client knows the server.

import { BlockList, isIP } from 'node:net';
import { invalidArgument } from '../errors.js';

/** What is known of the client of a request beside the request: what Hono's adapter for Node hands on, or the address alone. */
export interface ClientInfo {
  /** Where the connection comes from. Default that of `incoming`. */
  readonly remoteAddress?: string | undefined;
  readonly incoming?: { readonly socket: { readonly remoteAddress?: string | undefined } } | undefined;
  readonly outgoing?: { readonly socket: ClosableSocket | null } | undefined;
}

/** A connection of Node. */
export interface ClosableSocket {
  /** Ends it once what was written is sent. */
  readonly destroySoon?: (() => void) | undefined;
}

/** The address of a server. */
export interface RoutingOptions {
  /** Path that all routes begin with, as `/restore`. Default none. */
  readonly basePath?: string | undefined;
  /** Address of the server, where requests do not tell it. Default that of each request. */
  readonly publicUrl?: string | undefined;
  /** Addresses, or blocks as `10.0.0.0/8`, of proxies whose `X-Forwarded-Proto`, `-Host` and `-Prefix` are believed. Default none. */
  readonly trustedProxies?: readonly string[] | undefined;
}

/** A request as it is routed. */
export interface Route {
  readonly path: string;
  readonly query: URLSearchParams;
  /** The address of the server as the client reached it, without a slash at its end. */
  readonly base: string;
  /** What stands before `/fal-ai/...` in addresses of the queue. */
  readonly queueBase: string;
}

/** The header by which clients behind a proxy say which address of the hosted API they mean. */
const TARGET = 'x-fal-target-url';

/** Finds out where requests lead. */
export class Routing {
  private readonly basePath: string;
  private readonly publicUrl: string | undefined;
  private readonly trusted = new BlockList();

  /** Throws `INVALID_ARGUMENT`. */
  constructor({ basePath = '', publicUrl, trustedProxies = [] }: RoutingOptions) {
    if (!/^(\/[\w.~-]+)*\/?$/.test(basePath)) throw invalidArgument('a path as /restore', 'basePath', basePath);
    this.basePath = basePath.replace(/\/$/, '');
    if (publicUrl !== undefined && !/^https?:$/.test(parsed(publicUrl)?.protocol ?? ''))
      throw invalidArgument('an address of http or https', 'publicUrl', publicUrl);
    this.publicUrl = publicUrl?.replace(/\/$/, '');
    for (const proxy of trustedProxies) {
      const [address = '', bits] = proxy.split('/');
      const family = isIP(address);
      const most = family === 4 ? 32 : 128;
      if (family === 0 || (bits !== undefined && !(/^\d+$/.test(bits) && Number(bits) <= most)))
        throw invalidArgument('an address or a block as 10.0.0.0/8', 'trustedProxies', proxy);
      this.trusted.addSubnet(address, Number(bits ?? most), family === 4 ? 'ipv4' : 'ipv6');
    }
  }

  /** Where a request leads. */
  route(request: Request, client: ClientInfo): Route {
    const url = new URL(request.url);
    const base = this.publicUrl ?? this.baseOf(url, request.headers, client);
    const target = parsed(request.headers.get(TARGET) ?? '');
    if (target)
      return { ...pathOf(target.pathname, target.host), query: target.searchParams, base, queueBase: `${base}/queue` };
    const { host } = new URL(base);
    const { pathname } = url;
    const isOurs = pathname === this.basePath || pathname.startsWith(`${this.basePath}/`);
    const path = isOurs ? pathname.slice(this.basePath.length) || '/' : '';
    const queueBase = host.startsWith('queue.') ? base : `${base}/queue`;
    return { ...pathOf(path, host), query: url.searchParams, base, queueBase };
  }

  private baseOf({ origin, host, protocol }: URL, headers: Headers, client: ClientInfo): string {
    if (!this.isTrusted(client.remoteAddress ?? client.incoming?.socket.remoteAddress)) return origin + this.basePath;
    // What stands first is what the client itself used.
    const said = (name: string) => headers.get(`x-forwarded-${name}`)?.replace(/,.*/s, '').trim();
    const scheme = /^https?$/.test(said('proto') ?? '') ? `${said('proto')}:` : protocol;
    const seen = /^[\w.:[\]-]+$/.test(said('host') ?? '') ? said('host')! : host;
    const prefix = /^(\/[\w.~-]+)+$/.test(said('prefix') ?? '') ? said('prefix')! : '';
    return (parsed(`${scheme}//${seen}`)?.origin ?? origin) + prefix + this.basePath;
  }

  private isTrusted(address: string | undefined): boolean {
    // Sockets for both families say so of addresses of the old one.
    const plain = address?.replace(/^::ffff:(?=[\d.]+$)/, '') ?? '';
    const family = isIP(plain);
    return family !== 0 && this.trusted.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  }
}

/** The queue has a host of its own in the hosted API, and a path of its own here. */
function pathOf(path: string, host: string): { readonly path: string } {
  return { path: host.startsWith('queue.') && path.startsWith('/fal-ai/') ? `/queue${path}` : path };
}

function parsed(url: string): URL | null {
  return URL.canParse(url) ? new URL(url) : null;
}
