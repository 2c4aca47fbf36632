// The keys of labelers, looked up anew when a signature fails. https://atproto.com/specs/label#signature-lifecycle
import type { PublicKey, VerifySignature } from '@avocet/crypto'
import { isDid, type Did } from '@avocet/syntax'
import type { LabelResult } from './label.ts'
import { verifyLabel } from './verify.ts'

/**
 * Looks up the `#atproto_label` key of a DID: `createResolveLabelKey` of `@avocet/did`, or your own.
 *
 * @returns null where there is no such DID, or no such key
 * @throws anything when that cannot be told now
 */
export type ResolveLabelKey = (
  did: Did,
  options: { readonly forceRefresh: boolean },
) => Promise<PublicKey | null>

/** Options of {@link createLabelVerifier}. */
export interface LabelVerifierOptions {
  readonly resolveKey: ResolveLabelKey
  /** Checks signatures. Default: that of `@avocet/crypto`. */
  readonly verify?: VerifySignature
  /** Milliseconds for which a key is used before `resolveKey` is asked again. Default 60 000. */
  readonly keyMs?: number
  /**
   * Milliseconds between two lookups past every cache, of one source: a source whose labels all fail must not cost a lookup each.
   * Default 10 000.
   */
  readonly refreshMs?: number
  /** Sources whose keys are held. Default 1000; the one unused for longest goes. */
  readonly maxSources?: number
  /** Clock, milliseconds since the epoch. */
  readonly now?: () => number
}

/** Verifies labels of any source. */
export interface LabelVerifier {
  /**
   * Checks a label and its signature. When the signature fails, or there is no key, the key is looked up once more past every cache,
   * and the label is checked again if it is another one.
   *
   * @throws what `resolveKey` throws
   */
  verify(value: unknown): Promise<LabelResult>
}

interface Known {
  readonly key: PublicKey | null
  readonly at: number
}

/** Makes a {@link LabelVerifier}. */
export function createLabelVerifier(options: LabelVerifierOptions): LabelVerifier {
  const { resolveKey, keyMs = 60_000, refreshMs = 10_000, maxSources = 1000 } = options
  const now = options.now ?? Date.now
  const keys = new Map<Did, Known>()
  const refreshed = new Map<Did, number>()
  const lookups = new Map<string, Promise<PublicKey | null>>()

  /** One lookup at a time for each source, for however many labels wait for it. */
  const lookUp = (did: Did, forceRefresh: boolean): Promise<PublicKey | null> => {
    const id = `${did} ${forceRefresh}`
    let lookup = lookups.get(id)
    if (lookup === undefined) {
      lookup = resolveKey(did, { forceRefresh })
        .then((key) => {
          keep(keys, did, { key, at: now() })
          return key
        })
        .finally(() => lookups.delete(id))
      lookups.set(id, lookup)
    }
    return lookup
  }

  const keep = <T>(map: Map<Did, T>, did: Did, value: T): void => {
    map.delete(did)
    map.set(did, value)
    if (map.size > maxSources) map.delete(map.keys().next().value!)
  }

  const keyOf = async (did: Did): Promise<PublicKey | null> => {
    const known = keys.get(did)
    if (known === undefined || now() - known.at >= keyMs) return await lookUp(did, false)
    keep(keys, did, known)
    return known.key
  }

  /** The key past every cache; undefined when it was looked up so a moment ago. */
  const refresh = async (did: Did): Promise<PublicKey | null | undefined> => {
    const under = lookups.get(`${did} true`)
    if (under !== undefined) return await under
    const last = refreshed.get(did)
    if (last !== undefined && now() - last < refreshMs) return undefined
    keep(refreshed, did, now())
    return await lookUp(did, true)
  }

  return {
    async verify(value) {
      const src = sourceOf(value)
      const check = (key: PublicKey | null): LabelResult => verifyLabel(value, key, options.verify)
      // What is no label by itself costs no lookup.
      const first = check(null)
      if (src === null || (!first.ok && first.error.code !== 'no-key')) return first
      const key = await keyOf(src)
      const second = check(key)
      if (second.ok) return second
      const newer = await refresh(src)
      if (newer === undefined || isSame(newer, key)) return second
      return check(newer)
    },
  }
}

function sourceOf(value: unknown): Did | null {
  const src = (value as { src?: unknown } | null | undefined)?.src
  return isDid(src) ? src : null
}

function isSame(a: PublicKey | null, b: PublicKey | null): boolean {
  if (a === null || b === null) return a === b
  return a.curve === b.curve && a.bytes.every((byte, at) => byte === b.bytes[at])
}
