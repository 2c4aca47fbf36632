import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { LookupTxt } from '@avocet/did'
import { pdsDatabase } from '@avocet/testing/pds-store'

import { createPds, type Logger, type Pds, type PdsEmbedding, type PdsOptions } from '../src/app.ts'
import { SILENT } from '../src/logger.ts'
import { startDirectory, type TestDirectory } from './directory.ts'

/** What a call answered. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: any
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface CallOptions {
  readonly params?: Record<string, string | number | boolean | readonly string[]>
  readonly input?: unknown
  readonly bytes?: Uint8Array<ArrayBuffer>
  readonly type?: string
  readonly token?: string
  readonly admin?: boolean
  readonly headers?: Record<string, string>
}

export interface TestAccount {
  readonly did: string
  readonly handle: string
  readonly accessJwt: string
  readonly refreshJwt: string
}

/** A PDS with a directory of its own, in a folder of its own, and ways to call it. */
export interface TestNetwork extends AsyncDisposable {
  readonly directory: TestDirectory
  readonly folder: string
  pds: Pds
  /** GET of a query. */
  get(nsid: string, options?: CallOptions): Promise<Answer>
  /** POST of a procedure. */
  post(nsid: string, options?: CallOptions): Promise<Answer>
  account(handle?: string): Promise<TestAccount>
  /** Stops the PDS and starts it again on the same data. */
  restart(): Promise<void>
  /** Starts it on the same data, after `pds.close()`. */
  start(): Promise<void>
}

export const ADMIN_PASSWORD = 'operator-password'

export interface NetworkOptions {
  /** Calls go to the router without a socket. */
  readonly inProcess?: boolean
  readonly config?: Partial<PdsOptions & PdsEmbedding>
  readonly log?: Logger
  readonly lookupTxt?: LookupTxt
  /** A directory to share with another network, which then ends it. */
  readonly directory?: TestDirectory
  /** A data directory of another network, and what has to be done before it is opened. */
  readonly folder?: string
  readonly before?: () => Promise<void>
}

let names = 0

/** A handle nobody has yet. */
export const newHandle = (): string => `user${(++names).toString(36)}${process.pid.toString(36)}.test`

export async function startNetwork(options: NetworkOptions = {}): Promise<TestNetwork> {
  const directory = options.directory ?? (await startDirectory())
  await options.before?.()
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'avocet-pds-')))
  const start = (): Promise<Pds> =>
    createPds({
      dataDirectory: folder,
      port: 0,
      plcUrl: directory.url,
      adminPassword: ADMIN_PASSWORD,
      inviteRequired: false,
      loginFloorMs: 0,
      postgres: pdsDatabase(folder),
      log: options.log ?? { ...SILENT, error: (data, message) => console.error(message, data) },
      // No test asks the DNS of the machine it runs on.
      lookupTxt: options.lookupTxt ?? (() => Promise.resolve({ ok: true, value: [] })),
      ...options.config,
    })

  const send = async (method: string, nsid: string, call: CallOptions = {}): Promise<Answer> => {
    const url = new URL(`/xrpc/${nsid}`, network.pds.url)
    for (const [key, value] of Object.entries(call.params ?? {})) {
      for (const item of Array.isArray(value) ? value : [value]) url.searchParams.append(key, String(item))
    }
    const headers = new Headers(call.headers)
    if (call.token !== undefined) headers.set('authorization', `Bearer ${call.token}`)
    if (call.admin === true) {
      headers.set('authorization', `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`)
    }
    let body: string | Uint8Array<ArrayBuffer> | undefined
    if (call.bytes !== undefined) {
      body = call.bytes
      headers.set('content-type', call.type ?? 'application/octet-stream')
    } else if (call.input !== undefined) {
      body = JSON.stringify(call.input)
      headers.set('content-type', 'application/json')
    }
    const request = new Request(url, { method, headers, ...(body === undefined ? {} : { body }) })
    const response = options.inProcess === true ? await network.pds.fetch(request) : await fetch(request)
    const bytes = new Uint8Array(await response.arrayBuffer())
    const json = response.headers.get('content-type')?.startsWith('application/json') === true
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      body: json ? JSON.parse(Buffer.from(bytes).toString()) : undefined,
    }
  }

  const network: TestNetwork = {
    directory,
    folder,
    pds: await start(),
    get: (nsid, call) => send('GET', nsid, call),
    post: (nsid, call) => send('POST', nsid, call),
    account: async (handle = newHandle()) => {
      const input = { handle, email: `${handle.split('.')[0]}@example.com`, password: 'correct horse' }
      const answer = await network.post('com.atproto.server.createAccount', { input })
      if (answer.status !== 200)
        throw new Error(`createAccount: ${answer.status} ${JSON.stringify(answer.body)}`)
      return answer.body as TestAccount
    },
    start: async () => {
      network.pds = await start()
    },
    restart: async () => {
      await network.pds.close()
      network.pds = await start()
    },
    [Symbol.asyncDispose]: async () => {
      await network.pds.close()
      if (options.directory === undefined) await directory[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return network
}

/** A post that is valid under its lexicon. */
export const post = (text: string): Record<string, unknown> => ({
  $type: 'app.bsky.feed.post',
  text,
  createdAt: '2026-01-01T00:00:00.000Z',
})

/** An error answer as `status name`. */
export const failure = (answer: Answer): string => `${answer.status} ${answer.body?.error ?? ''}`
