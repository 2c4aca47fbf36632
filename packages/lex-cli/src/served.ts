import { parseLexicon } from '@avocet/lexicon'
import { readBounded } from '@avocet/data'
import type { LexiconFile } from './folder.ts'

/** Largest answer, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024
const TIMEOUT_MS = 30_000

/**
 * The lexicons that a server describes itself with: those of its queries, and of the records in them. An `avocet-indexer` does so at
 * `/lexicons`, as `{ lexicons: [document, …] }`.
 *
 * @throws Error in words for the person who gave the address.
 */
export async function fetchServedLexicons(url: string): Promise<LexiconFile[]> {
  const address = new URL('/lexicons', url).href
  const response = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(
    (cause: unknown) => {
      throw new Error(`${address} does not answer`, { cause })
    },
  )
  if (!response.ok || response.body === null) throw new Error(`${address} answers ${response.status}`)
  const bytes = await readBounded(response.body, MAX_BYTES)
  if (bytes === null) throw new Error(`${address} answers with more than ${MAX_BYTES} bytes`)
  const found = readList(new TextDecoder().decode(bytes))
  if (found === null) throw new Error(`${address} answers with no list of lexicons`)
  return found.map((json) => {
    const parsed = parseLexicon(json)
    if (!parsed.ok) throw new Error(`${address} has what is no lexicon: ${parsed.error.message}`)
    const document = parsed.value
    return { file: `${address}#${document.id}`, text: JSON.stringify(document, null, 2), document }
  })
}

function readList(text: string): unknown[] | null {
  try {
    const list = (JSON.parse(text) as { lexicons?: unknown } | null)?.lexicons
    return Array.isArray(list) ? list : null
  } catch {
    return null
  }
}
