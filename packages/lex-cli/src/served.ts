import { readFile, stat } from 'node:fs/promises'
import { parseLexicon } from '@avocet/lexicon'
import { readBounded } from '@avocet/data'
import type { LexiconFile } from './folder.ts'

/** Largest answer, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024
const TIMEOUT_MS = 30_000

/**
 * The lexicons that a server describes itself with: those of its queries, and of the records in them. An `avocet-indexer` does so at
 * `/lexicons`, as `{ lexicons: [document, …] }`, and `avocet-indexer lexicons` prints the same.
 *
 * @param from the address of the server, or a file with what it says
 * @throws Error in words for the person who gave it.
 */
export async function loadServedLexicons(from: string): Promise<LexiconFile[]> {
  const isAddress = /^https?:\/\//i.test(from)
  const where = isAddress ? new URL('/lexicons', from).href : from
  const found = readList(await (isAddress ? fetchText(where) : readText(where)))
  if (found === null) throw new Error(`${where} has no list of lexicons`)
  return found.map((json) => {
    const parsed = parseLexicon(json)
    if (!parsed.ok) throw new Error(`${where} has what is no lexicon: ${parsed.error.message}`)
    const document = parsed.value
    return { file: `${where}#${document.id}`, text: JSON.stringify(document, null, 2), document }
  })
}

async function readText(file: string): Promise<string> {
  const { size } = await stat(file)
  if (size > MAX_BYTES) throw new Error(`${file} has more than ${MAX_BYTES} bytes`)
  return readFile(file, 'utf8')
}

async function fetchText(address: string): Promise<string> {
  const response = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(
    (cause: unknown) => {
      throw new Error(`${address} does not answer`, { cause })
    },
  )
  if (!response.ok || response.body === null) throw new Error(`${address} answers ${response.status}`)
  const bytes = await readBounded(response.body, MAX_BYTES)
  if (bytes === null) throw new Error(`${address} answers with more than ${MAX_BYTES} bytes`)
  return new TextDecoder().decode(bytes)
}

function readList(text: string): unknown[] | null {
  try {
    const list = (JSON.parse(text) as { lexicons?: unknown } | null)?.lexicons
    return Array.isArray(list) ? list : null
  } catch {
    return null
  }
}
