// One request of a webhook: signed, guarded, bounded in time and in what is read of the answer.

import { createHash } from 'node:crypto'
import { createGuardedFetch, DidError } from '@avocet/did'
import { basicAuth } from '@avocet/tap/wire'
import { signWebhook } from '@avocet/tap/webhooks'
import { IndexerError } from '../errors.ts'
import type { WebhookConfig } from './settings.ts'

/**
 * What became of a request. `rejected`: it was read, and not taken. `unavailable`: nobody says that it was read. `gone`: nothing more is
 * wanted there.
 */
export type Outcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'rejected' | 'unavailable'; readonly reason: string; readonly retryAfterMs: number }
  | { readonly kind: 'gone' }

/** Sends a body about these events. */
export type Post = (body: string, seqs: readonly number[], signal: AbortSignal) => Promise<Outcome>

const TIMEOUT_MS = 30_000
/** Of an answer: only its status says anything. */
const MAX_ANSWER = 16 * 1024
/** How long an answer that has begun is read, so that its connection can be used again, ms. */
const REST_MS = 1000
/** Honoured of a receiver that asks to be left alone, ms. */
const MAX_RETRY_AFTER = 3_600_000
/** Statuses that say nothing of what was sent. */
const BUSY = new Set([408, 425, 429, 502, 503, 504])

/**
 * Makes the requests of one webhook.
 * @param now ms since the epoch
 * @throws IndexerError `bad-config` for a secret that is none
 */
export async function createPost(config: WebhookConfig, now: () => number): Promise<Post> {
  const { name, url, secrets = [], password, timeoutMs = TIMEOUT_MS } = config
  const { allowLoopback = false, allowPrivate = false } = config
  const fetch = createGuardedFetch({
    allowLoopback,
    allowPrivate,
    timeoutMs,
    maxBytes: MAX_ANSWER,
    userAgent: 'avocet-indexer',
  })
  const sign = async (id: string, body: string): Promise<object> =>
    secrets.length === 0 ? {} : signWebhook({ id, timestamp: Math.floor(now() / 1000), body }, secrets)
  await sign('check', '').catch(() => {
    throw new IndexerError('bad-config', `webhook ${name}: a secret is whsec_ or whsk_ and base64`)
  })

  return async (body, seqs, signal) => {
    const rest = new AbortController()
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(password === undefined ? {} : { authorization: basicAuth(password) }),
          ...(await sign(idOf(name, seqs), body)),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, rest.signal]),
      })
      leave(response, rest)
      const { status } = response
      if (status >= 200 && status < 300) return { kind: 'taken' }
      if (status === 410) return { kind: 'gone' }
      const kind = BUSY.has(status) ? 'unavailable' : 'rejected'
      return { kind, reason: `status ${status}`, retryAfterMs: retryAfter(response, now()) }
    } catch (error) {
      if (!(error instanceof DidError)) throw error
      return { kind: 'unavailable', reason: error.code, retryAfterMs: 0 }
    }
  }
}

/** The same for the same events, whenever they are sent: what a receiver knows repeats by. */
function idOf(name: string, seqs: readonly number[]): string {
  const hash = createHash('sha256').update(`${name} ${seqs.join()}`).digest('base64url')
  return `evt_${hash.slice(0, 24)}`
}

/** Nobody waits for the rest of an answer. */
function leave(response: Response, rest: AbortController): void {
  if (response.body === null) return
  const timer = setTimeout(() => rest.abort(), REST_MS)
  timer.unref()
  response
    .arrayBuffer()
    .catch(() => {})
    .finally(() => clearTimeout(timer))
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-retry-after */
function retryAfter(response: Response, now: number): number {
  const value = response.headers.get('retry-after') ?? ''
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), MAX_RETRY_AFTER) : 0
}
