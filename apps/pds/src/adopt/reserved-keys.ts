/** Signing keys that a reference PDS made ahead of accounts: files named after the DID they are for, or the key itself. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { importNativeKeypair } from '@avocet/crypto-native'
import type { Database } from '@avocet/sqlite'

import type { ReferencePlaces } from './reference-files.ts'

/** Takes the keys over. @returns how many there are */
export async function adoptReservedKeys(places: ReferencePlaces, db: Database): Promise<number> {
  const folder = join(places.actors, 'reserved_keys')
  if (!existsSync(folder)) return 0
  let count = 0
  for (const name of await readdir(folder)) {
    const key = new Uint8Array(await readFile(join(folder, name)))
    if (key.length !== 32) continue
    const { didKey } = importNativeKeypair('k256', key)
    const did = name.startsWith('did:key:') ? null : name
    await db.write(() => {
      db.prepare(
        'INSERT OR IGNORE INTO reserved_key (did_key, did, private_key, created_at) VALUES (?, ?, ?, ?)',
      ).run(didKey, did, key, new Date().toISOString())
    })
    count++
  }
  return count
}
