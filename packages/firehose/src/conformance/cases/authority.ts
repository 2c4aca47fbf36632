// Steps 2 and 3: who may say it, and when.

import { tidFromMicros, tidToMicros } from '@avocet/syntax'
import { forge } from '../forge.ts'
import type { Case } from '../script.ts'
import { create } from '../world.ts'
import { attempt, goesOn, settled } from './accounts.ts'

/** Who may say it, and when. */
export const AUTHORITY_CASES: readonly Case[] = [
  {
    name: 'foreign-pds',
    group: 'authority',
    about: 'A PDS sends a commit of an account that lives on another one. (The consumer reads from a PDS.)',
    source: 'pds',
    async build(script, world) {
      const account = await settled(script, world)
      const foreign = world.createAccount({ pds: 'https://elsewhere.example.com' })
      script.reject('wrong-host', '#commit', world.event(await world.commit(foreign, [create('a')])))
      await goesOn(script, world, account)
    },
  },
  {
    name: 'migrated-account',
    group: 'authority',
    about:
      'An account moves to this PDS: its DID document says so from some moment on. (The consumer reads from a PDS.)',
    source: 'pds',
    async build(script, world) {
      const account = world.createAccount({ pds: 'https://elsewhere.example.com' })
      const { did, handle } = account
      script.reject('wrong-host', '#commit', world.event(await world.commit(account, [create('a')])))
      script.change(() => {
        account.pds = world.pds
      })
      script.accept('#identity', { did, handle, time: world.time() })
      script.accept('#commit', world.event(await world.commit(account, [create('b')])))
    },
  },
  {
    name: 'deactivated-account',
    group: 'authority',
    about: 'A commit of an account that was deactivated.',
    async build(script, world) {
      const account = await settled(script, world)
      const { did } = account
      script.accept('#account', { did, active: false, status: 'deactivated', time: world.time() })
      script.reject('account-inactive', '#commit', world.event(await world.commit(account, [create('g')])))
    },
  },
  {
    name: 'deleted-account',
    group: 'authority',
    about: 'A commit of an account that was deleted.',
    async build(script, world) {
      const account = await settled(script, world)
      const { did } = account
      script.accept('#account', { did, active: false, status: 'deleted', time: world.time() })
      script.reject('account-inactive', '#commit', world.event(await world.commit(account, [create('g')])))
    },
  },
  {
    name: 'replayed-commit',
    group: 'order',
    about: 'An old commit is sent again under a new seq.',
    async build(script, world) {
      const account = await settled(script, world)
      const old = world.event(await world.commit(account, [create('g')]))
      script.accept('#commit', old)
      script.accept('#commit', world.event(await world.commit(account, [create('h')])))
      script.reject('duplicate', '#commit', old, 'replay')
      await goesOn(script, world, account)
    },
  },
  {
    name: 'rev-going-back',
    group: 'order',
    about: 'A new commit signed with a rev below the last one.',
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await attempt(world, account, create('g'))
      const rev = tidFromMicros(tidToMicros(account.head!.rev) - 1_000_000, 1)
      const body = await forge(world, account, commit, { commit: { rev }, envelope: { rev } })
      script.reject('duplicate', '#commit', body)
      await goesOn(script, world, account)
    },
  },
  {
    name: 'rev-equal',
    group: 'order',
    about: 'Another commit signed with the same rev as the last one.',
    async build(script, world) {
      const account = await settled(script, world)
      const { rev } = account.head!
      const commit = await attempt(world, account, create('g'))
      const body = await forge(world, account, commit, { commit: { rev }, envelope: { rev } })
      script.reject('duplicate', '#commit', body)
      await goesOn(script, world, account)
    },
  },
  {
    name: 'rev-in-the-future',
    group: 'order',
    about: 'A rev an hour ahead of the clock: accepted, it would block the account for an hour.',
    async build(script, world) {
      const account = await settled(script, world)
      const rev = tidFromMicros(tidToMicros(world.nextRev(account.head!.rev)) + 3_600_000_000, 5)
      const commit = await world.commit(account, [create('g')], { rev, keep: false })
      script.reject('rev-future', '#commit', world.event(commit))
      await goesOn(script, world, account)
    },
  },
]
