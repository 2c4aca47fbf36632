/** `avocet-pds adopt`: takes a whole reference PDS over into a new data directory. The source is only read. */
import type { Did } from '@avocet/syntax'

import { applyChanges } from '../accounts/changes.ts'
import { resolveConfig, type PdsOptions } from '../config/config.ts'
import { noteRotationKey } from '../config/rotation-key.ts'
import { keepSecrets } from '../config/secrets.ts'
import type { SqliteStores as Stores } from '../stores/sqlite/stores.ts'
import { CommandError, counted, type Print } from '../terminal.ts'
import { adoptAccount } from './adopt-account.ts'
import { announceAdopted } from './announce-adopted.ts'
import { compareAccount } from './check-adopted.ts'
import { lookAt, settingsNotes, sourceNotes, withSecrets, type SourceSettings } from './look.ts'
import { openActor } from './reference-actor.ts'
import {
  newestEvent,
  readAccounts,
  readAppPasswords,
  readInvites,
  readTokens,
  type ReferenceAccount,
  type ReferenceInvite,
} from './reference-accounts.ts'
import {
  findReference,
  fingerprint,
  openReference,
  type ReferenceDatabase,
  type ReferencePlaces,
} from './reference-files.ts'
import { adoptReservedKeys } from './reserved-keys.ts'
import { checkTarget, openTarget } from './target.ts'

/** What a take-over is told. */
export interface AdoptOptions {
  /** The settings of the server to be. */
  readonly options: PdsOptions
  /** The settings the reference ran with. */
  readonly env: SourceSettings
  /** Where its blobs are, when not where its settings say. */
  readonly blobs?: string | undefined
  /** DIDs of accounts to leave behind. */
  readonly skip: ReadonlySet<string>
  /** Without it the source is looked through, and nothing is written. */
  readonly write: boolean
}

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 2000

/**
 * Takes over accounts with passwords, sessions, app passwords and keys, repositories, blobs, preferences, takedowns and
 * invites, then holds every record and blob against the source. Cut short, it goes on where it was.
 * @throws CommandError
 */
export async function adopt(directory: string, how: AdoptOptions, print: Print): Promise<void> {
  const places = findReference(directory, how.env, how.blobs)
  const before = fingerprint(places)
  const { options, plcRotationKeyHex, inherited } = withSecrets(how.options, how.env)
  const config = resolveConfig(options)
  checkTarget(config, places)
  await using accounts = await openReference(places.accounts)
  const all = readAccounts(accounts)
  const list = all.filter(({ did }) => !how.skip.has(did))
  print(`${counted(list.length, 'account')} in ${directory}; blobs in ${places.blobs}`)
  for (const note of [...settingsNotes(config, how.env), ...sourceNotes(accounts)]) print(`NOTE ${note}`)
  if (!how.write) {
    const problems = await eachAccount(list, 'looked through', print, (account) => lookAt(places, account))
    print(
      `${problems === 0 ? 'all is there' : counted(problems, 'account') + ' with problems'}; nothing was written`,
    )
    print('next: stop the reference PDS, then run this again with --write')
    return
  }
  await using target = await openTarget(config)
  await keepSecrets(config.dataDirectory, inherited)
  await fill(places, list, accounts, target.stores, print)
  await noteRotationKey(config.dataDirectory, plcRotationKeyHex)
  await using sequencer = await openReference(places.sequencer)
  const newest = newestEvent(sequencer)
  if (fingerprint(places) !== before) {
    throw new CommandError(
      'the reference PDS is running, and wrote meanwhile: stop it, remove the new data directory, and begin again',
    )
  }
  const first = await target.finish((path) => announceAdopted(path, newest))
  print(`events go on from ${first}; the reference was at ${newest}`)
  print('next: start the server with the same hostname, then look at it with: avocet-pds doctor --deep')
}

/** Fills the stores, and compares. @throws CommandError when something is not as it was */
async function fill(
  places: ReferencePlaces,
  list: readonly ReferenceAccount[],
  accounts: ReferenceDatabase,
  stores: Stores,
  print: Print,
): Promise<void> {
  let [records, blobs] = [0, 0]
  const failed = await eachAccount(list, 'taken over', print, async (account) => {
    // From an earlier run that was cut short: all of an account is there, or nothing.
    if (stores.accounts.get(account.did) !== null) return { problems: [] }
    await using actor = await openActor(places, account.did)
    const tokens = readTokens(accounts, account.did, Date.now())
    const appPasswords = readAppPasswords(accounts, account.did)
    const { problems } = await adoptAccount(stores, { account, tokens, appPasswords }, actor, Date.now())
    return { problems, passable: true }
  })
  if (failed > 0) {
    throw new CommandError(
      `${counted(failed, 'account')} could not be taken over (named above), so nothing was put in place yet.\n` +
        'Mend what is named, or leave an account behind with --skip <did>; run this again: it goes on where it was',
    )
  }
  await insertInvites(stores, accounts)
  const keys = await adoptReservedKeys(places, stores.accountStore)
  const differing = await eachAccount(list, 'compared', print, async ({ did }) => {
    await using actor = await openActor(places, did)
    const found = await compareAccount(stores, did, actor)
    records += found.records
    blobs += found.blobs
    return found
  })
  if (differing > 0) {
    throw new CommandError(
      `${counted(differing, 'account')} differ from the source (named above); remove the new data directory and begin again`,
    )
  }
  print(
    `equal to the source: ${counted(list.length, 'account')}, ${counted(records, 'record')}, ${counted(blobs, 'blob')}, ${counted(keys, 'reserved key')}`,
  )
}

/** What became of one account; `passable` problems are told and do not count. */
interface Look {
  readonly problems: readonly string[]
  readonly passable?: boolean
}

/** Does something for each account, with a line of progress now and then. @returns how many had problems */
async function eachAccount(
  list: readonly ReferenceAccount[],
  done: string,
  print: Print,
  work: (account: ReferenceAccount) => Promise<Look>,
): Promise<number> {
  let count = 0
  let told = performance.now()
  for (const [index, account] of list.entries()) {
    const name = `${account.did} (${account.handle ?? 'no handle'})`
    let look: Look
    try {
      look = await work(account)
    } catch (error) {
      look = { problems: [error instanceof Error ? error.message : String(error)] }
    }
    for (const problem of look.problems)
      print(`${look.passable === true ? 'NOTE' : 'PROBLEM'} ${name}: ${problem}`)
    if (look.problems.length > 0 && look.passable !== true) count++
    const isLast = index + 1 === list.length
    if (!isLast && performance.now() - told < PROGRESS_MS) continue
    told = performance.now()
    print(`${done}: ${index + 1} of ${list.length}`)
  }
  return count
}

/** Those that an earlier run brought stay as they are. */
async function insertInvites({ accountStore }: Stores, accounts: ReferenceDatabase): Promise<void> {
  const insert = async (given: ReferenceInvite): Promise<void> => {
    const { availableUses, disabled, uses, ...invite } = given
    // However the reference counted: nobody who used a code is left out.
    const available = Math.max(availableUses, uses.length)
    const used = uses.map(
      ({ usedBy, usedAt }) =>
        ({ type: 'useInvite', code: invite.code, did: usedBy as Did, at: usedAt }) as const,
    )
    const off = { type: 'disableInvites', codes: disabled ? [invite.code] : [], accounts: [] } as const
    await applyChanges(
      accountStore,
      [{ type: 'createInvite', ...invite, available }, ...used, off],
      ['id-taken'],
    )
  }
  // Queued together, so that they share transactions.
  await Promise.all(readInvites(accounts).map(insert))
}
