// The zstd dictionary of a v2 server: asked for once, and again when the server has another.
import { readBounded } from '@avocet/data'
import { createDecompress as ofPlatform } from '#zstd'
import { parseDictionaryId, type CreateDecompress, type Decompress } from './zstd.ts'

/** A dictionary, ready to use. */
export interface Dictionary {
  readonly id: number
  readonly decompress: Decompress
}

/** The dictionaries of the services of one subscription. */
export interface Dictionaries {
  /** The service's dictionary; null where frames are to come plain: nothing unpacks them, or there is none to be had. */
  of(base: URL): Promise<Dictionary | null>
  /** The service does not know the dictionary (any more): it is asked once more, then left alone. */
  refused(base: URL): void
}

const METHOD = 'network.bsky.jetstream.getZstdDictionary'
// The present one has 64 kB.
const MAX_BYTES = 1024 * 1024
const TIMEOUT_MS = 15_000

/** Makes {@link Dictionaries}. */
export function createDictionaries(
  create: CreateDecompress | null = ofPlatform,
  settings: {
    readonly headers?: ConstructorParameters<typeof Headers>[0]
    readonly signal?: AbortSignal
  } = {},
): Dictionaries {
  const known = new Map<string, { readonly dictionary: Dictionary | null; readonly refusals: number }>()
  return {
    async of(base) {
      if (create === null) return null
      const found = known.get(base.href)
      if (found !== undefined && (found.dictionary !== null || found.refusals > 1)) return found.dictionary
      const bytes = await fetchDictionary(base, settings)
      const id = bytes === null ? null : parseDictionaryId(bytes)
      const dictionary = bytes === null || id === null ? null : { id, decompress: create(bytes) }
      known.set(base.href, { dictionary, refusals: found?.refusals ?? 0 })
      return dictionary
    },
    refused(base) {
      const refusals = (known.get(base.href)?.refusals ?? 0) + 1
      known.set(base.href, { dictionary: null, refusals })
    },
  }
}

async function fetchDictionary(
  base: URL,
  {
    headers,
    signal,
  }: { readonly headers?: ConstructorParameters<typeof Headers>[0]; readonly signal?: AbortSignal },
): Promise<Uint8Array | null> {
  const url = new URL(base)
  url.protocol = url.protocol.replace(/^ws/, 'http')
  url.pathname = `${url.pathname.replace(/^(.*[^/])?\/*$/s, '$1')}/xrpc/${METHOD}`
  url.search = ''
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  try {
    const response = await fetch(url, {
      ...(headers !== undefined && { headers }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      redirect: 'error',
    })
    return response.ok ? await readBounded(response.body, MAX_BYTES) : null
  } catch {
    // Plain frames say the same.
    return null
  }
}
