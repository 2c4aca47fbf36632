// On one machine a host has three names; nowhere else has it.

import type { ResolveKey } from '@avocet/firehose'
import { expect, test } from 'vitest'
import { sameLoopback } from '../src/sync/loopback.ts'

async function pdsOf(documented: string | null, ...hosts: string[]): Promise<string | null | undefined> {
  const resolveKey: ResolveKey = async () => ({ key: null, pds: documented, handle: null })
  return (await sameLoopback(resolveKey, hosts)('did:web:a.example', { forceRefresh: false }))?.pds
}

test.each([
  ['http://localhost:2583', 'http://127.0.0.1:2583', 'http://127.0.0.1:2583'],
  ['http://[::1]:2583', 'http://localhost:2583', 'http://localhost:2583'],
  ['http://localhost:2584', 'http://127.0.0.1:2583', 'http://localhost:2584'],
  ['https://pds.example:2583', 'http://127.0.0.1:2583', 'https://pds.example:2583'],
  ['http://localhost:2583', 'https://pds.example:2583', 'http://localhost:2583'],
  ['nonsense', 'http://127.0.0.1:2583', 'nonsense'],
  [null, 'http://127.0.0.1:2583', null],
])('a document says %s, a source is %s: %s', async (documented, host, pds) => {
  expect(await pdsOf(documented, host)).toBe(pds)
})

test('nobody stays nobody', async () => {
  expect(await sameLoopback(async () => null, [])('did:web:a.example', { forceRefresh: false })).toBe(null)
})
