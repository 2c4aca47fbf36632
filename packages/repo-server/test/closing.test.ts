// A host that is closed while it removes something: whoever closes the database next must find nobody at work on it.
import { setTimeout as sleep } from 'node:timers/promises'

import { createMemoryBlobs, type BlobStore } from '@avocet/blobs'
import { createKeypair } from '@avocet/crypto'
import type { Did } from '@avocet/syntax'
import { beforeEach, describe, expect, test } from 'vitest'

import {
  createMemoryRepoServerStore,
  createRemovals,
  createRepoHost,
  type RepoHost,
  type RepoServerStore,
} from '../src/index.ts'

const key = createKeypair()
const DIDS = Array.from({ length: 20 }, (_, n): Did => `did:web:n${n}.example.com`)
let store: RepoServerStore
let errors: unknown[]
beforeEach(() => {
  store = createMemoryRepoServerStore()
  errors = []
})

const open = (more: Partial<BlobStore>): RepoHost =>
  createRepoHost({
    store,
    files: { ...createMemoryBlobs(), ...more },
    accounts: {
      keyOf: () => key,
      describe: async () => ({ handle: 'a.example.com', didDoc: {}, handleIsCorrect: true }),
    },
    onError: (error) => errors.push(error),
  })

describe('a host that is closed', () => {
  /** Closes it, and opens the gate when it has had time to end by itself. */
  const close = async (host: RepoHost, gate: () => void): Promise<string[]> => {
    const steps: string[] = []
    const closed = host[Symbol.asyncDispose]().then(() => steps.push('closed'))
    await sleep(20)
    steps.push('opened')
    gate()
    await closed
    return steps
  }

  test('waits for what is being removed of a repository, and begins with no other', async () => {
    const gate = Promise.withResolvers<void>()
    const removed: Did[] = []
    const host = open({
      removeAll: async (did) => {
        await gate.promise
        removed.push(did)
      },
    })
    for (const did of DIDS) await host.createRepo(did)
    for (const did of DIDS) await host.remove(did)
    expect(await close(host, gate.resolve)).toEqual(['opened', 'closed'])
    const left = await store.upkeep.departed()
    expect([left.length > 0, removed.length + left.length, errors]).toEqual([true, 20, []])
    await host.parts.removals.run()
    expect(await store.upkeep.departed()).toEqual(left)
    // Whoever waits for the blobs of a former account must not take them for gone.
    await expect(host.parts.removals.blobsGone(left[0]!)).rejects.toMatchObject({ code: 'repo-busy' })
  })

  test('waits for blobs that are being removed, and leaves the others to the next start', async () => {
    const gate = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const removed: string[] = []
    const host = open({
      remove: async (_, cid) => {
        begun.resolve()
        await gate.promise
        removed.push(cid)
      },
    })
    const cids = Array.from({ length: 20 }, (_, n) => `bafkrei${n}`)
    const discarded = host.parts.uploads.discard(DIDS[0]!, cids)
    await begun.promise
    expect(await close(host, gate.resolve)).toEqual(['opened', 'closed'])
    await discarded
    expect([removed.length > 0, removed.length < 20, errors]).toEqual([true, true, []])
  })
})

test('removals that are asked for while some are under way are done once, afterwards', async () => {
  let sweeps = 0
  const upkeep = { ...store.upkeep, sweep: async () => void sweeps++ }
  const removals = createRemovals({ upkeep }, createMemoryBlobs())
  await Promise.all([removals.run(), removals.run(), removals.run()])
  // Each time there is a look at what went with its blobs.
  expect(sweeps).toBe(4)
  await removals.run()
  expect(sweeps).toBe(6)
})
