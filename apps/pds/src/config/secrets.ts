import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'

import type { PdsConfig } from './config.ts'
import { lastRotationKey } from './rotation-key.ts'

/** The keys of one server. */
export interface Secrets {
  /** HS256 key of the session tokens. */
  readonly jwtSecret: string
  readonly adminPassword: string
  /** Hex of the 32-byte K-256 key that signs PLC operations. */
  readonly plcRotationKeyHex: string
}

/** The data directory cannot be used; the message says why and names it. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError'
}

const FILE = 'secrets.json'
const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** Makes the data directory, readable by its owner alone. @throws DataDirectoryError */
export function prepareDataDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new DataDirectoryError(`cannot use the data directory; path=${path} reason=${reason(cause)}`, {
      cause,
    })
  }
}

/** The secrets as settings and file give them, null for those that are nowhere; none is made. @throws DataDirectoryError */
export function readSecrets(config: PdsConfig): { readonly [K in keyof Secrets]: string | null } {
  const stored = readStored(join(config.dataDirectory, FILE))
  return {
    jwtSecret: config.jwtSecret ?? stored.jwtSecret ?? null,
    adminPassword: config.adminPassword ?? stored.adminPassword ?? null,
    plcRotationKeyHex: config.plcRotationKeyHex ?? stored.plcRotationKeyHex ?? null,
  }
}

/**
 * The secrets of a server: those given in its settings, else those in `<data>/secrets.json`, else new ones, which are
 * written there (mode 0600, to disk before the server answers) so that sessions and identities outlive a restart. What the
 * settings give is not written: a copy, or a key made by chance beside it, would be used once the setting is gone.
 * @throws DataDirectoryError, also when the server ran with a rotation key that is nowhere now: with a new one it could
 *   change none of its identities
 */
export async function loadSecrets(config: PdsConfig): Promise<Secrets> {
  const path = join(config.dataDirectory, FILE)
  const stored = readStored(path)
  const made: Partial<Secrets> = {
    ...missing(config, stored, 'jwtSecret', 32),
    ...missing(config, stored, 'adminPassword', 16),
    ...missing(config, stored, 'plcRotationKeyHex', 32),
  }
  const former = lastRotationKey(config.dataDirectory)
  if (made.plcRotationKeyHex !== undefined && former !== null) {
    throw new DataDirectoryError(
      `the rotation key of this server is missing; path=${path} key=${former}\n` +
        'Give it as PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX, as it was at the last start',
    )
  }
  const kept = { ...stored, ...made }
  if (Object.keys(made).length > 0) await writeStored(path, kept)
  return {
    jwtSecret: config.jwtSecret ?? kept.jwtSecret!,
    adminPassword: config.adminPassword ?? kept.adminPassword!,
    plcRotationKeyHex: config.plcRotationKeyHex ?? kept.plcRotationKeyHex!,
  }
}

/**
 * Keeps secrets that come from elsewhere with the data, as if they had been made here.
 * @throws DataDirectoryError when there are others already: nothing that may be in use is replaced
 */
export async function keepSecrets(dataDirectory: string, secrets: Partial<Secrets>): Promise<void> {
  const path = join(dataDirectory, FILE)
  const stored = readStored(path)
  const names = Object.keys(secrets) as (keyof Secrets)[]
  const other = names.find((name) => stored[name] !== undefined && stored[name] !== secrets[name])
  if (other !== undefined) {
    throw new DataDirectoryError(
      `there is another ${other} in ${path}: put the file elsewhere, or correct it`,
    )
  }
  if (names.some((name) => stored[name] === undefined)) await writeStored(path, { ...stored, ...secrets })
}

/** A new secret of so many bytes, where neither the settings nor the file have one. */
function missing(
  config: PdsConfig,
  stored: Partial<Secrets>,
  name: keyof Secrets,
  bytes: number,
): Partial<Secrets> {
  return config[name] === null && stored[name] === undefined
    ? { [name]: randomBytes(bytes).toString('hex') }
    : {}
}

function readStored(path: string): Partial<Secrets> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new DataDirectoryError(`cannot read the secrets; path=${path} reason=${reason(cause)}`, { cause })
  }
  try {
    const json = JSON.parse(text) as Record<string, unknown>
    const found: { -readonly [K in keyof Secrets]?: string } = {}
    for (const name of ['jwtSecret', 'adminPassword', 'plcRotationKeyHex'] as const) {
      // Not there: the settings gave it when the file was written.
      if (json[name] === undefined) continue
      if (!isText(json[name])) throw new Error(`${name} is no text`)
      found[name] = json[name]
    }
    if (found.plcRotationKeyHex !== undefined && !/^[0-9a-f]{64}$/.test(found.plcRotationKeyHex))
      throw new Error('plcRotationKeyHex is not 64 hexadecimal digits')
    if (Object.keys(found).length === 0) throw new Error('no secret is in it')
    return found
  } catch (cause) {
    throw new DataDirectoryError(`the secrets are damaged; path=${path} reason=${reason(cause)}`, { cause })
  }
}

async function writeStored(path: string, secrets: Partial<Secrets>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    await using file = await open(temporary, 'w', 0o600)
    await file.writeFile(`${JSON.stringify(secrets, null, 2)}\n`)
    await file.sync()
    await rename(temporary, path)
  } catch (cause) {
    throw new DataDirectoryError(`cannot write the secrets; path=${path} reason=${reason(cause)}`, { cause })
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
