import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect } from 'vitest'

import { startCommand, type RunningCommand } from './command.ts'
import { startDirectory, type TestDirectory } from './directory.ts'
import { makeFaults, type Faults } from '@avocet/testing/faults'
import { checkCommit, readFirehose, signingKeyOf } from './firehose.ts'

/** What a call answered: a JSON body. */
export interface Answer {
  readonly status: number
  readonly body: any
}

/** An account of a test. */
export interface Account {
  readonly did: string
  readonly handle: string
  readonly accessJwt: string
}

/** A server in a process of its own whose disk and clock can be made to fail. */
export interface FaultyServer extends AsyncDisposable {
  readonly folder: string
  readonly directory: TestDirectory
  readonly faults: Faults
  readonly url: string
  readonly child: RunningCommand['child']
  readonly errors: () => string
  /** Ends it by a signal (default: SIGTERM), and starts it anew on the same data. */
  restart(signal?: NodeJS.Signals): Promise<void>
  stop(signal: NodeJS.Signals): Promise<number | null>
  start(): Promise<void>
  call(nsid: string, init?: RequestInit): Promise<Answer>
  post(nsid: string, input: object | null, token?: string): Promise<Answer>
  /** A body that is not JSON. */
  send(nsid: string, bytes: Uint8Array<ArrayBuffer>, type: string, token: string): Promise<Answer>
  account(name: string): Promise<Account>
  write(writer: Account, rkey: string): Promise<Answer>
  /** What anybody is told of its health. */
  health(): Promise<Answer>
  /** What the operator is told, after a probe. */
  look(): Promise<Answer>
  /** Keys of the records of an account. */
  keysOf(did: string): Promise<string[]>
  /** Every commit of an account on the firehose follows the one before; their records are those of the rows. */
  checkStream(account: Account): Promise<void>
}

const ADMIN = { authorization: `Basic ${Buffer.from('admin:operator-password').toString('base64')}` }

/** What a client is told while the disk fails. */
export const UNAVAILABLE: Answer = {
  status: 503,
  body: { error: 'ServiceUnavailable', message: 'The server cannot store data at the moment' },
}
/** What anybody is told of a server that is not well. */
export const ILL: Answer = { status: 503, body: { error: 'ServiceUnavailable', message: 'unhealthy' } }

/** Whether faults can be made on this machine; said aloud where not. */
export function canMakeFaults(): boolean {
  const probed = makeFaults('/nonexistent')
  probed?.[Symbol.dispose]()
  return probed !== null
}

/** Starts a server whose disk works and whose clock is right, for now. `env`: settings beyond the usual. */
export async function startFaultyServer(env: Record<string, string> = {}): Promise<FaultyServer> {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-disk-'))
  const directory = await startDirectory()
  const faults = makeFaults(folder)!
  const begin = (): Promise<RunningCommand> =>
    startCommand(
      ['--port', '0', '--data', folder, '--plc-url', directory.url, '--invite-required', 'false'],
      {
        PDS_SERVICE_DID: 'did:web:disk.example.com',
        PDS_ADMIN_PASSWORD: 'operator-password',
        LOG_LEVEL: 'silent',
        ...env,
        ...faults.env,
      },
    )
  let pds = await begin()

  const call: FaultyServer['call'] = async (nsid, init = {}) => {
    const response = await fetch(`${pds.url}/xrpc/${nsid}`, init)
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  const bearer = (token?: string): Record<string, string> =>
    token === undefined ? {} : { authorization: `Bearer ${token}` }
  const post: FaultyServer['post'] = (nsid, input, token) =>
    call(nsid, {
      method: 'POST',
      headers: { ...(input === null ? {} : { 'content-type': 'application/json' }), ...bearer(token) },
      ...(input === null ? {} : { body: JSON.stringify(input) }),
    })
  const keysOf: FaultyServer['keysOf'] = async (did) => {
    const query = `repo=${did}&collection=com.example.disk&limit=100&reverse=true`
    const { body } = await call(`com.atproto.repo.listRecords?${query}`)
    return body.records.map(({ uri }: { uri: string }) => uri.split('/').at(-1))
  }

  return {
    folder,
    directory,
    faults,
    get url() {
      return pds.url
    },
    get child() {
      return pds.child
    },
    errors: () => pds.errors(),
    stop: (signal) => pds.stop(signal),
    start: async () => void (pds = await begin()),
    restart: async (signal = 'SIGTERM') => {
      await pds.stop(signal)
      pds = await begin()
    },
    call,
    post,
    send: (nsid, bytes, type, token) =>
      call(nsid, { method: 'POST', headers: { 'content-type': type, ...bearer(token) }, body: bytes }),
    account: async (name) => {
      const input = { handle: `${name}.test`, email: `${name}@example.com`, password: 'correct horse' }
      const { status, body } = await post('com.atproto.server.createAccount', input)
      if (status !== 200) throw new Error(JSON.stringify(body))
      return body as Account
    },
    write: (writer, rkey) =>
      post(
        'com.atproto.repo.createRecord',
        { repo: writer.did, collection: 'com.example.disk', rkey, record: { rkey } },
        writer.accessJwt,
      ),
    health: () => call('_health'),
    look: () => call('_health', { headers: ADMIN }),
    keysOf,
    checkStream: async ({ did }) => {
      const { events } = await readFirehose(pds.url, 0, () => false, 400)
      const seqs = events.map(({ body }) => body.seq as number)
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
      expect(new Set(seqs).size).toBe(seqs.length)
      const announced: string[] = []
      let rev: string | null = null
      for (const { type, body } of events) {
        if (type !== '#commit' || body.repo !== did) continue
        expect(body.since ?? null).toBe(rev)
        rev = checkCommit(body, signingKeyOf(directory.log(did))).rev
        for (const { path } of body.ops) announced.push(path.split('/')[1])
      }
      expect(announced).toEqual(await keysOf(did))
    },
    [Symbol.asyncDispose]: async () => {
      await pds.stop('SIGKILL')
      await directory[Symbol.asyncDispose]()
      faults[Symbol.dispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
