import { readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'

import { importNativeKeypair } from '@avocet/crypto-native'

/** A note of the public half of the rotation key a server last ran with: what a backup is compared with. */
export const ROTATION_KEY_NOTE = 'rotation-key.json'

/** The did:key of a rotation key. @param hex of 32 bytes */
export function rotationDidKey(hex: string): string {
  return importNativeKeypair('k256', Buffer.from(hex, 'hex')).didKey
}

/** The did:key the server of this data directory last ran with, null when it never did. */
export function lastRotationKey(dataDirectory: string): string | null {
  try {
    const json = JSON.parse(readFileSync(join(dataDirectory, ROTATION_KEY_NOTE), 'utf8')) as {
      rotationKey?: unknown
    }
    return typeof json.rotationKey === 'string' ? json.rotationKey : null
  } catch {
    // Absent, or cut short: the next start writes it.
    return null
  }
}

/** Notes the rotation key of a server that starts, and gives the one it had before if that was another. */
export async function noteRotationKey(dataDirectory: string, hex: string): Promise<string | null> {
  const rotationKey = rotationDidKey(hex)
  const before = lastRotationKey(dataDirectory)
  if (before === rotationKey) return null
  const path = join(dataDirectory, ROTATION_KEY_NOTE)
  const temporary = `${path}.${process.pid}.tmp`
  {
    await using file = await open(temporary, 'w', 0o600)
    await file.writeFile(`${JSON.stringify({ rotationKey })}\n`)
    await file.sync()
  }
  await rename(temporary, path)
  return before
}
