// Makes a full, valid record of any lexicon record type from its document: every property set, bounds respected.
import { schemas } from '@atproto/api'

type Json = Record<string, unknown>
/** Gives the blob to put where the lexicon asks for one of these MIME types. */
export type BlobFor = (accept: readonly string[]) => unknown

const documents = new Map(schemas.map((schema) => [schema.id as string, schema as unknown as { defs: Json }]))
/** Optional properties are left out below this depth, which ends every recursion. */
const FULL_DEPTH = 4

/** NSID and record key type of every bundled record definition of a namespace such as `app.bsky.`. */
export function recordTypes(namespace: string): { nsid: string; key: string }[] {
  return [...documents]
    .filter(([nsid]) => nsid.startsWith(namespace))
    .map(([nsid, document]) => ({ nsid, main: document.defs['main'] as Json | undefined }))
    .filter(({ main }) => main?.['type'] === 'record')
    .map(({ nsid, main }) => ({ nsid, key: (main?.['key'] as string | undefined) ?? 'any' }))
}

/** A valid record of this type, `$type` included. @throws when the type is not bundled */
export function sampleRecord(nsid: string, did: string, blobFor: BlobFor): Json {
  const main = documents.get(nsid)?.defs['main'] as Json | undefined
  if (main?.['type'] !== 'record') throw new Error(`not a bundled record type: ${nsid}`)
  return { $type: nsid, ...(sample(main['record'] as Json, nsid, 0) as Json) }

  function sample(def: Json, document: string, depth: number): unknown {
    if ('const' in def) return def['const']
    if (Array.isArray(def['enum'])) return def['enum'][0]
    switch (def['type']) {
      case 'object': {
        const properties = (def['properties'] ?? {}) as Record<string, Json>
        const required = new Set((def['required'] ?? []) as string[])
        return Object.fromEntries(
          Object.entries(properties)
            .filter(([name]) => required.has(name) || depth < FULL_DEPTH)
            .map(([name, property]) => [name, sample(property, document, depth + 1)]),
        )
      }
      case 'array': {
        const length = Math.max(Number(def['minLength'] ?? 0), depth < FULL_DEPTH ? 1 : 0)
        return Array.from({ length }, () => sample(def['items'] as Json, document, depth + 1))
      }
      case 'ref':
        return reference(String(def['ref']), document, depth, false)
      case 'union':
        return reference((def['refs'] as string[])[0] ?? '', document, depth, true)
      case 'string':
        return string(def)
      case 'integer':
        return Number(def['minimum'] ?? 1)
      case 'boolean':
        return true
      case 'bytes':
        return {
          $bytes: Buffer.alloc(Math.max(Number(def['minLength'] ?? 0), 3), 7)
            .toString('base64')
            .replaceAll('=', ''),
        }
      case 'cid-link':
        return { $link: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a' }
      case 'blob':
        return blobFor((def['accept'] ?? ['*/*']) as string[])
      case 'unknown':
        return { note: 'any object' }
      default:
        throw new Error(`no sample for type ${String(def['type'])} in ${document}`)
    }
  }

  function reference(raw: string, document: string, depth: number, typed: boolean): unknown {
    const ref = raw.replace(/^lex:/, '')
    const [id, name = 'main'] = ref.startsWith('#') ? [document, ref.slice(1)] : ref.split('#')
    const target = documents.get(id ?? '')?.defs[name] as Json | undefined
    if (!target) throw new Error(`dangling reference ${ref} in ${document}`)
    if (target['type'] === 'token') return `${id}#${name}`
    const value = sample(target, id ?? '', depth + 1)
    return typed ? { $type: name === 'main' ? id : `${id}#${name}`, ...(value as Json) } : value
  }

  function string(def: Json): string {
    switch (def['format']) {
      case 'datetime':
        return '2026-01-02T03:04:05.678Z'
      case 'did':
      case 'at-identifier':
        return did
      case 'at-uri':
        return `at://${did}/app.bsky.feed.post/3kxyzabcdef22`
      case 'handle':
        return 'alice.test'
      case 'nsid':
        return 'app.bsky.feed.post'
      case 'cid':
        return 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
      case 'uri':
        return 'https://example.com/path'
      case 'language':
        return 'en'
      case 'tid':
        return '3kxyzabcdef22'
      case 'record-key':
        return 'self'
      default: {
        const known = def['knownValues'] as string[] | undefined
        return (
          known?.[0] ??
          'text'.padEnd(Number(def['minLength'] ?? 0), '.').slice(0, Number(def['maxLength'] ?? 100))
        )
      }
    }
  }
}
