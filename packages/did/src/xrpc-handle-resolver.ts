// https://atproto.com/specs/handle#handle-resolution, lexicon com.atproto.identity.resolveHandle
import { isDid, isDisallowedTld, isHandle, normalizeHandle, type Handle } from '@avocet/syntax'
import { fail, failWith } from './error.ts'
import { readText, type Fetch } from './fetch.ts'
import type { HandleResolver } from './handle-resolver.ts'

/** Options of {@link createXrpcHandleResolver}. */
export interface XrpcHandleResolverOptions {
  /** Who is asked: a PDS or an AppView, such as `https://public.api.bsky.app`. */
  readonly service: string | URL
  /** Default: the platform's. */
  readonly fetch?: Fetch
  /** For an answer; default 5 000. */
  readonly timeoutMs?: number
  /** Resolve handles under `.test`; for development. */
  readonly allowTestTld?: boolean
}

/** A DID of the longest legal length, and an error with its message. */
const MAX_BYTES = 16_384

/**
 * A resolver of handles that asks a service. Pages cannot do better: they have no DNS, and few hosts let them read
 * `/.well-known/atproto-did`. The service learns which handles are asked for, and is believed: `resolveAccount` finds out a wrong answer,
 * since the DID must claim the handle, but not a handle that the service hides. Ask it in place of what `createHandleResolver` does, or wrap it in
 * `withHandleCache`.
 *
 * @throws {TypeError} for a service that is no http(s) URL
 */
export function createXrpcHandleResolver(options: XrpcHandleResolverOptions): HandleResolver {
  const { service, timeoutMs = 5_000, allowTestTld = false } = options
  if (!/^https?:/.test(String(service)) || !URL.canParse(String(service))) {
    throw new TypeError(`not an http(s) URL; service=${String(service)}`)
  }
  const send: Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init))
  const base = new URL(service).href.replace(/^(.*[^/])?\/*$/s, '$1')
  return {
    async resolve(input, { signal } = {}) {
      if (!isHandle(input)) return fail('invalid-handle', 'not a handle')
      const handle: Handle = normalizeHandle(input)
      if (isDisallowedTld(handle) || (handle.endsWith('.test') && !allowTestTld)) {
        return fail('reserved-handle', `top-level domain is reserved; handle=${handle}`)
      }
      const timeout = AbortSignal.timeout(timeoutMs)
      const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
      try {
        const url = `${base}/xrpc/com.atproto.identity.resolveHandle?handle=${handle}`
        const response = await send(url, { headers: { accept: 'application/json' }, signal: either })
        const { ok, status } = response
        const answer = parse(await readText(response, MAX_BYTES))
        if (ok && isDid(answer?.['did'])) return { ok: true, value: answer['did'] }
        const said = answer?.['error']
        // Servers have both names for it, the second also for much else: of a handle that is one there is nothing else to say.
        const isUnknown = status === 400 && (said === 'HandleNotFound' || said === 'InvalidRequest')
        if (isUnknown || status === 404) {
          return fail('not-found', `service knows no DID of it; handle=${handle} status=${status}`, {
            status,
          })
        }
        return fail('bad-status', `answer is no DID; handle=${handle} status=${status}`, { status })
      } catch (cause) {
        return failWith(cause, `handle=${handle}`, signal)
      }
    },
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown> | null
  } catch {
    return null
  }
}
