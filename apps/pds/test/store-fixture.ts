import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { AccountChange } from '@avocet/accounts'
import { createKeypair, type Keypair } from '@avocet/crypto'
import type { DataObject } from '@avocet/data'
import { applyWrites, prepareWrite, type CommitData } from '@avocet/repo'
import { createTidClock, type Did, type Handle, type Nsid } from '@avocet/syntax'

import { resolveConfig, type PdsConfig } from '../src/config/config.ts'
import { openStores } from '../src/stores/open-stores.ts'
import type { Stores } from '../src/stores/stores.ts'

/** Stores of a test, and the means to write to them. */
export interface StoreFixture extends AsyncDisposable {
  readonly stores: Stores
  /** A further handle on the same data; null where one process has it. */
  readonly other: Stores | null
  readonly config: PdsConfig
}

export const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
export const OTHER: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
export const KEY: Keypair = createKeypair('k256')
export const TIDS = createTidClock()

/** Stores in a new data directory. @param url of a Postgres server */
export async function openFixture(url: string | null): Promise<StoreFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-stores-'))
  const schema = `s_${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`
  const postgres = url === null ? null : { url, schema, poolSize: 6 }
  const config = resolveConfig({ dataDirectory: folder, postgres })
  const stores = await openStores(config)
  const other = url === null ? null : await openStores(config)
  return {
    stores,
    other,
    config,
    [Symbol.asyncDispose]: async () => {
      await other?.[Symbol.asyncDispose]()
      await stores[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** An account that is made. */
export const accountChange = (did: Did, handle: string): AccountChange => ({
  type: 'createAccount',
  account: {
    did,
    handle: handle as Handle,
    email: null,
    passwordHash: '',
    signingKey: KEY.exportPrivateKey(),
    createdAt: '2026-01-01T00:00:00.000Z',
    deactivatedAt: null,
  },
})

/** A commit with some records (paths and values) on what a repository holds. */
export async function commitOn(
  { server }: Stores,
  did: Did,
  records: Readonly<Record<string, DataObject>> = {},
): Promise<CommitData> {
  const stored = await server.repos.getHead(did)
  const { status: _, ...head } = stored ?? { status: null }
  const writes = Object.entries(records).map(([path, record]) => {
    const [collection, rkey] = path.split('/')
    return prepareWrite({ action: 'create', collection: collection as Nsid, rkey: rkey!, record })
  })
  return applyWrites({
    did,
    head: stored === null ? null : (head as typeof stored),
    store: server.repos,
    writes,
    signer: KEY,
    rev: TIDS.next(),
  })
}
