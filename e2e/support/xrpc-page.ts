// What the browser test of the client does inside the page; bundled for browsers and loaded there.
import { main as getRecord } from '@avocet/lexicons/com.atproto.repo.getRecord'
import { main as getSession } from '@avocet/lexicons/com.atproto.server.getSession'
import {
  createClient,
  getBlob,
  listRecords,
  passwordSession,
  subscribe,
  unwrap,
  uploadBlob,
} from '@avocet/xrpc-client'

/** What the page found. */
export interface PageReport {
  readonly handle: string
  readonly updates: number
  readonly rkeys: string[]
  readonly blob: string
  readonly wrongHash: string
  readonly missing: string
  readonly rev: string | null
  readonly loginError: string
  readonly seqs: number[]
  readonly connections: number
  readonly slow: { count: number; connections: number; inOrder: boolean }
  readonly future: string
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const codeOf = (error: unknown): string => {
  const { code, error: name } = error as { code?: string; error?: string }
  return `${code} ${name}`
}

/** Uses the client of this page against a service of another origin. */
export async function runPage(service: string): Promise<PageReport> {
  let updates = 0
  const options = { identifier: 'alice.test', password: 'secret', service, onUpdate: () => (updates += 1) }
  const loginError = await passwordSession({ ...options, password: 'wrong' }).then(() => 'logged in', codeOf)
  const session = await passwordSession(options)
  const client = createClient({ service: session, labelers: ['did:web:labels.example.com'] })

  // The first token has expired already: this renews it.
  const { handle } = unwrap(await client.call(getSession))
  const rkeys: string[] = []
  for await (const { uri } of listRecords(client, {
    repo: 'alice.test',
    collection: 'com.example.note',
    limit: 2,
  })) {
    rkeys.push(uri.split('/').at(-1)!)
  }
  const found = await client.call(getRecord, {
    params: { repo: 'alice.test', collection: 'com.example.note', rkey: '0' },
  })
  const rev = found.ok ? found.headers.get('atproto-repo-rev') : 'no record'
  const none = await client.call(getRecord, {
    params: { repo: 'alice.test', collection: 'com.example.note', rkey: 'none' },
  })

  const { ref } = unwrap(
    await uploadBlob(client, new Blob(['hello from a page']), { encoding: 'text/plain' }),
  )
  const did = 'did:web:alice.test'
  const blob = text(await unwrap(await getBlob(client, { did, cid: ref })).bytes())
  const spoilt = unwrap(
    await getBlob(createClient({ service: session, headers: { 'x-spoil': 'yes' } }), { did, cid: ref }),
  )
  const wrongHash = await spoilt.bytes().then(() => 'taken', codeOf)

  let cursor = 0
  let connections = 0
  const seqs: number[] = []
  const nsid = 'com.atproto.sync.subscribeRepos'
  const stream = { service, nsid, backoff: { minMs: 5, maxMs: 20 }, onConnect: () => (connections += 1) }
  for await (const { body } of subscribe({ ...stream, params: () => ({ cursor }) })) {
    cursor = body['seq'] as number
    seqs.push(cursor)
    if (seqs.length === 60) break
  }

  // A browser cannot pause a socket: the connection is closed and taken up again.
  const before = connections
  let last = 0
  let count = 0
  let inOrder = true
  for await (const { body } of subscribe({
    ...stream,
    params: () => ({ cursor: last }),
    maxBufferedBytes: 2000,
  })) {
    inOrder &&= body['seq'] === last + 1
    last = body['seq'] as number
    count += 1
    if (count % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    if (count === 100) break
  }
  const slow = { count, connections: connections - before, inOrder }
  const future = await subscribe({ ...stream, params: () => ({ cursor: 999_999 }) })
    .next()
    .then(() => 'message', codeOf)
  return {
    handle,
    updates,
    rkeys,
    blob,
    wrongHash,
    missing: none.ok ? 'found' : codeOf(none.error),
    rev,
    loginError,
    seqs,
    connections: before,
    slow,
    future,
  }
}
