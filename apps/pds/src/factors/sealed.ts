import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/** Seals secrets for the database: a copy of it alone makes no codes. */
export interface Seal {
  /** @param context whose secret it is: it opens for nobody else */
  seal(secret: Uint8Array, context: string): Uint8Array
  /** Null for what was sealed with another key or context, or changed since. */
  open(sealed: Uint8Array, context: string): Uint8Array | null
}

/** The form: one byte, nonce, tag, what is sealed. */
const FORM = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES

/** AES-256-GCM under a key of its own, made of a secret of the server. */
export function createSeal(serverSecret: string): Seal {
  const key = new Uint8Array(hkdfSync('sha256', serverSecret, '', 'avocet-pds factors', 32))
  return {
    seal: (secret, context) => {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([cipher.update(secret), cipher.final()])
      return new Uint8Array(Buffer.concat([Uint8Array.of(FORM), nonce, cipher.getAuthTag(), sealed]))
    },
    open: (sealed, context) => {
      if (sealed.length < HEAD_BYTES || sealed[0] !== FORM) return null
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce)
        .setAAD(Buffer.from(context))
        .setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEAD_BYTES))
      try {
        return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()]))
      } catch {
        return null
      }
    },
  }
}
