/**
 * Password hashes. New ones are argon2id with m = 9 MiB, t = 4, p = 1, one of the sets of parameters that the OWASP password
 * storage cheat sheet counts as equal, and quicker than those with more memory. Hashes with other parameters verify too, and
 * so do the scrypt hashes of the reference PDS (`<hex salt>:<hex key>`), so that its accounts can move over. The work runs
 * on the thread pool, by a binding that takes a quarter of the time that OpenSSL does; by OpenSSL where there is none.
 *
 * https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
 */
import { argon2, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { createRequire } from 'node:module'

import type * as argon2Binding from '@node-rs/argon2'

const MEMORY_KIB = 9_216
const PASSES = 4
const TAG_BYTES = 32

/** Longest password in characters, so that hashing one is bounded work. */
export const MAX_PASSWORD_LENGTH = 256

/** Hashes a password under a fresh salt: `$argon2id$v=19$m=…,t=…,p=1$<salt>$<tag>`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const tag = await argon2id(password, salt, MEMORY_KIB, PASSES)
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=1$${base64(salt)}$${base64(tag)}`
}

/** Whether `password` is the one that was hashed; false for a hash of unknown form. Constant-time in the tag. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  if (password.length > MAX_PASSWORD_LENGTH) return false
  const modern = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=1\$([\w+/]+)\$([\w+/]+)$/.exec(hash)
  if (modern !== null) {
    const tag = Buffer.from(modern[4]!, 'base64')
    const found = await argon2id(
      password,
      Buffer.from(modern[3]!, 'base64'),
      Number(modern[1]),
      Number(modern[2]),
    )
    return tag.length === found.length && timingSafeEqual(tag, found)
  }
  const legacy = /^([0-9a-f]{2,64}):([0-9a-f]{128})$/.exec(hash)
  if (legacy === null) return false
  return timingSafeEqual(Buffer.from(legacy[2]!, 'hex'), await scryptKey(password, legacy[1]!))
}

/** Hashes to 32 bytes. */
type Argon2id = (message: Uint8Array, salt: Uint8Array, memory: number, passes: number) => Promise<Buffer>

/** By the binding, or null where there is none for this platform. */
export function loadNativeArgon2id(name = '@node-rs/argon2'): Argon2id | null {
  let binding: typeof argon2Binding
  try {
    binding = createRequire(import.meta.url)(name) as typeof argon2Binding
  } catch {
    return null
  }
  const { hashRaw } = binding
  // By number, since the names of the type are no values: argon2id, v=19.
  const kind = { algorithm: 2, version: 1, parallelism: 1, outputLen: TAG_BYTES }
  return (message, salt, memory, passes) =>
    hashRaw(message, { ...kind, salt, memoryCost: memory, timeCost: passes })
}

/** By OpenSSL. */
export const opensslArgon2id: Argon2id = (message, salt, memory, passes) => {
  const parameters = {
    message,
    nonce: salt,
    parallelism: 1,
    tagLength: TAG_BYTES,
    memory,
    passes,
  }
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, tag) => (error === null ? resolve(tag) : reject(error)))
  })
}

const quickest = loadNativeArgon2id() ?? opensslArgon2id

function argon2id(password: string, salt: Uint8Array, memory: number, passes: number): Promise<Buffer> {
  return quickest(Buffer.from(password.normalize('NFKC')), salt, memory, passes)
}

function scryptKey(password: string, salt: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 64, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replaceAll('=', '')
