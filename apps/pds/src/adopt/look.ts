/** What a take-over would meet: settings that do not fit, and accounts that lack something. Nothing is written. */
import { existsSync, statSync } from 'node:fs'

import { importNativeKeypair, nativeVerifier } from '@avocet/crypto-native'
import { formatCid } from '@avocet/data'
import { exportRepo, readRepo } from '@avocet/repo'
import { readImported } from '@avocet/repo-server'

import type { PdsConfig, PdsOptions } from '../config/config.ts'
import { privateKeyHex } from '../config/values.ts'
import { CommandError } from '../terminal.ts'
import { openActor, type ReferenceActor } from './reference-actor.ts'
import { countGrants, type ReferenceAccount } from './reference-accounts.ts'
import type { ReferenceDatabase, ReferencePlaces } from './reference-files.ts'

/** The settings a reference PDS ran with: its `pds.env`. */
export type SourceSettings = Readonly<Record<string, string | undefined>>

/** What the settings of the source have and those of the server to be have not: it has to be kept with the data. */
type Inherited = Partial<Record<'jwtSecret' | 'plcRotationKeyHex' | 'adminPassword', string>>

/**
 * The settings of the server to be, with the keys of the source where they name none, and which these are.
 * @throws CommandError when a key is nowhere, or two differ
 * @throws SettingError when a key is none
 */
export function withSecrets(
  options: PdsOptions,
  env: SourceSettings,
): { readonly options: PdsOptions; readonly plcRotationKeyHex: string; readonly inherited: Inherited } {
  const key = (
    given: string | null | undefined,
    name: string,
    without: string,
    read: (text: string) => string = (text) => text,
  ): string => {
    const text = env[name]
    const before = text ? read(text) : text
    if (given && before && given !== before) {
      throw new CommandError(`${name} is not that of the reference PDS; ${without}`)
    }
    const value = given || before
    if (value) return value
    throw new CommandError(
      `${name} is not known; ${without}\nGive the settings of the reference PDS with --env-file`,
    )
  }
  const jwtSecret = key(options.jwtSecret, 'PDS_JWT_SECRET', 'without it nobody stays signed in')
  const plcRotationKeyHex = key(
    options.plcRotationKeyHex,
    'PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX',
    'without it no identity could be changed again',
    privateKeyHex,
  )
  const inherited: Inherited = {
    ...(options.jwtSecret ? {} : { jwtSecret }),
    ...(options.plcRotationKeyHex ? {} : { plcRotationKeyHex }),
    ...(options.adminPassword || !env['PDS_ADMIN_PASSWORD']
      ? {}
      : { adminPassword: env['PDS_ADMIN_PASSWORD'] }),
  }
  return { options: { ...options, ...inherited }, plcRotationKeyHex, inherited }
}

/** Settings that would make the new server another one to its clients. */
export function settingsNotes(config: PdsConfig, env: SourceSettings): string[] {
  const notes: string[] = []
  const before = env['PDS_HOSTNAME']
  if (before !== undefined && before !== config.hostname) {
    notes.push(
      `PDS_HOSTNAME is ${config.hostname}, it was ${before}: sessions end, and every identity points to the old name`,
    )
  }
  const did = env['PDS_SERVICE_DID']
  if (did && did !== config.serviceDid) notes.push(`PDS_SERVICE_DID was ${did}: set it, or sessions end`)
  return notes
}

/** What of the source stays behind. */
export function sourceNotes(accounts: ReferenceDatabase): string[] {
  const grants = countGrants(accounts)
  const notes = ['mail codes under way are not taken over: they are asked for again']
  if (grants > 0) notes.push(`${grants} grants of OAuth clients are not taken over: those apps sign in again`)
  return notes
}

/** Looks an account through: its key, every block of its repository, and the files of its blobs. */
export async function lookAt(
  places: ReferencePlaces,
  account: ReferenceAccount,
): Promise<{ problems: string[] }> {
  const problems: string[] = []
  if (account.passwordHash === null) problems.push('it has no password here, which must be reset')
  await using actor = await openActor(places, account.did)
  if (actor.head === null) problems.push('it has no repository')
  else await lookAtRepo(actor, problems)
  for (const { cid, path, size } of actor.blobs()) {
    if (!existsSync(path)) problems.push(`blob ${cid} has no file; path=${path}`)
    else if (statSync(path).size !== size)
      problems.push(`blob ${cid} has another size than it should; path=${path}`)
  }
  return { problems }
}

async function lookAtRepo(actor: ReferenceActor, problems: string[]): Promise<void> {
  const { did } = actor
  const key = importNativeKeypair('k256', actor.signingKey).publicKey
  await using reader = await readRepo(exportRepo(actor, did), { did, key, verify: nativeVerifier() })
  let records = 0
  for await (const entry of reader.entries) {
    records++
    const read = readImported(entry)
    if ('reason' in read) problems.push(`record ${entry.path} would not be served: ${read.reason}`)
    else if (actor.record(entry.path)?.cid !== formatCid(entry.cid)) {
      problems.push(`record ${entry.path} is in the repository, and not so in the index`)
    }
  }
  const indexed = actor.countRecords()
  if (indexed !== records) problems.push(`the repository has ${records} records, the index ${indexed}`)
}
