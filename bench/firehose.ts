// The firehose: a real frame to a fully verified event, beside @atproto/sync; where the time goes; the whole consumer; worker
// threads; one slow account among others. `node --expose-gc bench/firehose.ts --million` shows, instead, the memory over
// 1 000 000 events (some minutes).
// Rates are per second of CPU time (user and system, all threads of the process), so that a busy machine does not change them.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Session } from 'node:inspector'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import type { IdResolver } from '@atproto/identity'
import { parseCommitAuthenticated } from '@atproto/sync'
import { Frame } from '@atproto/xrpc-server'
import { formatDidKey, parseVerificationMethod, type PublicKey, verifySignature } from '@avocet/crypto'
import { nativeVerifier } from '@avocet/crypto-native'
import {
  consume,
  type ConsumeOptions,
  createMemoryState,
  DEFAULT_POLICY,
  parseEvent,
  readCapture,
  type ResolvedIdentity,
  type Source,
  verifyEvent,
} from '@avocet/firehose'
import { create, createWorld, frameOf } from '@avocet/firehose/conformance'
import { createWorkerPool } from '@avocet/firehose/pool'
import { openState } from '@avocet/firehose/sqlite'
import { openDatabase } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { human, record, save } from './support/compare.ts'

const fixtures = process.env['AVOCET_FIXTURES'] ?? join(import.meta.dirname, '../../shared/fixtures')
const folder = join(fixtures, 'relay-capture')
const native = nativeVerifier()
const now = Date.parse('2026-07-04T14:40:00Z')

type Method = { id: string; type: string; publicKeyMultibase: string }
const documents = JSON.parse(
  zstdDecompressSync(readFileSync(join(folder, 'did_docs.json.zst'))).toString(),
) as Record<Did, { verificationMethod: Method[] }>
const keys = new Map<Did, PublicKey>()
for (const [did, { verificationMethod }] of Object.entries(documents)) {
  const method = verificationMethod.find(({ id }) => id.endsWith('#atproto'))
  const key = method && parseVerificationMethod(method.type, method.publicKeyMultibase)
  if (key?.ok === true) keys.set(did as Did, key.value)
}
const commits: { frame: Uint8Array; did: Did; key: PublicKey }[] = []
for await (const frame of readCapture(join(folder, 'frames.bin.zst'))) {
  const parsed = parseEvent(frame, DEFAULT_POLICY)
  if (parsed.ok && parsed.value.kind === 'commit') {
    commits.push({ frame, did: parsed.value.did, key: keys.get(parsed.value.did)! })
  }
}

if (process.argv.includes('--million')) {
  await million()
  process.exit()
}

/** Calls per second of CPU time, the best of three goes of at least `ms` each. */
async function cpuRate(items: number, call: () => unknown, ms = 1500): Promise<number> {
  await call()
  let best = 0
  for (let go = 0; go < 3; go++) {
    const start = process.cpuUsage()
    let calls = 0
    let micros = 0
    do {
      const running = call()
      if (running instanceof Promise) await running
      calls++
      const used = process.cpuUsage(start)
      micros = used.user + used.system
    } while (micros < ms * 1000)
    best = Math.max(best, (calls * items * 1e6) / micros)
  }
  return best
}

function verifyAll(verify: typeof native): void {
  for (const { frame, key } of commits) {
    const verdict = verifyEvent({ frame, key, repo: null, now, verify })
    if (verdict.outcome !== 'accepted') throw new Error(`refused: ${verdict.reason}`)
  }
}

const didKeys = new Map([...keys].map(([did, key]) => [did as string, formatDidKey(key)]))
const resolver = {
  did: { resolveAtprotoKey: async (did: string) => didKeys.get(did) },
} as unknown as IdResolver

/** What @atproto/sync does with a frame, but for its validation against the lexicon. */
async function verifyAllAtproto(): Promise<void> {
  for (const { frame } of commits) {
    const { body } = Frame.fromBytes(frame) as unknown as { body: Record<string, unknown> }
    const events = await parseCommitAuthenticated(resolver, {
      $type: 'com.atproto.sync.subscribeRepos#commit',
      ...body,
    } as unknown as Parameters<typeof parseCommitAuthenticated>[1])
    if (events.length === 0) throw new Error('refused')
  }
}

const peer = await cpuRate(commits.length, verifyAllAtproto)
record('a real frame to a verified event, native signatures', { unit: 'commits', target: 20 }, [
  { name: 'avocet', perSecond: await cpuRate(commits.length, () => verifyAll(native)) },
  { name: '@atproto/sync', perSecond: peer },
])
record('the same with OpenSSL signatures', { unit: 'commits' }, [
  { name: 'avocet', perSecond: await cpuRate(commits.length, () => verifyAll(verifySignature)) },
  { name: '@atproto/sync', perSecond: peer },
])
record('the same without the signature check (what the rest costs)', { unit: 'commits' }, [
  { name: 'avocet', perSecond: await cpuRate(commits.length, () => verifyAll(() => true)) },
])

await profile()

// The consumer needs commits that follow each other: 100 accounts with 2 000 records each write in turn.
const made = await makeStream(100, 60)

function from(frames: Iterable<Uint8Array>): Source {
  return {
    id: 'bench',
    kind: 'relay',
    host: null,
    patient: true,
    async *frames() {
      yield* frames
    },
  }
}

async function runConsumer<Tx>(
  options: Pick<ConsumeOptions<Tx>, 'state'> & Partial<ConsumeOptions<Tx>>,
): Promise<void> {
  let seen = 0
  const consumer = consume<Tx>({
    sources: [from(made.frames)],
    resolveKey: async (did) => made.identities.get(did) ?? null,
    verify: native,
    concurrency: 256,
    onEvent: () => void seen++,
    ...options,
  })
  await consumer.done
  if (seen !== made.frames.length) throw new Error(`lost: ${JSON.stringify(consumer.stats().reasons)}`)
}

const inMemory = (): Promise<void> => runConsumer<void>({ state: createMemoryState() })
record('the whole consumer, state in memory', { unit: 'commits' }, [
  { name: 'avocet', perSecond: await cpuRate(made.frames.length, inMemory) },
])

const temporary = mkdtempSync(join(tmpdir(), 'avocet-bench-'))
{
  using db = openDatabase({ path: join(temporary, 'state.sqlite') })
  const state = openState(db)
  const inSqlite = (): Promise<void> => {
    db.raw.exec('DELETE FROM repos; DELETE FROM cursors')
    // A new handle of the same tables: nothing is cached from the run before.
    return runConsumer({ state })
  }
  record('the whole consumer, state in SQLite, each event durable', { unit: 'commits' }, [
    { name: 'avocet', perSecond: await cpuRate(made.frames.length, inSqlite) },
  ])
}
rmSync(temporary, { recursive: true })

// By the clock, for what threads gain is time, not work.
for (const size of [0, 1, 2]) {
  const pool =
    size === 0
      ? null
      : createWorkerPool({
          size,
          verifier: { module: import.meta.resolve('@avocet/crypto-native'), name: 'nativeVerifier' },
        })
  const run = (): Promise<void> =>
    runConsumer<void>({ state: createMemoryState(), ...(pool === null ? {} : { prover: pool }) })
  await run()
  let best = Infinity
  let main = Infinity
  for (let go = 0; go < 4; go++) {
    const start = performance.now()
    const cpu = process.threadCpuUsage()
    await run()
    best = Math.min(best, performance.now() - start)
    const used = process.threadCpuUsage(cpu)
    main = Math.min(main, (used.user + used.system) / 1000)
  }
  const work =
    size === 0
      ? 'the whole consumer on one thread, by the clock'
      : `with ${size} worker threads, by the clock`
  record(work, { unit: 'commits' }, [{ name: 'avocet', perSecond: (made.frames.length * 1000) / best }])
  if (size > 0) {
    record(`what the main thread could feed to ${size} worker threads`, { unit: 'commits' }, [
      { name: 'avocet', perSecond: (made.frames.length * 1000) / main },
    ])
  }
  await pool?.close()
}

await slowAccount()
save('firehose')

/** Commits of some accounts in turn. */
async function makeStream(
  accounts: number,
  each: number,
): Promise<{ frames: Uint8Array[]; identities: Map<Did, ResolvedIdentity> }> {
  const world = createWorld('bench')
  const frames: Uint8Array[] = []
  const identities = new Map<Did, ResolvedIdentity>()
  const writers = Array.from({ length: accounts }, () => world.createAccount())
  for (const account of writers) {
    const { did, published } = account
    identities.set(did, { key: published.publicKey, pds: null, handle: null })
    await world.fill(
      account,
      Array.from({ length: 2000 }, (_, i) => [`app.bsky.feed.post/r${i}`, { n: i }] as const),
    )
  }
  for (let round = 0; round < each; round++) {
    for (const account of writers) {
      const commit = await world.commit(account, [create(`k${round}`)])
      frames.push(frameOf('#commit', world.event(commit), frames.length + 1))
    }
  }
  return { frames, identities: identities }
}

/** Where the time goes, by what the functions belong to. */
async function profile(): Promise<void> {
  const session = new Session()
  session.connect()
  const post = <T>(method: string, params: object = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      session.post(method, params, (error, result) => (error ? reject(error) : resolve(result as T)))
    })
  await post('Profiler.enable')
  await post('Profiler.setSamplingInterval', { interval: 200 })
  for (let i = 0; i < 10; i++) verifyAll(native)
  await post('Profiler.start')
  for (let i = 0; i < 150; i++) verifyAll(native)
  type Node = { id: number; callFrame: { functionName: string; url: string } }
  const { profile: taken } = await post<{
    profile: { nodes: Node[]; samples: number[]; timeDeltas: number[] }
  }>('Profiler.stop')
  session.disconnect()
  const kinds = new Map(taken.nodes.map((node) => [node.id, kindOf(node.callFrame)]))
  const sums = new Map<string, number>()
  let total = 0
  for (const [i, id] of taken.samples.entries()) {
    const micros = taken.timeDeltas[i]!
    const kind = kinds.get(id)!
    sums.set(kind, (sums.get(kind) ?? 0) + micros)
    total += micros
  }
  console.log('where the time goes (a real commit, native signatures):')
  for (const [kind, micros] of [...sums].toSorted((a, b) => b[1] - a[1])) {
    const share = ((100 * micros) / total).toFixed(1).padStart(5)
    console.log(`  ${share} %  ${(micros / 150 / commits.length).toFixed(1).padStart(5)} µs  ${kind}`)
  }
}

function kindOf({ functionName, url }: { functionName: string; url: string }): string {
  if (functionName === '(garbage collector)') return 'garbage collection'
  // Native code that libraries bring along shows without a file: here that is libsecp256k1.
  if (url === '' || /crypto-native|secp256k1/.test(url)) return 'signature (and other native code)'
  if (/sha256|crypto\/hash/.test(url)) return 'hash of blocks'
  if (/mst\/src\/layer/.test(url)) return 'hash of keys (layers)'
  if (/packages\/mst\//.test(url)) return 'tree'
  if (/packages\/(cbor|car|data|xrpc)\//.test(url)) return 'decode (frame, CAR, records)'
  if (/packages\/(firehose|repo|syntax|crypto)\//.test(url)) return 'checks'
  return 'other'
}

/** One account whose identity takes two seconds, among others: how long the others take. */
async function slowAccount(): Promise<void> {
  const [victim] = made.identities.keys()
  const time = async (delay: number): Promise<number> => {
    const due = made.frames.length - made.frames.length / 100
    let others = 0
    let last = 0
    const start = performance.now()
    await runConsumer<void>({
      state: createMemoryState(),
      resolveKey: async (did) => {
        if (did === victim && delay > 0) await new Promise((resolve) => setTimeout(resolve, delay))
        return made.identities.get(did)!
      },
      onEvent(event) {
        if ('did' in event && event.did !== victim && ++others === due) last = performance.now() - start
      },
    }).catch(() => {})
    return last
  }
  await time(0)
  const undisturbed = await time(0)
  const disturbed = await time(2000)
  console.log(
    `commits of 99 accounts: ${undisturbed.toFixed(0)} ms; while the 100th is stuck for 2 s: ${disturbed.toFixed(0)} ms`,
  )
}

/** Memory over a million real commits. The state forgets, so that frames can be repeated. */
async function million(): Promise<void> {
  const samples: string[] = []
  let seen = 0
  const state = { ...createMemoryState(), load: () => null, loadDue: () => [] }
  async function* repeated(): AsyncGenerator<Uint8Array> {
    for (let round = 0; round * commits.length < 1_000_000; round++) {
      for (const { frame } of commits) yield frame
    }
  }
  const consumer = consume<void>({
    sources: [{ ...from([]), frames: repeated }],
    resolveKey: async (did) => ({ key: keys.get(did) ?? null, pds: null, handle: null }),
    state,
    verify: native,
    cacheSize: 300,
    now: () => now,
    onIgnored: count,
    onEvent: count,
  })
  function count(): void {
    if (++seen % 100_000 !== 0) return
    globalThis.gc?.()
    const { rss, heapUsed } = process.memoryUsage()
    samples.push(`${human(seen)}: heap ${(heapUsed / 1e6).toFixed(0)} MB, rss ${(rss / 1e6).toFixed(0)} MB`)
  }
  await consumer.done
  console.log(samples.join('\n'))
}
