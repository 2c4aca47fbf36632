import { createServer } from 'node:net'

import { pdsDatabaseEnvironment } from '@avocet/testing/pds-store'

import { killCommand, startCommand, type RunningCommand } from '../command.ts'

/** Thrown by a call that got no answer because the server was killed. Whether it took effect is unknown. */
export class Gone extends Error {}

/** What a call answered. */
export interface Answer {
  readonly status: number
  readonly body: any
}

/** What a call sends. */
export interface Call {
  readonly token?: string
  readonly admin?: boolean
  /** JSON, bytes, or bytes piece by piece; null: a procedure without a body; none: a query. */
  readonly input?: object | null
  readonly bytes?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>
  readonly type?: string
}

/** A server on one port and one data directory that is killed and started again. */
export interface CrashServer {
  readonly url: string
  readonly port: number
  readonly folder: string
  readonly plcUrl: string
  /** The settings that are not flags. */
  readonly env: Readonly<Record<string, string>>
  /** Starts it; calls that wait go on. */
  start(): Promise<void>
  /** Ends it by a signal. */
  stop(signal: NodeJS.Signals): Promise<number | null>
  /** Starts it and kills it while it gets ready. */
  killWhileStarting(ms: number): Promise<void>
  /** Resolves while it runs. */
  whenUp(): Promise<void>
  /** One request. @throws Gone when the server was killed under it, Error when it hung up for no reason */
  call(nsid: string, call?: Call): Promise<Answer>
  /** The same, of which 200 is expected. */
  ask(nsid: string, call?: Call): Promise<any>
  /** Bytes of an answer of 200. */
  fetchBytes(path: string, token?: string): Promise<Uint8Array>
}

export const ADMIN = 'operator-password'
const HANGUP_MS = 10_000

/** A server that keeps its data in `folder`; not started yet. */
export async function createCrashServer(folder: string, plcUrl: string): Promise<CrashServer> {
  // Identities name the port: it stays the same, and below those that the system gives to others meanwhile.
  const port = await freePort()
  const url = `http://localhost:${port}`
  const flags = ['--port', String(port), '--data', folder, '--plc-url', plcUrl]
  const env = { PDS_ADMIN_PASSWORD: ADMIN, ...pdsDatabaseEnvironment(folder) }
  let running: RunningCommand | null = null
  let up = Promise.withResolvers<void>()
  let down = Promise.withResolvers<void>()
  let expected = false

  const request = async (path: string, init: RequestInit): Promise<[Response, Uint8Array]> => {
    await up.promise
    const ended = down.promise
    try {
      const response = await fetch(`${url}${path}`, init)
      return [response, new Uint8Array(await response.arrayBuffer())]
    } catch (cause) {
      const timer = Promise.withResolvers<never>()
      const handle = setTimeout(
        () => timer.reject(new Error(`the server hung up; path=${path}`, { cause })),
        HANGUP_MS,
      )
      await Promise.race([ended, timer.promise])
      clearTimeout(handle)
      throw new Gone(path, { cause })
    }
  }

  const call: CrashServer['call'] = async (nsid, { token, admin, input, bytes, type } = {}) => {
    const headers = new Headers()
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    if (admin === true)
      headers.set('authorization', `Basic ${Buffer.from(`admin:${ADMIN}`).toString('base64')}`)
    const init: RequestInit & { duplex?: 'half' } = { headers }
    if (input === null) init.method = 'POST'
    else if (input !== undefined || bytes !== undefined) {
      headers.set('content-type', type ?? 'application/json')
      Object.assign(init, { method: 'POST', duplex: 'half', body: bytes ?? JSON.stringify(input) })
    }
    const [{ status }, body] = await request(`/xrpc/${nsid}`, init)
    return { status, body: body.length === 0 ? undefined : JSON.parse(Buffer.from(body).toString()) }
  }

  const server: CrashServer = {
    url,
    port,
    folder,
    plcUrl,
    env,
    start: async () => {
      expected = false
      const begun = await startCommand(flags, env)
      running = begun
      begun.child.once('exit', (code, signal) => {
        if (!expected)
          console.error(`the server ended by itself; code=${code} signal=${signal}\n${begun.errors()}`)
      })
      down = Promise.withResolvers()
      up.resolve()
    },
    stop: async (signal) => {
      const { child } = running!
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`the server ended by itself; code=${child.exitCode} signal=${child.signalCode}`)
      }
      expected = true
      up = Promise.withResolvers()
      const code = await running!.stop(signal)
      down.resolve()
      // What it complains of while it works is a fault too.
      if (running!.errors() !== '') throw new Error(`the server complained:\n${running!.errors()}`)
      return code
    },
    killWhileStarting: (ms) => killCommand(flags, ms, env),
    whenUp: () => up.promise,
    call,
    ask: async (nsid, options) => {
      const { status, body } = await call(nsid, options)
      if (status !== 200) throw new Error(`${nsid}: ${status} ${JSON.stringify(body)}`)
      return body
    },
    fetchBytes: async (path, token) => {
      const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const [response, bytes] = await request(path, { headers })
      if (response.status !== 200)
        throw new Error(`${path}: ${response.status} ${Buffer.from(bytes).toString()}`)
      return bytes
    },
  }
  return server
}

/** A port nobody listens on, below those that the system gives out. */
async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const probe = createServer()
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
  throw new Error('no free port')
}
