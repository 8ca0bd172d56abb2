// A server of Node around a handler: TLS, limits of connections, and an end in order.

import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { CodeFormerError } from '../errors.js';
import { LIMITS } from './limits.js';
import type { ClientInfo } from './routing.js';

/** Where a server listens, and how. */
export interface ListenOptions {
  /** Default 127.0.0.1, which only this machine reaches. */
  readonly host?: string | undefined;
  /** 0 for any that is free. Default 8080. */
  readonly port?: number | undefined;
  /** Files in PEM: the certificate with those that it depends on, and its key. Default no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Times, milliseconds, in the place of those of `LIMITS`. */
  readonly times?: Partial<Record<'headerTime' | 'requestTime' | 'idleTime', number>> | undefined;
}

/** Gets what is known of the client beside the request, as Hono's adapter hands it on. */
export type Listener = (request: Request, client: ClientInfo) => Response | Promise<Response>;

/** A server that listens. */
export interface Listening {
  /** As in `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Requests that are being answered. */
  readonly active: number;
  /**
   * Takes no more connections, waits for answers under way until the deadline, and ends the others.
   * @param deadline milliseconds from now
   * @throws nothing
   */
  close(deadline?: number): Promise<void>;
}

/**
 * Starts a server.
 * @param handler answers the requests
 * @throws INVALID_ARGUMENT for an address that cannot be listened at, or files that are no certificate and key
 */
export async function listen(handler: Listener, options: ListenOptions = {}): Promise<Listening> {
  const { host = '127.0.0.1', port = 8080, tls, times } = options;
  const { headerTime, requestTime, idleTime } = { ...LIMITS, ...times };
  const limits = {
    maxHeaderSize: LIMITS.headerBytes,
    headersTimeout: headerTime,
    requestTimeout: requestTime,
    keepAliveTimeout: idleTime,
    // How often those times are looked at.
    connectionsCheckingInterval: Math.min(1000, headerTime, requestTime),
  };
  const answer = getRequestListener(handler as never, { overrideGlobalObjects: false });
  let [active, closing] = [0, false];
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    active++;
    outgoing.once('close', () => {
      active--;
      // A client may keep its connection for more requests, which would keep the server.
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
    void answer(incoming, outgoing);
  };
  const server: Server = tls
    ? createTls({ ...limits, ...(await credentials(tls)) }, onRequest)
    : createServer(limits, onRequest);
  server.maxConnections = LIMITS.connections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', cause => {
      const message = `Cannot listen at ${host}, port ${port}: ${cause.message}`;
      reject(new CodeFormerError('INVALID_ARGUMENT', message, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const { address, family, port: taken } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    get active() {
      return active;
    },
    async close(deadline = 0) {
      closing = true;
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      const timer = setTimeout(() => server.closeAllConnections(), deadline);
      await closed;
      clearTimeout(timer);
    },
  };
}

async function credentials({ cert, key }: { readonly cert: string; readonly key: string }) {
  const read = (file: string) =>
    readFile(file).catch(cause => {
      const message = `${file} cannot be read: ${cause.message}`;
      throw new CodeFormerError(cause.code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE', message, { cause });
    });
  return { cert: await read(cert), key: await read(key) };
}

function createTls(
  options: Parameters<typeof createTlsServer>[0],
  onRequest: Parameters<typeof createTlsServer>[1],
): Server {
  try {
    return createTlsServer(options, onRequest);
  } catch (cause) {
    const message = `Expected a certificate and its key in PEM: ${(cause as Error).message}`;
    throw new CodeFormerError('INVALID_ARGUMENT', message, { cause });
  }
}
