// Accounts made ready for a case.

import type { CommitData } from '@avocet/repo'
import type { Script } from '../script.ts'
import { type Account, create, type World } from '../world.ts'

/** An account whose first commit (records a … f) was accepted. */
export async function settled(script: Script, world: World): Promise<Account> {
  const account = world.createAccount()
  const writes = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => create(key))
  script.accept('#commit', world.event(await world.commit(account, writes)))
  return account
}

/** A commit that is made but not applied: what is sent of it must be refused, and the repo goes on without it. */
export function attempt(
  world: World,
  account: Account,
  ...writes: Parameters<World['commit']>[1][number][]
): Promise<CommitData> {
  return world.commit(account, writes, { keep: false })
}

/** The stream goes on: an ordinary commit after what was refused. */
export async function goesOn(script: Script, world: World, account: Account): Promise<void> {
  script.accept('#commit', world.event(await world.commit(account, [create('after')])), 'goes on')
}
