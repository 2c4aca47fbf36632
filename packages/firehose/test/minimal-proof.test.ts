// A #commit with only the blocks that its checks read: the commit, the records, the nodes that undoing its operations goes through.

import { type CID, CidMap, formatCid } from '@avocet/data'
import { inversionNodes } from '@avocet/mst'
import type { CommitData } from '@avocet/repo'
import { describe, expect, it } from 'vitest'
import { forge, treeWith } from '../src/conformance/forge.ts'
import {
  type Account,
  blocksOf,
  create,
  createWorld,
  frameOf,
  post,
  remove,
  update,
  type World,
} from '../src/conformance/world.ts'
import { newRepo, type RepoState, type Verdict, verifyEvent } from '../src/index.ts'

const PATH = 'app.bsky.feed.post/'

/** A tree of several layers, and a commit that creates, changes and deletes, not applied. */
async function prepare(): Promise<{ world: World; account: Account; repo: RepoState; commit: CommitData }> {
  const world = createWorld('minimal proof')
  const account = world.createAccount()
  const keys = Array.from({ length: 300 }, (_, i) => `k${String(i).padStart(3, '0')}`)
  await world.fill(
    account,
    keys.map((key) => [PATH + key, post(key)] as const),
  )
  const { rev, data } = account.head!
  const repo = { ...newRepo(account.did), rev, data, status: 'synchronized' } as const
  const writes = [create('k0005'), update('k100', post('new')), remove('k200'), remove('k201')]
  return { world, account, repo, commit: await world.commit(account, writes, { keep: false }) }
}

/** What has to be there, and by what it goes when it is not. */
function neededBy(account: Account, { ops, commit, data, newBlocks }: CommitData): CidMap<'block' | 'node'> {
  const after = treeWith(
    account,
    ops.map(({ path, cid }) => [path, cid] as const),
  )
  const treeOps = ops.map(({ path, cid, prev }) => ({ key: path, value: cid, prev: prev ?? null }))
  const needed = new CidMap<'block' | 'node'>([[commit, 'block']])
  for (const { cid } of ops) if (cid !== null) needed.set(cid, 'block')
  expect([...needed.keys()].every((cid) => newBlocks.has(cid) || cid.equals(commit))).toBe(true)
  for (const cid of inversionNodes(data, after.blocks, treeOps).keys()) needed.set(cid, 'node')
  return needed
}

async function judge(
  { world, account, repo, commit }: Awaited<ReturnType<typeof prepare>>,
  drop: readonly CID[],
): Promise<Verdict> {
  const frame = frameOf('#commit', await forge(world, account, commit, { drop }), 1)
  return verifyEvent({ frame, key: account.keypair.publicKey, repo, now: world.now() })
}

describe('the minimal proof', () => {
  it('is accepted, and nothing of it may be missing', async () => {
    const prepared = await prepare()
    const { account, commit } = prepared
    const needed = neededBy(account, commit)
    const more = [...blocksOf(commit).keys()].filter((cid) => !needed.has(cid))
    expect((await judge(prepared, more)).outcome).toBe('accepted')
    const reasons: Record<string, number> = {}
    for (const [cid, kind] of needed) {
      const verdict = await judge(prepared, [...more, cid])
      expect(verdict.outcome, `${kind} ${formatCid(cid)}`).not.toBe('accepted')
      const reason = `${kind}: ${verdict.outcome === 'accepted' ? '' : verdict.reason}`
      reasons[reason] = (reasons[reason] ?? 0) + 1
    }
    expect(reasons).toEqual({
      'block: commit-missing': 1,
      'block: record-missing': 2,
      'node: delete-not-proved': 4,
      'node: node-missing': 7,
    })
  })
})
