/** Signing keys that a reference PDS made ahead of accounts: files named after the DID they are for, or the key itself. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { importNativeKeypair } from '@avocet/crypto-native'
import type { AccountStore } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { applyChanges } from '../accounts/changes.ts'
import type { ReferencePlaces } from './reference-files.ts'

/** Takes the keys over. @returns how many there are */
export async function adoptReservedKeys(places: ReferencePlaces, store: AccountStore): Promise<number> {
  const folder = join(places.actors, 'reserved_keys')
  if (!existsSync(folder)) return 0
  let count = 0
  for (const name of await readdir(folder)) {
    const key = new Uint8Array(await readFile(join(folder, name)))
    if (key.length !== 32) continue
    const { didKey } = importNativeKeypair('k256', key)
    const did = name.startsWith('did:key:') ? null : (name as Did)
    const reserved = { didKey, did, privateKey: key, createdAt: new Date().toISOString() }
    // One that an earlier run brought, or that was made here meanwhile, stays.
    await applyChanges(
      store,
      [{ type: 'reserveKey', key: reserved, max: Number.MAX_SAFE_INTEGER }],
      ['id-taken', 'key-reserved'],
    )
    count++
  }
  return count
}
