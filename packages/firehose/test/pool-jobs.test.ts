// How a pool of workers spreads what it is given, and what it says when it ends.

import { expect, test } from 'vitest'
import { create, createWorld, frameOf } from '../src/conformance/world.ts'
import { parseEvent, type ParsedCommit, type ParsedSync } from '../src/parse.ts'
import { DEFAULT_POLICY } from '../src/policy.ts'
import { createWorkerPool, type WorkerPool } from '../src/pool.ts'

const world = createWorld('pool jobs')
const account = world.createAccount()
const key = account.published.publicKey

async function commits(count: number, by = account): Promise<{ event: ParsedCommit; frame: Uint8Array }[]> {
  const made: { event: ParsedCommit; frame: Uint8Array }[] = []
  for (let i = 0; i < count; i++) {
    const body = world.event(await world.commit(by, [create(crypto.randomUUID())]))
    const frame = frameOf('#commit', body, i + 1)
    const parsed = parseEvent(frame, DEFAULT_POLICY)
    if (!parsed.ok) throw new Error(parsed.error.message)
    made.push({ event: parsed.value as ParsedCommit, frame })
  }
  return made
}
const prove = (
  pool: WorkerPool,
  { event, frame }: { event: ParsedCommit; frame: Uint8Array },
  policy = DEFAULT_POLICY,
) => pool.prove(event, key, policy, frame)

test.each([0, -1, 1.5, Number.NaN, Infinity])('%s threads are no pool', (size) => {
  expect(() => createWorkerPool({ size })).toThrow(
    expect.objectContaining({ code: 'invalid-option', message: `size is a positive integer; size=${size}` }),
  )
})

test.each([
  ['one message each', 1],
  ['as many as fit', undefined],
])('what waits is counted, and each is answered with its own: %s', async (_what, maxBatchBytes) => {
  await using pool = createWorkerPool({
    size: 2,
    ...(maxBatchBytes === undefined ? {} : { maxBatchBytes }),
  })
  expect(pool.stats()).toEqual({ size: 2, waiting: 0, replaced: 0 })
  const asked = await commits(9)
  const answers = asked.map((one) => prove(pool, one))
  expect(pool.stats()).toEqual({ size: 2, waiting: 9, replaced: 0 })
  for (const [i, answer] of (await Promise.all(answers)).entries()) {
    const { ops } = asked[i]!.event
    expect(answer).toMatchObject({ ok: true, value: { legacy: false, ops: [{ path: ops[0]!.path }] } })
  }
  expect(pool.stats()).toEqual({ size: 2, waiting: 0, replaced: 0 })
})

test('a policy holds for what came with it, and for nothing else of the same moment', async () => {
  await using pool = createWorkerPool({ size: 1 })
  const strict = { ...DEFAULT_POLICY, maxRecordItems: 1 }
  const [a, b, c] = await commits(3)
  const answers = await Promise.all([prove(pool, a!), prove(pool, b!, strict), prove(pool, c!)])
  expect(answers.map((answer) => answer.ok && answer.value.ops[0]!.unread)).toEqual([
    undefined,
    'too-costly',
    undefined,
  ])
  expect(answers.map((answer) => answer.ok && answer.value.ops[0]!.record === null)).toEqual([
    false,
    true,
    false,
  ])
})

test('without a key, or with another one, nothing is proved', async () => {
  await using pool = createWorkerPool({ size: 1 })
  const [a] = await commits(1)
  const stranger = world.createAccount().published.publicKey
  expect(await pool.prove(a!.event, stranger, DEFAULT_POLICY, a!.frame)).toMatchObject({
    ok: false,
    error: { reason: 'signature-invalid' },
  })
  expect(await prove(pool, a!)).toMatchObject({ ok: true })
})

test('a question of the other kind is not answered with this one’s answer', async () => {
  await using pool = createWorkerPool({ size: 1 })
  const [a] = await commits(1)
  const sync = { ...a!.event, kind: 'sync' } as unknown as ParsedSync
  await expect(pool.proveSync(sync, key, DEFAULT_POLICY, a!.frame)).rejects.toMatchObject({
    code: 'worker-failed',
    message: 'worker answered another question',
  })
})

test('what waits when it is closed is refused, and all after that', async () => {
  const pool = createWorkerPool({ size: 1 })
  const [a, b] = await commits(2)
  const waiting = [prove(pool, a!), prove(pool, b!)]
  const closing = pool.close()
  const refused = { code: 'worker-failed', message: 'worker pool is closed' }
  for (const one of await Promise.allSettled(waiting)) expect(one).toMatchObject({ reason: refused })
  await closing
  await expect(prove(pool, a!)).rejects.toMatchObject(refused)
  expect(pool.stats()).toEqual({ size: 1, waiting: 0, replaced: 0 })
})

test('what comes next goes to the thread that has least to do', { timeout: 30_000 }, async () => {
  const verifier = { module: new URL('./hostile-verifier.ts', import.meta.url).href, name: 'hanging' }
  await using pool = createWorkerPool({ size: 2, verifier, maxMs: 3000 })
  const mallory = world.createAccount({ curve: 'p256' })
  const [hanging] = await commits(1, mallory)
  const [honest] = await commits(1)
  const order: string[] = []
  const { publicKey } = mallory.published
  const noting = async (name: string, proving: ReturnType<WorkerPool['prove']>): Promise<void> => {
    await proving
    order.push(name)
  }
  await Promise.all([
    noting('hanging', pool.prove(hanging!.event, publicKey, DEFAULT_POLICY, hanging!.frame)),
    noting('honest', prove(pool, honest!)),
  ])
  expect(order).toEqual(['honest', 'hanging'])
  expect(pool.stats()).toEqual({ size: 2, waiting: 0, replaced: 1 })
})
