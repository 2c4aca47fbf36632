/**
 * Webhooks signed by the Standard Webhooks convention, 1.0.0: `v1` by a shared secret (`whsec_`), `v1a` by Ed25519 keys (`whsk_`,
 * `whpk_`).
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */

/** The headers of a signed webhook. */
export interface WebhookHeaders {
  /** The same on every attempt: the receiver's key against repeats. */
  readonly 'webhook-id': string
  /** Unix seconds of this attempt. */
  readonly 'webhook-timestamp': string
  /** `v1,<base64>`, several with spaces between while secrets change. */
  readonly 'webhook-signature': string
}

/**
 * - `missing-header`: one of the three is absent, or longer than any is.
 * - `bad-timestamp`: no unix seconds. `too-old`, `too-new`: outside of the tolerance.
 * - `wrong-signature`: none of the signatures is one of the secrets'.
 */
export type WebhookFault = 'missing-header' | 'bad-timestamp' | 'too-old' | 'too-new' | 'wrong-signature'

/** What is signed. */
export interface Webhook {
  /** Without dots. */
  readonly id: string
  /** Unix seconds. */
  readonly timestamp: number
  /** The body as it is sent. */
  readonly body: string | Uint8Array
}

const TOLERANCE_SECONDS = 300
const MAX_HEADER = 4096
const MAX_SIGNATURES = 16

/** A new shared secret of 32 random bytes, `whsec_…`. */
export function createWebhookSecret(): string {
  return `whsec_${toBase64(crypto.getRandomValues(new Uint8Array(32)))}`
}

/** A new pair of Ed25519 keys: the sender's `whsk_…`, the receivers' `whpk_…`. */
export async function createWebhookKeys(): Promise<{
  readonly secretKey: string
  readonly publicKey: string
}> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  const seed = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)).slice(-32)
  const point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))
  const both = new Uint8Array(64)
  both.set(seed)
  both.set(point, 32)
  return { secretKey: `whsk_${toBase64(both)}`, publicKey: `whpk_${toBase64(point)}` }
}

/**
 * Signs a webhook.
 *
 * @param secrets `whsec_…` or `whsk_…`, the newest first; each signs
 * @throws TypeError for a secret that is none, an id with a dot, a timestamp that is not unix seconds
 */
export async function signWebhook(
  webhook: Webhook,
  secrets: string | readonly string[],
): Promise<WebhookHeaders> {
  const { id, timestamp } = webhook
  if (id === '' || id.includes('.')) throw new TypeError('the id of a webhook is a text without dots')
  if (!Number.isSafeInteger(timestamp) || timestamp < 0)
    throw new TypeError('the timestamp of a webhook is unix seconds')
  const content = contentOf(id, String(timestamp), webhook.body)
  const signatures = await Promise.all([secrets].flat().map((secret) => sign(secret, content)))
  if (signatures.length === 0) throw new TypeError('no secret to sign with')
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}

/**
 * Checks a webhook that came in. Signatures are compared in constant time.
 *
 * @param secrets `whsec_…` or `whpk_…`: one of them must have signed
 * @throws TypeError for a secret that is none
 */
export async function verifyWebhook(
  request: { readonly headers: Headers; readonly body: string | Uint8Array },
  secrets: string | readonly string[],
  options: {
    /** Milliseconds since the epoch. Default: now. */
    readonly now?: number
    /** Seconds that the timestamp may be off, both ways. Default 300. */
    readonly toleranceSeconds?: number
  } = {},
): Promise<
  | { readonly ok: true; readonly value: { readonly id: string; readonly timestamp: number } }
  | { readonly ok: false; readonly error: WebhookFault }
> {
  const keys = await Promise.all([secrets].flat().map(verifierOf))
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
    (name) => request.headers.get(name) ?? '',
  ) as [string, string, string]
  const lengths = [id, timestamp, signatures].map((text) => text.length)
  if (Math.min(...lengths) === 0 || Math.max(...lengths) > MAX_HEADER)
    return { ok: false, error: 'missing-header' }
  if (!/^\d{1,12}$/.test(timestamp)) return { ok: false, error: 'bad-timestamp' }
  const age = Math.floor((options.now ?? Date.now()) / 1000) - Number(timestamp)
  const tolerance = options.toleranceSeconds ?? TOLERANCE_SECONDS
  if (age > tolerance) return { ok: false, error: 'too-old' }
  if (age < -tolerance) return { ok: false, error: 'too-new' }
  const content = contentOf(id, timestamp, request.body)
  for (const signature of signatures.split(' ').slice(0, MAX_SIGNATURES)) {
    const comma = signature.indexOf(',')
    const bytes = fromBase64(signature.slice(comma + 1))
    if (bytes === null) continue
    for (const { version, key } of keys) {
      if (version !== signature.slice(0, comma)) continue
      if (await crypto.subtle.verify(key.algorithm.name, key, bytes, content))
        return { ok: true, value: { id, timestamp: Number(timestamp) } }
    }
  }
  return { ok: false, error: 'wrong-signature' }
}

async function sign(secret: string, content: Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = secretBytes(secret)
  if (bytes !== null && secret.startsWith('whsec_')) {
    const signature = await crypto.subtle.sign('HMAC', await hmacKey(bytes, 'sign'), content)
    return `v1,${toBase64(new Uint8Array(signature))}`
  }
  if (bytes === null || !secret.startsWith('whsk_') || (bytes.length !== 64 && bytes.length !== 32))
    throw new TypeError('not a secret to sign with: whsec_ or whsk_ and base64')
  const pkcs8 = new Uint8Array([...PKCS8_ED25519, ...bytes.subarray(0, 32)])
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign'])
  return `v1a,${toBase64(new Uint8Array(await crypto.subtle.sign('Ed25519', key, content)))}`
}

async function verifierOf(secret: string): Promise<{ readonly version: string; readonly key: CryptoKey }> {
  const bytes = secretBytes(secret)
  if (bytes !== null && secret.startsWith('whsec_'))
    return { version: 'v1', key: await hmacKey(bytes, 'verify') }
  if (bytes === null || !secret.startsWith('whpk_') || bytes.length !== 32)
    throw new TypeError('not a secret to verify with: whsec_ or whpk_ and base64')
  return { version: 'v1a', key: await crypto.subtle.importKey('raw', bytes, 'Ed25519', false, ['verify']) }
}

// RFC 8410: what stands before the 32 bytes of an Ed25519 key in PKCS #8.
const PKCS8_ED25519 = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32]

function hmacKey(bytes: Uint8Array<ArrayBuffer>, use: 'sign' | 'verify'): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, [use])
}

function contentOf(id: string, timestamp: string, body: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder()
  const head = encoder.encode(`${id}.${timestamp}.`)
  const bytes = typeof body === 'string' ? encoder.encode(body) : body
  const content = new Uint8Array(head.length + bytes.length)
  content.set(head)
  content.set(bytes, head.length)
  return content
}

function secretBytes(secret: string): Uint8Array<ArrayBuffer> | null {
  const bytes = fromBase64(secret.slice(secret.indexOf('_') + 1))
  return bytes === null || bytes.length === 0 ? null : bytes
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return null
  }
}
