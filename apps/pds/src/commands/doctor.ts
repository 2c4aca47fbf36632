import { join } from 'node:path'

import { importKeypair } from '@avocet/crypto'
import type { Did } from '@avocet/syntax'

import { resolveConfig, type PdsConfig, type PdsOptions } from '../config/config.ts'
import { placeOf, readBlobs } from '../blobs/blob-place.ts'
import { DATABASE_FILE } from '../config/data-directory.ts'
import { readSecrets } from '../config/secrets.ts'
import { blobChecks } from '../doctor/blob-checks.ts'
import { dataChecks } from '../doctor/data-checks.ts'
import { check, type Finding } from '../doctor/finding.ts'
import { identityChecks } from '../doctor/identity-checks.ts'
import { addressesOf, networkChecks } from '../doctor/network-checks.ts'
import { publicChecks } from '../doctor/public-checks.ts'
import type { Reach } from '../doctor/reach.ts'
import { repoChecks } from '../doctor/repo-checks.ts'
import { createPublicAddress } from '../identity/address.ts'
import { openStoresView } from '../stores/open-view.ts'
import type { StoresView } from '../stores/view.ts'
import { CommandError, type Print } from '../terminal.ts'
import { askOperatorPage } from './operator.ts'

/** How far to look. */
export interface DoctorFlags {
  /** Every account, every blob by its hash, every index of the database; else a sample. */
  readonly deep?: boolean
  readonly json?: boolean
  /** Where to send a mail. */
  readonly sendTest?: string
}

/** Accounts looked at unless `deep`, picked by chance. */
const SAMPLE = 20

/**
 * Looks at a server from outside, as the network does, and at its data, beside the running server or without it. Prints a
 * line for each finding, with what to do next.
 * @throws CommandError when something does not work
 */
export async function doctor(options: PdsOptions, print: Print, flags: DoctorFlags = {}): Promise<void> {
  const config = resolveConfig(options)
  const { sendTest: to } = flags
  const outside = networkChecks(config)
  if (to !== undefined) {
    outside.push(
      check('test mail', 'look at PDS_EMAIL_SMTP_URL', async () => {
        await askOperatorPage(options, '/send-test', { to })
        return `sent to ${to}`
      }),
    )
  }
  const findings = [
    ...(await Promise.all(outside)),
    ...(await publicChecks(reachOf(config))),
    ...(await dataFindings(config, flags.deep === true)),
  ]
  const bad = findings.filter(({ level }) => level === 'bad').length
  if (flags.json === true) print(JSON.stringify({ ok: bad === 0, findings }, null, 2))
  else for (const finding of findings) for (const line of linesOf(finding)) print(line)
  if (bad > 0) throw new CommandError(`${bad} of ${findings.length} checks failed`)
}

/** Under its public URL; that of a server on this machine may name an address where it does not listen. */
function reachOf(config: PdsConfig): Reach {
  const origin = new URL(createPublicAddress(config).url())
  const { hostname: host, port } = new URL(addressesOf(config).local)
  return origin.hostname === 'localhost'
    ? { origin, via: { host: host.replaceAll(/[[\]]/g, ''), port: Number(port) } }
    : { origin }
}

const MARKS = { ok: 'ok ', warn: '?? ', bad: 'BAD' } as const

function linesOf({ level, what, detail, next }: Finding): string[] {
  const line = `${MARKS[level]}  ${what}: ${detail}`
  return level === 'ok' || next === undefined ? [line] : [line, `     → ${next}`]
}

/** What the data directory tells; nothing where there is none, on another machine. */
async function dataFindings(config: PdsConfig, deep: boolean): Promise<Finding[]> {
  let opened: StoresView | null
  try {
    opened = await openStoresView(config)
  } catch (error) {
    const next = 'restore a backup: avocet-pds restore <folder>'
    const { name, message } = error as Error
    // What it says of Postgres has the next step in it.
    return [{ level: 'bad', what: 'database', detail: message, ...(name === 'StoreError' ? {} : { next }) }]
  }
  if (opened === null) {
    const detail = `no database here; path=${join(config.dataDirectory, DATABASE_FILE)}`
    return [{ level: 'warn', what: 'data', detail, next: 'run it where the data is, or give --data' }]
  }
  await using view = opened
  const findings = await dataChecks(view, config, deep)
  // Damaged pages: what reads them would only say so again.
  if (findings[0]!.level === 'bad') return findings
  const of = await view.accounts.count()
  const dids = deep ? await view.accounts.dids() : await view.sample(SAMPLE)
  const expected = {
    plcUrl: config.plcUrl,
    endpoint: createPublicAddress(config).url(),
    rotationKey: rotationKey(config),
  }
  return [
    ...findings,
    ...(await repoChecks(view, dids, of)),
    ...(await blobFindings(view, config, dids, deep)),
    ...(await identityChecks(view, dids, expected)),
  ]
}

/** A folder of blobs that cannot be read is a finding like any other, and so is a bucket. */
async function blobFindings(
  view: StoresView,
  config: PdsConfig,
  dids: readonly Did[],
  deep: boolean,
): Promise<Finding[]> {
  try {
    return await blobChecks(view, readBlobs(config), (did, cid) => placeOf(config, did, cid), dids, deep)
  } catch (error) {
    const next = 'look at PDS_BLOBSTORE_DISK_LOCATION, or at PDS_BLOBSTORE_S3_BUCKET and what belongs to it'
    return [{ level: 'bad', what: 'blobs', detail: (error as Error).message, next }]
  }
}

/** The key that this server signs operations with, where it is at hand: looking must not make one. */
function rotationKey(config: PdsConfig): string | null {
  const { plcRotationKeyHex } = readSecrets(config)
  return plcRotationKeyHex === null
    ? null
    : importKeypair('k256', Buffer.from(plcRotationKeyHex, 'hex')).didKey
}
