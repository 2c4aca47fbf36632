// What must be accepted: ordinary streams.

import type { Case } from '../script.ts'
import { create, post, remove, update } from '../world.ts'
import { settled } from './accounts.ts'

/** Ordinary streams. */
export const VALID_CASES: readonly Case[] = [
  {
    name: 'new-account',
    group: 'valid',
    about: 'The events of a new account: identity, account, empty first commit, sync; then it writes.',
    async build(script, world) {
      const account = world.createAccount()
      const { did, handle } = account
      script.accept('#identity', { did, handle, time: world.time() })
      script.accept('#account', { did, active: true, time: world.time() })
      script.accept('#commit', world.event(await world.commit(account, [])), 'empty first commit')
      script.accept('#sync', world.syncEvent(account))
      script.accept('#commit', world.event(await world.commit(account, [create('a')])))
    },
  },
  {
    name: 'create-update-delete',
    group: 'valid',
    about: 'A record is created, changed twice, deleted, and created again as it was.',
    async build(script, world) {
      const account = world.createAccount()
      script.accept('#commit', world.event(await world.commit(account, [create('a'), create('keep')])))
      script.accept('#commit', world.event(await world.commit(account, [update('a', post('two'))])))
      script.accept('#commit', world.event(await world.commit(account, [update('a', post('three'))])))
      script.accept('#commit', world.event(await world.commit(account, [remove('a')])))
      script.accept('#commit', world.event(await world.commit(account, [create('a')])))
    },
  },
  {
    name: 'mixed-commit',
    group: 'valid',
    about: 'One commit creates, changes and deletes; its operations are not in order of path.',
    async build(script, world) {
      const account = world.createAccount()
      const keys = Array.from({ length: 40 }, (_, i) => `k${String(i).padStart(2, '0')}`)
      const first = keys.map((key) => create(key))
      script.accept('#commit', world.event(await world.commit(account, first)))
      const writes = [
        create('z1'),
        remove('k07'),
        update('k31', post('x')),
        create('a1'),
        remove('k33'),
        update('k02', post('y')),
      ]
      script.accept('#commit', world.event(await world.commit(account, writes)))
    },
  },
  {
    name: 'everything-deleted',
    group: 'valid',
    about: 'The last record goes: the tree is empty, and then is not again.',
    async build(script, world) {
      const account = await settled(script, world)
      const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => remove(key))
      script.accept('#commit', world.event(await world.commit(account, all)))
      script.accept('#commit', world.event(await world.commit(account, [create('a')])))
    },
  },
  {
    name: 'same-record-twice',
    group: 'valid',
    about: 'One record block at several paths.',
    async build(script, world) {
      const account = world.createAccount()
      const record = post('same')
      const writes = [create('a', record), create('b', record)]
      script.accept('#commit', world.event(await world.commit(account, writes)))
      script.accept('#commit', world.event(await world.commit(account, [create('c', record), remove('a')])))
    },
  },
  {
    name: 'empty-commit',
    group: 'valid',
    about: 'A commit without operations: a new rev and signature for the same tree.',
    async build(script, world) {
      const account = await settled(script, world)
      script.accept('#commit', world.event(await world.commit(account, [])))
      script.accept('#commit', world.event(await world.commit(account, [create('g')])))
    },
  },
  {
    name: 'p256-key',
    group: 'valid',
    about: 'The account signs with a P-256 key.',
    async build(script, world) {
      const account = world.createAccount({ curve: 'p256' })
      script.accept('#commit', world.event(await world.commit(account, [create('a')])))
      script.accept('#commit', world.event(await world.commit(account, [create('b')])))
    },
  },
  {
    name: 'key-rotation',
    group: 'valid',
    about: 'The key changes mid-stream, announced by #identity.',
    async build(script, world) {
      const account = await settled(script, world)
      const { did, handle } = account
      script.change(world.rotateKey(account))
      script.accept('#identity', { did, handle, time: world.time() })
      script.accept('#commit', world.event(await world.commit(account, [create('g')])))
    },
  },
  {
    name: 'key-rotation-unannounced',
    group: 'valid',
    about: 'The key changes, to the other curve, without an event: the DID has to be resolved again.',
    async build(script, world) {
      const account = await settled(script, world)
      script.change(world.rotateKey(account, 'p256'))
      script.accept('#commit', world.event(await world.commit(account, [create('g')])))
    },
  },
  {
    name: 'interleaved-repos',
    group: 'valid',
    about: 'Ten accounts write in turn.',
    async build(script, world) {
      const accounts = Array.from({ length: 10 }, () => world.createAccount())
      for (let round = 0; round < 5; round++) {
        for (const account of accounts) {
          script.accept('#commit', world.event(await world.commit(account, [create(`r${round}`)])))
        }
      }
    },
  },
  {
    name: 'first-seen-later',
    group: 'valid',
    about: 'A repo is first seen in the middle of its history.',
    async build(script, world) {
      const account = world.createAccount()
      for (const key of ['a', 'b', 'c']) await world.commit(account, [create(key)])
      script.accept('#commit', world.event(await world.commit(account, [create('d')])))
      script.accept('#commit', world.event(await world.commit(account, [remove('a')])))
    },
  },
  {
    name: 'takedown-and-return',
    group: 'valid',
    about: 'An account is taken down, comes back, and goes on where it was.',
    async build(script, world) {
      const account = await settled(script, world)
      const { did } = account
      script.accept('#account', { did, active: false, status: 'takendown', time: world.time() })
      script.accept('#account', { did, active: true, time: world.time() })
      script.accept('#sync', world.syncEvent(account))
      script.accept('#commit', world.event(await world.commit(account, [create('g')])))
    },
  },
  {
    name: 'sync-unchanged',
    group: 'valid',
    about: 'A #sync of the head that is known.',
    async build(script, world) {
      const account = await settled(script, world)
      script.accept('#sync', world.syncEvent(account))
      script.accept('#commit', world.event(await world.commit(account, [create('g')])))
    },
  },
  {
    name: 'sync-after-import',
    group: 'valid',
    about:
      'An import replaced the repo: its #sync is authentic, and the stored copy is not the repo any more.',
    async build(script, world) {
      const account = await settled(script, world)
      await world.fill(
        account,
        Array.from(
          { length: 50 },
          (_, i) => [`app.bsky.feed.post/imported${i}`, post(`import ${i}`)] as const,
        ),
      )
      script.accept('#sync', world.syncEvent(account))
    },
  },
]
