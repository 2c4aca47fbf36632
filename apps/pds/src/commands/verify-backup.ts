import { CommandError } from '../terminal.ts'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { DatabaseSync } from 'node:sqlite'

import { blobFolderName } from '@avocet/blobs/disk'
import { cidFromDigest, formatCid } from '@avocet/data'

import { BACKUP_FILES, eachOf, hashFile, OF_ACCOUNTS, readManifest, type Manifest } from './backup-format.ts'

const AT_A_TIME = 8
/** Faults named; more are counted. */
const SHOWN = 20
/**
 * Checks a backup: the list of files against the manifest, every file against its hash and its CID, the database itself, and
 * that every blob it names is there.
 * @throws CommandError that names what is wrong
 */
export async function verifyBackup(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder)
  const faults: string[] = []
  let count = 0
  const fault = (text: string): void => {
    count += 1
    if (count <= SHOWN) faults.push(text)
  }
  const listed = await checkFiles(folder, manifest, fault)
  if (!listed.has(BACKUP_FILES.database)) fault(`${BACKUP_FILES.database}: not listed`)
  if (manifest.secrets && !listed.has(BACKUP_FILES.secrets)) fault(`${BACKUP_FILES.secrets}: not listed`)
  const inFolder = manifest.bucket === undefined ? manifest.blobs.count : 0
  if (listed.blobs !== inFolder) {
    fault(`${BACKUP_FILES.sums}: other number of blobs; listed=${listed.blobs} manifest=${inFolder}`)
  }
  // A database that is not the one that was copied would only say the same in more words.
  if (count === 0) await checkDatabase(folder, manifest, fault)
  if (count === 0) return manifest
  const more = count > SHOWN ? `\n… and ${count - SHOWN} more` : ''
  throw new CommandError(`the backup is damaged: ${folder}\n${faults.join('\n')}${more}`)
}

interface Listed {
  readonly blobs: number
  has(name: string): boolean
}

/** Every line of the list against its file. */
async function checkFiles(
  folder: string,
  manifest: Manifest,
  fault: (text: string) => void,
): Promise<Listed> {
  const path = join(folder, BACKUP_FILES.sums)
  const names = new Set<string>()
  let blobs = 0
  const hash = await hashFile(path).catch(() => null)
  if (hash !== manifest.sums) {
    fault(`${BACKUP_FILES.sums}: ${hash === null ? 'missing' : 'other content'}`)
    return { blobs, has: () => true }
  }
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  await eachOf(lines, AT_A_TIME, async (line) => {
    const [expected, name] = parseLine(line) ?? []
    if (name === undefined) return fault(`${BACKUP_FILES.sums}: no line of such a list`)
    if (name.startsWith('blobs/')) blobs += 1
    else names.add(name)
    const found = await hashFile(join(folder, name)).catch(() => null)
    if (found !== expected) fault(`${name}: ${found === null ? 'missing' : 'other content'}`)
    else if (name.startsWith('blobs/') && cidOf(found) !== name.split('/')[2]) {
      fault(`${name}: not what its CID names`)
    }
  })
  return { blobs, has: (name) => names.has(name) }
}

async function checkDatabase(
  folder: string,
  manifest: Manifest,
  fault: (text: string) => void,
): Promise<void> {
  const database = new DatabaseSync(join(folder, BACKUP_FILES.database), { readOnly: true })
  try {
    for (const row of database.prepare('PRAGMA integrity_check').all()) {
      const text = String(row['integrity_check'])
      if (text !== 'ok') fault(`${BACKUP_FILES.database}: ${text}`)
    }
    const total = Number(database.prepare(`SELECT count(*) AS n FROM blob WHERE ${OF_ACCOUNTS}`).get()!['n'])
    if (total !== manifest.blobs.count) {
      fault(`${BACKUP_FILES.database}: other number of blobs; rows=${total} manifest=${manifest.blobs.count}`)
    }
    if (manifest.bucket !== undefined) return
    await eachOf(
      database.prepare(`SELECT did, cid FROM blob WHERE ${OF_ACCOUNTS}`).iterate(),
      AT_A_TIME,
      async (row) => {
        const name = `blobs/${blobFolderName(row['did'] as string)}/${row['cid'] as string}`
        const there = await stat(join(folder, name)).then(
          () => true,
          () => false,
        )
        if (!there) fault(`${name}: missing, but the database names it`)
      },
    )
  } finally {
    database.close()
  }
}

function cidOf(hash: string): string {
  return formatCid(cidFromDigest('raw', new Uint8Array(Buffer.from(hash, 'hex'))))
}

/**
 * Hash and name of a line, as `sha256sum -c` reads it; null for another. No name leads out of the folder: its parts are a
 * DID's and a CID's characters.
 */
function parseLine(line: string): [hash: string, name: string] | null {
  const [hash, name] = [line.slice(0, 64), line.slice(66)]
  if (!/^[0-9a-f]{64}$/.test(hash) || line.slice(64, 66) !== '  ') return null
  if (name === BACKUP_FILES.database || name === BACKUP_FILES.secrets) return [hash, name]
  const [top, account = '', cid = '', ...rest] = name.split('/')
  const isBlob = /^did:[a-zA-Z0-9:._-]+$/.test(account) && /^[a-z0-9]+$/.test(cid) && rest.length === 0
  return top === 'blobs' && isBlob ? [hash, name] : null
}
