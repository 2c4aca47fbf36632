import { createKeypair } from '@avocet/crypto'
import { expect, test } from 'vitest'
import { createLabelVerifier } from '../src/index.ts'
import { at, keypair, keys, LABELER, OTHER, signed } from './support.ts'

const next = createKeypair('p256')

test('a key is looked up once, and again when it is old', async () => {
  let now = 0
  const { resolveKey, asked } = keys({ [LABELER]: keypair.publicKey })
  const verifier = createLabelVerifier({ resolveKey, now: () => now })
  const made = await signed()
  const all = await Promise.all(Array.from({ length: 20 }, () => verifier.verify(made)))
  expect(all.every(({ ok }) => ok)).toBe(true)
  expect(asked).toEqual([LABELER])
  now = 59_999
  await verifier.verify(made)
  expect(asked).toHaveLength(1)
  now = 60_000
  await verifier.verify(made)
  expect(asked).toEqual([LABELER, LABELER])
})

test('a key that was replaced is found when a signature fails, once', async () => {
  let now = 0
  let key = keypair.publicKey
  const { resolveKey, asked } = keys({ [LABELER]: () => key })
  const verifier = createLabelVerifier({ resolveKey, now: () => now })
  const old = await signed()
  expect((await verifier.verify(old)).ok).toBe(true)
  key = next.publicKey
  const made = await signed({ cts: at(1) }, next)
  expect(await verifier.verify(made)).toEqual({ ok: true, value: made })
  expect(asked).toEqual([LABELER, `${LABELER} again`])
  // What the old key signed fails now, and a row of such costs nothing more.
  for (let i = 0; i < 50; i++) {
    expect(await verifier.verify(old)).toMatchObject({ ok: false, error: { code: 'bad-signature' } })
  }
  expect(asked).toHaveLength(2)
  now = 9_999
  await verifier.verify(old)
  expect(asked).toHaveLength(2)
  now = 10_000
  await verifier.verify(old)
  expect(asked).toHaveLength(3)
})

test('labels that fail together cost one lookup', async () => {
  const { resolveKey, asked } = keys({ [LABELER]: keypair.publicKey })
  const verifier = createLabelVerifier({ resolveKey })
  const forged = await signed({}, next)
  const all = await Promise.all(Array.from({ length: 30 }, () => verifier.verify(forged)))
  expect(all.every((one) => !one.ok && one.error.code === 'bad-signature')).toBe(true)
  expect(asked).toEqual([LABELER, `${LABELER} again`])
})

test('labels of a new key that come while it is looked up wait for it', async () => {
  const gate = Promise.withResolvers<void>()
  const resolveKey = async (_: string, { forceRefresh }: { forceRefresh: boolean }) => {
    if (!forceRefresh) return keypair.publicKey
    await gate.promise
    return next.publicKey
  }
  const verifier = createLabelVerifier({ resolveKey })
  expect((await verifier.verify(await signed())).ok).toBe(true)
  const made = await signed({ cts: at(1) }, next)
  const first = verifier.verify(made)
  await new Promise((resolve) => setTimeout(resolve, 5))
  const second = verifier.verify(made)
  await new Promise((resolve) => setTimeout(resolve, 5))
  gate.resolve()
  expect([(await first).ok, (await second).ok]).toEqual([true, true])
})

test('a source without a key is asked for once more; then its labels are refused', async () => {
  let key: typeof keypair.publicKey | null = null
  const { resolveKey, asked } = keys({ [LABELER]: () => key })
  let now = 0
  const verifier = createLabelVerifier({ resolveKey, now: () => now })
  const made = await signed()
  expect(await verifier.verify(made)).toMatchObject({ ok: false, error: { code: 'no-key' } })
  expect(asked).toEqual([LABELER, `${LABELER} again`])
  key = keypair.publicKey
  now = 10_000
  expect((await verifier.verify(made)).ok).toBe(true)
})

test('what is wrong by itself costs no lookup', async () => {
  const { resolveKey, asked } = keys({ [LABELER]: keypair.publicKey })
  const verifier = createLabelVerifier({ resolveKey })
  const made = await signed()
  const { sig: _, ...unsigned } = made
  const refused = [{ ...made, val: 1 }, unsigned, { ...made, ver: 2 }, { ...made, src: 'nobody' }, null]
  const codes = await Promise.all(
    refused.map(async (one) => {
      const result = await verifier.verify(one)
      return result.ok ? 'ok' : result.error.code
    }),
  )
  expect(codes).toEqual(['malformed', 'unsigned', 'unsupported-version', 'malformed', 'malformed'])
  expect(asked).toEqual([])
})

test('a lookup that fails is told, and the next label looks anew', async () => {
  let fails = true
  const verifier = createLabelVerifier({
    resolveKey: async () => {
      if (fails) throw new Error('directory is away')
      return keypair.publicKey
    },
  })
  const made = await signed()
  await expect(verifier.verify(made)).rejects.toThrow('directory is away')
  fails = false
  expect((await verifier.verify(made)).ok).toBe(true)
})

test('holds so many keys; the one unused for longest goes', async () => {
  const { resolveKey, asked } = keys({
    [LABELER]: keypair.publicKey,
    [OTHER]: keypair.publicKey,
    'did:web:third.example.com': keypair.publicKey,
  })
  const verifier = createLabelVerifier({ resolveKey, maxSources: 2 })
  const [first, second, third] = await Promise.all(
    [LABELER, OTHER, 'did:web:third.example.com'].map((src) => signed({ src: src as never })),
  )
  await verifier.verify(first)
  await verifier.verify(second)
  await verifier.verify(first)
  await verifier.verify(third)
  await verifier.verify(first)
  expect(asked).toHaveLength(3)
  await verifier.verify(second)
  expect(asked).toHaveLength(4)
})
