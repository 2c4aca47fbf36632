// Step 9: commits that prove themselves and do not follow what was there; and #sync events that are not what they say.

import type { DataObject } from '@avocet/data'
import { tidFromMicros, tidToMicros } from '@avocet/syntax'
import type { FailureReason } from '../../reasons.ts'
import { block } from '../forge.ts'
import type { Case } from '../script.ts'
import { type Account, carOf, create, type World } from '../world.ts'
import { attempt, goesOn, settled } from './accounts.ts'

/** One `#sync`, refused for one reason. */
function syncCase(
  name: string,
  reason: FailureReason,
  about: string,
  make: (world: World, account: Account) => DataObject | Promise<DataObject>,
): Case {
  return {
    name,
    group: 'sync',
    about,
    async build(script, world) {
      const account = await settled(script, world)
      script.reject(reason, '#sync', await make(world, account))
      await goesOn(script, world, account)
    },
  }
}

/** A `#sync` with a commit of this content. */
async function signedSync(
  world: World,
  account: Account,
  fields: DataObject,
  envelope: DataObject,
  signer = account.keypair,
): Promise<DataObject> {
  const { did, data, rev } = account.head!
  const signed = await world.sign({ did, version: 3, data, rev, prev: null, ...fields }, signer)
  return {
    did,
    rev,
    time: world.time(),
    blocks: carOf(signed.cid, [[signed.cid, signed.bytes]]),
    ...envelope,
  }
}

/** Commits that do not follow what was there. */
export const CHAIN_CASES: readonly Case[] = [
  {
    name: 'since-forged',
    group: 'chain',
    about: 'The envelope’s `since` is not the rev before.',
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await attempt(world, account, create('g'))
      const since = tidFromMicros(tidToMicros(account.head!.rev) - 1_000_000, 1)
      script.reject('chain-since', '#commit', { ...world.event(commit), since })
    },
  },
  {
    name: 'since-withheld',
    group: 'chain',
    about: '`since` and `prevData` are left out of a later commit, as if it were the first.',
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await attempt(world, account, create('g'))
      const { prevData: _, ...body } = world.event(commit)
      script.reject('inversion-mismatch', '#commit', { ...body, since: null })
      await goesOn(script, world, account)
    },
  },
  {
    name: 'commit-withheld',
    group: 'chain',
    about: 'A commit is missing from the stream: the next one does not follow what is known.',
    async build(script, world) {
      const account = await settled(script, world)
      await world.commit(account, [create('g')])
      script.reject('chain-since', '#commit', world.event(await world.commit(account, [create('h')])))
    },
  },
  {
    name: 'fork',
    group: 'chain',
    about: 'Two commits follow the same one, both signed; the second has the newer rev.',
    async build(script, world) {
      const account = await settled(script, world)
      const fork = await attempt(world, account, create('g'))
      script.accept('#commit', world.event(await world.commit(account, [create('h')])))
      const rev = world.nextRev(account.head!.rev)
      const signed = await world.sign(
        { did: account.did, version: 3, data: fork.data, rev, prev: null },
        account.keypair,
      )
      const blocks = [...fork.newBlocks, ...fork.proofBlocks].filter(([cid]) => !cid.equals(fork.commit))
      script.reject('chain-since', '#commit', {
        ...world.event(fork),
        rev,
        commit: signed.cid,
        blocks: carOf(signed.cid, [[signed.cid, signed.bytes], ...blocks]),
      })
    },
  },
  {
    name: 'tree-of-another-history',
    group: 'chain',
    about: '`since` fits, but the tree before it is not the one that is known.',
    async build(script, world) {
      const account = await settled(script, world)
      const { rev } = account.head!
      await world.commit(account, [create('unseen')])
      const commit = await world.commit(account, [create('g')])
      script.reject('chain-data', '#commit', { ...world.event(commit), since: rev })
    },
  },
  {
    name: 'account-started-over',
    group: 'chain',
    about: 'A first commit of a repo that has commits already.',
    async build(script, world) {
      const account = await settled(script, world)
      account.head = null
      account.records.clear()
      const again = await world.commit(account, [create('anew')], { keep: false })
      script.reject('chain-since', '#commit', world.event(again))
    },
  },
]

/** `#sync` events that are not what they say. */
export const SYNC_CASES: readonly Case[] = [
  syncCase(
    'sync-did-forged',
    'commit-did-mismatch',
    'The commit of one account, shown as another one’s.',
    async (world, account) => {
      const other = world.createAccount()
      await world.commit(other, [create('x')])
      return { ...world.syncEvent(other), did: account.did }
    },
  ),
  syncCase(
    'sync-rev-forged',
    'commit-rev-mismatch',
    'The envelope says a newer rev than is signed.',
    (world, account) => ({
      ...world.syncEvent(account),
      rev: world.nextRev(account.head!.rev),
    }),
  ),
  syncCase(
    'sync-foreign-key',
    'signature-invalid',
    'A new head, signed with another key.',
    (world, account) => {
      const rev = world.nextRev(account.head!.rev)
      return signedSync(world, account, { rev }, { rev }, world.createAccount().keypair)
    },
  ),
  syncCase('sync-too-big', 'blocks-too-big', 'A CAR above 10 000 bytes.', async (world, account) => {
    const { commit } = account.head!
    const filler = block({ bytes: new Uint8Array(10_000) })
    const blocks = carOf(commit, [
      [commit, account.commitBytes!],
      [filler.cid, filler.bytes],
    ])
    return { ...world.syncEvent(account), blocks }
  }),
  syncCase('sync-without-commit', 'commit-missing', 'A CAR without its root.', (world, account) => ({
    ...world.syncEvent(account),
    blocks: carOf(account.head!.commit, []),
  })),
  syncCase('sync-in-the-future', 'rev-future', 'A rev an hour ahead of the clock.', (world, account) => {
    const rev = tidFromMicros(tidToMicros(world.nextRev(account.head!.rev)) + 3_600_000_000, 5)
    return signedSync(world, account, { rev }, { rev })
  }),
  {
    name: 'sync-replayed',
    group: 'sync',
    about: 'An old #sync is sent again: it would take the repo back.',
    async build(script, world) {
      const account = await settled(script, world)
      const old = world.syncEvent(account)
      script.accept('#commit', world.event(await world.commit(account, [create('g')])))
      script.reject('duplicate', '#sync', old)
      await goesOn(script, world, account)
    },
  },
]
