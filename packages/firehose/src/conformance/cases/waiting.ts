// What one account or its host can make all others wait for: after each, somebody else's commit must come through in time.

import type { Did } from '@avocet/syntax'
import type { Case, Script } from '../script.ts'
import { type Account, create, post, type World } from '../world.ts'

function waiting(
  name: string,
  about: string,
  disturb: (script: Script, world: World, mallory: Account) => Promise<void>,
): Case {
  return {
    name,
    group: 'waiting',
    about,
    async build(script, world) {
      const [mallory, ada] = [world.createAccount(), world.createAccount()]
      script.accept('#commit', world.event(await world.commit(ada, [create('a')])))
      await disturb(script, world, mallory)
      script.accept('#commit', world.event(await world.commit(ada, [create('b')])), 'somebody else')
      script.accept('#commit', world.event(await world.commit(ada, [create('c')])), 'and again')
    },
  }
}

/** Nobody waits for somebody else. */
export const WAITING_CASES: readonly Case[] = [
  waiting(
    'identity-hangs',
    'A commit of an account whose DID document does not come.',
    async (script, world, mallory) => {
      world.hanging.add(mallory.did)
      script.flood('#commit', [world.event(await world.commit(mallory, [create('a')]))])
    },
  ),
  waiting(
    'identity-hangs-then-malformed',
    'The same, and behind it a frame of that account that cannot be read.',
    async (script, world, mallory) => {
      world.hanging.add(mallory.did)
      const first = world.event(await world.commit(mallory, [create('a')]))
      const second = world.event(await world.commit(mallory, [create('b')]))
      script.flood('#commit', [first, { ...second, since: 'bad' }])
    },
  ),
  waiting(
    'identity-hangs-many-bytes',
    'Forty commits of half a megabyte, each of another account whose DID document does not come.',
    async (script, world) => {
      for (let i = 0; i < 40; i++) {
        const account = world.createAccount()
        world.hanging.add(account.did)
        const commit = await world.commit(account, [create('a', post('x', 500_000))])
        script.flood('#commit', [world.event(commit)])
      }
    },
  ),
  waiting('identity-flood', 'Five thousand #identity of one account.', async (script, world, mallory) => {
    script.flood(
      '#identity',
      Array.from({ length: 5000 }, () => ({ did: mallory.did, time: world.time() })),
    )
  }),
  waiting(
    'identities-made-up',
    'Two thousand #identity of accounts that do not exist.',
    async (script, world) => {
      const did = (i: number): Did => `did:plc:${'a'.repeat(20)}${(i + 10_000).toString(36).padStart(4, 'a')}`
      script.flood(
        '#identity',
        Array.from({ length: 2000 }, (_, i) => ({ did: did(i), time: world.time() })),
      )
    },
  ),
  waiting(
    'unsigned-flood',
    'A thousand frames that say a commit was too large to send. Nobody signed them.',
    async (script, world, mallory) => {
      script.accept('#commit', world.event(await world.commit(mallory, [create('a')])))
      const commit = world.event(await world.commit(mallory, [create('b')], { keep: false }))
      script.flood(
        '#commit',
        Array.from({ length: 1000 }, () => ({ ...commit, tooBig: true })),
      )
    },
  ),
]
