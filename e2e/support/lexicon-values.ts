// Random JSON records made from lexicon documents: valid ones, and ones with a few things changed. Deterministic by seed.
import type { LexiconDocument, LexiconField, LexiconString, StringFormat } from '@avocet/lexicon'

/** Random numbers from a seed (mulberry32): the same on every machine. */
export type Random = {
  /** A whole number from 0 to `below` - 1. */
  int(below: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const int = (below: number): number => Math.floor(next() * below)
  return { int, chance: (probability) => next() < probability, pick: (items) => items[int(items.length)]! }
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

const CID = 'bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq'
const RAW = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

const FORMATS: { readonly [format in StringFormat]: readonly string[] } = {
  'at-identifier': ['alice.example.com', 'did:plc:44ybard66vv44zksje25o7dz'],
  'at-uri': [
    'at://did:plc:44ybard66vv44zksje25o7dz/app.bsky.feed.post/3kznmn7xqxl22',
    'at://did:web:example.com',
    'at://alice.example.com/com.example.thing/self',
  ],
  cid: [CID, RAW],
  datetime: ['2024-01-02T03:04:05.678Z', '1985-04-12T23:20:50Z', '2024-02-29T00:00:00.123456+02:00'],
  did: ['did:plc:44ybard66vv44zksje25o7dz', 'did:web:example.com'],
  handle: ['alice.example.com', 'a.co'],
  language: ['en', 'pt-BR', 'zh-Hant-TW'],
  nsid: ['app.bsky.feed.post', 'com.example.fooBar'],
  'record-key': ['self', '3kznmn7xqxl22', 'a:b_c~d-e.f'],
  tid: ['3kznmn7xqxl22'],
  uri: ['https://example.com/a?b#c', 'did:plc:abc', 'at://x', 'mailto:a@b.c'],
}
const TEXTS = ['', 'a', 'hello world', 'grüße', '👨‍👩‍👧‍👦', 'e\u0301', '🇩🇪🇫🇷', 'line\r\nbreak', '日本語', '\u0000']

/** A record that its document allows. */
export function makeRecord(
  random: Random,
  documents: ReadonlyMap<string, LexiconDocument>,
  nsid: string,
): { [key: string]: Json } {
  const main = documents.get(nsid)!.defs['main']!
  if (main.type !== 'record') throw new Error(`not a record: ${nsid}`)
  return { $type: nsid, ...(makeField(random, documents, nsid, main.record, 0) as { [key: string]: Json }) }
}

function makeField(
  random: Random,
  documents: ReadonlyMap<string, LexiconDocument>,
  nsid: string,
  field: LexiconField,
  depth: number,
): Json {
  const make = (inner: LexiconField, from: string = nsid): Json =>
    makeField(random, documents, from, inner, depth + 1)
  switch (field.type) {
    case 'boolean':
      return field.const ?? random.chance(0.5)
    case 'integer': {
      if (field.const !== undefined) return field.const
      if (field.enum !== undefined) return random.pick(field.enum)
      const low = field.minimum ?? 0
      return low + random.int(Math.min((field.maximum ?? low + 1000) - low + 1, 1000))
    }
    case 'string':
      return makeString(random, field)
    case 'bytes':
      return { $bytes: 'AQID' }
    case 'cid-link':
      return { $link: CID }
    case 'blob': {
      const mimeType = random.pick(field.accept ?? ['image/png']).replace('*', 'png')
      return {
        $type: 'blob',
        ref: { $link: RAW },
        mimeType,
        size: 1 + random.int(Math.min(field.maxSize ?? 1000, 1000)),
      }
    }
    case 'unknown':
      return { any: 1 }
    case 'ref':
    case 'union': {
      const ref = field.type === 'ref' ? field.ref : random.pick(field.refs)
      if (field.type === 'union' && field.closed !== true && random.chance(0.1)) {
        return { $type: 'com.example.unknown#thing', any: [1] }
      }
      const [target = '', name = 'main'] = ref.startsWith('#') ? [nsid, ref.slice(1)] : ref.split('#')
      const def = documents.get(target)!.defs[name]!
      if (def.type === 'record') return makeRecord(random, documents, target)
      const value = make(def as LexiconField, target)
      if (field.type === 'ref') return value
      return { $type: name === 'main' ? target : `${target}#${name}`, ...(value as { [key: string]: Json }) }
    }
    case 'array': {
      const low = field.minLength ?? 0
      const length = low + random.int(Math.min((field.maxLength ?? low + 3) - low, 3) + 1)
      return Array.from({ length }, () => make(field.items))
    }
    default: {
      const object: { [key: string]: Json } = {}
      for (const [key, property] of Object.entries(field.properties)) {
        if (!field.required?.includes(key) && !random.chance(depth > 5 ? 0.1 : 0.6)) continue
        object[key] = field.nullable?.includes(key) && random.chance(0.2) ? null : make(property)
      }
      return object
    }
  }
}

function makeString(random: Random, field: LexiconString): string {
  if (field.const !== undefined) return field.const
  if (field.enum !== undefined) return random.pick(field.enum)
  if (field.format !== undefined) return random.pick(FORMATS[field.format])
  if (field.knownValues !== undefined && random.chance(0.7)) return random.pick(field.knownValues)
  const long = Math.max(field.minLength ?? 0, field.minGraphemes ?? 0)
  const text = random.pick(TEXTS)
  if (text.length < long) return 'x'.repeat(long)
  // Now and then as long as it may be, or a little longer: the bound is where validators part.
  const edge = field.maxGraphemes ?? field.maxLength
  if (edge === undefined || edge > 5000 || !random.chance(0.1)) return text
  return random.pick(['x', 'é', '👍']).repeat(edge + random.int(2))
}

const ODD: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  '',
  'x',
  [],
  {},
  { $type: 'blob' },
  { $link: CID },
  { $bytes: 'AQID' },
  { cid: CID, mimeType: 'image/png' },
  'at://x',
  'x'.repeat(10_000),
]

/** Changes one to three things somewhere in a record, in place. Returns what was done. */
export function mutate(random: Random, record: { [key: string]: Json }): string[] {
  const done: string[] = []
  for (let i = 1 + random.int(3); i > 0; i--) {
    const all = places(record)
    if (all.length === 0) break
    const [holder, key] = random.pick(all)
    done.push(change(random, holder, key))
  }
  return done
}

type Holder = Json[] | { [key: string]: Json }

/** Every place of a value that can be changed. */
function places(value: Json, found: [Holder, string | number][] = []): [Holder, string | number][] {
  if (typeof value !== 'object' || value === null) return found
  for (const key of Object.keys(value)) {
    found.push([value, Array.isArray(value) ? Number(key) : key])
    places((value as { [key: string]: Json })[key]!, found)
  }
  return found
}

function change(random: Random, holder: Holder, key: string | number): string {
  const at = holder as { [key: string]: Json }
  const old = at[key]!
  const kind = random.int(7)
  if (kind === 0 && !Array.isArray(holder)) {
    delete holder[key]
    return `delete ${key}`
  }
  if (kind === 1 && !Array.isArray(holder)) {
    const name = random.pick(['extra', 'extra', '$type'])
    if (name === '$type' && Object.hasOwn(holder, name)) return 'nothing'
    holder[name] = name === '$type' ? 'com.example.other' : structuredClone(random.pick(ODD))
    return name
  }
  if (typeof old === 'string' && kind < 5) {
    const text = random.pick([
      `${old}x`,
      old.slice(0, -1),
      old.toUpperCase(),
      ` ${old}`,
      `${old}#main`,
      `${old}.`,
      old.replace('Z', '+00:00'),
      `${old}${old}`,
    ])
    at[key] = text
    return `text ${key}`
  }
  if (typeof old === 'number' && kind < 5) {
    at[key] = random.pick([old + 1, old - 1, -old, old + 0.5, old * 1e9])
    return `number ${key}`
  }
  if (Array.isArray(old) && kind < 5) {
    at[key] =
      old.length === 0
        ? [structuredClone(random.pick(ODD))]
        : Array.from({ length: 1 + random.int(12) }, () => structuredClone(old[0]!))
    return `array ${key}`
  }
  at[key] = structuredClone(random.pick(ODD))
  return `odd ${key}`
}
