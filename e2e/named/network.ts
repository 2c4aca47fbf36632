// A network under the names of the real one, on this machine: plc.directory, a PDS, its stream in place of the relay's, and its handles in
// place of the public API's, all by https. Programs run on it as they are written: only what is loaded before them (names.mjs) knows that it is not the internet.
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import { pathToFileURL } from 'node:url'

import { freePort, startService } from '@avocet/network'
import { pdsDatabaseEnvironment } from '@avocet/testing/pds-store'

import { type Running, startProgram } from '../support/running.ts'
import { certificate, privateKey } from './certificate.ts'

/** The password of every account. */
export const PASSWORD = 'correct horse battery staple'

/** Where a program runs. */
export interface RunOptions {
  readonly cwd?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** The network while it runs. */
export interface NamedNetwork extends AsyncDisposable {
  /** The PDS by its port, for what a test does itself. */
  readonly pds: string
  /** The servers of other names: by name, the port on this machine. */
  readonly names: Map<string, number>
  /** What tells Chromium the same. The certificate it has to take without asking: `ignoreHTTPSErrors`. */
  readonly chromiumArgs: readonly string[]
  /** Makes an account `<name>.example.com`. */
  newAccount(name: string): Promise<{ did: `did:plc:${string}`; handle: string; token: string }>
  /** Starts a program of Node. */
  start(file: string, options?: RunOptions): Running
}

export async function startNamedNetwork(): Promise<NamedNetwork> {
  await using started = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'avocet-named-'))
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'ca.pem'), certificate)
  const names = new Map<string, number>()
  const front = await serveNames((name) => names.get(name) ?? (isHandle(name) ? names.get(PDS) : undefined))
  started.use(front)
  const env = {
    NAMES_PORT: String(front.port),
    NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
    NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, 'names.mjs')).href}`,
    NODE_NO_WARNINGS: '1',
  }
  const serve = async (
    app: 'plc-directory' | 'pds',
    healthPath: string,
    more: Record<string, string>,
  ): Promise<number> => {
    const port = await freePort()
    const service = await startService({
      name: app,
      app,
      args: [`--port=${port}`, '--host=127.0.0.1', `--data=${join(folder, app)}`],
      url: `http://127.0.0.1:${port}`,
      healthPath,
      logFile: join(folder, `${app}.log`),
      env: { ...env, ...more },
    })
    started.defer(() => service.stop())
    return port
  }
  names.set('plc.directory', await serve('plc-directory', '/_health', {}))
  const port = await serve('pds', '/xrpc/_health', {
    PDS_HOSTNAME: PDS,
    PDS_SERVICE_HANDLE_DOMAINS: '.example.com',
    PDS_INVITE_REQUIRED: 'false',
    PDS_RATE_LIMITS_ENABLED: 'false',
    ...pdsDatabaseEnvironment(folder),
  })
  for (const name of [PDS, 'bsky.network', 'public.api.bsky.app']) names.set(name, port)
  const pds = `http://127.0.0.1:${port}`
  const running = started.move()
  return {
    pds,
    names,
    chromiumArgs: [
      `--host-resolver-rules=${['*.example.com', 'plc.directory', 'public.api.bsky.app']
        .map((name) => `MAP ${name}:443 127.0.0.1:${front.port}`)
        .join(',')}`,
    ],
    newAccount: async (name) => {
      const handle = `${name}.example.com`
      const response = await fetch(`${pds}/xrpc/com.atproto.server.createAccount`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ handle, email: `${name}@example.com`, password: PASSWORD }),
      })
      const body = (await response.json()) as { did?: `did:plc:${string}`; accessJwt: string }
      if (body.did === undefined) throw new Error(`no account: ${JSON.stringify(body)}`)
      return { did: body.did, handle, token: body.accessJwt }
    },
    start: (file, { cwd, args = [], env: more }: RunOptions = {}) =>
      startProgram(process.execPath, [file, ...args], { cwd, env: { ...env, ...more } }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const PDS = 'pds.example.com'
const isHandle = (name: string): boolean => name.endsWith('.example.com')

/** Ends TLS for all names on one port, and passes the bytes on to the server of the name that was asked for. */
async function serveNames(portOf: (name: string) => number | undefined): Promise<Front> {
  const sockets = new Set<TLSSocket>()
  const server = createServer({ cert: certificate, key: privateKey }, (socket) => {
    const port = typeof socket.servername === 'string' ? portOf(socket.servername) : undefined
    if (port === undefined) {
      socket.destroy()
      return
    }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const to = connect({ port, host: '127.0.0.1', noDelay: true })
    // One side that breaks off ends the other, as on the network.
    for (const [one, other] of [
      [socket, to],
      [to, socket],
    ] as const) {
      one.pipe(other)
      one.on('error', () => other.destroy())
    }
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Front extends AsyncDisposable {
  readonly port: number
}
