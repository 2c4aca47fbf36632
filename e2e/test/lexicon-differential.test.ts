// 20 000 app.bsky records, half of them changed at random, before our validators and those of two peers. Wherever a verdict
// differs, the difference is one of those written down here, with what the specification says to it.
import * as atcute from '@atcute/bluesky'
import { safeParse } from '@atcute/lexicons/validations'
import { schemas } from '@atproto/api'
import { jsonToLex, Lexicons } from '@atproto/lexicon'
import { fromJson } from '@avocet/data'
import type { Issue } from '@avocet/lexicon'
import { namespaceName } from '@avocet/lexicon/codegen'
import { catalog, documents } from '@avocet/lexicons/catalog'
import { describe, expect, test } from 'vitest'

import { createRandom, type Json, makeRecord, mutate } from '../support/lexicon-values.ts'

const COUNT = 20_000

type Peer = '@atproto/lexicon' | '@atcute/bluesky'
/** `issue` is what we refuse the record for; null where we take it and the peer does not. */
type Verdicts = { readonly issues: readonly Pick<Issue, 'code' | 'path'>[]; readonly peerMessage: string }

type Difference = {
  readonly name: string
  readonly peers: readonly Peer[]
  /** What the specification says. */
  readonly spec: string
  /** Whether it accounts for an issue of ours; the peer has none. */
  readonly refuses?: (issue: Pick<Issue, 'code' | 'path'>) => boolean
  /** Whether it accounts for what the peer says; we take the record. */
  readonly accepts?: (message: string) => boolean
}

const BOTH: readonly Peer[] = ['@atproto/lexicon', '@atcute/bluesky']

const DIFFERENCES: readonly Difference[] = [
  {
    name: 'fields that the lexicon does not name are not read by the peers, whatever they hold',
    peers: BOTH,
    spec: 'specs/data-model: floats are not allowed; $link, $bytes, blobs and $type have one form, at every level of data',
    refuses: (issue) => issue.code.startsWith('json-'),
  },
  {
    name: 'blobs of another type or size than accept and maxSize say',
    peers: BOTH,
    spec: 'specs/lexicon#blob: accept and maxSize; the interop vectors "blob too large" and "blob wrong type" are invalid records',
    refuses: (issue) => issue.code === 'blob-mime-type' || issue.code === 'blob-too-large',
  },
  {
    name: 'blobs of the legacy form',
    peers: BOTH,
    spec: 'specs/data-model#blob-type: such blobs should not be written any more; the option legacyBlobs takes them',
    refuses: (issue) => issue.code === 'invalid-type',
  },
  {
    name: 'datetimes without a zone',
    peers: ['@atproto/lexicon'],
    spec: 'specs/lexicon#datetime: 1985-04-12T23:20:50.123 is among the invalid examples',
    refuses: (issue) => issue.code === 'invalid-format' && issue.path === '/createdAt',
  },
  {
    name: 'languages in capital letters',
    peers: BOTH,
    spec: 'specs/lexicon#language: codes are lower-cased; syntax/language_syntax_invalid.txt has JA',
    refuses: (issue) => issue.code === 'invalid-format' && /\/lang(?:s\/[0-9]+)?$/.test(issue.path),
  },
  {
    name: 'variants of unions whose $type ends in #main',
    peers: BOTH,
    spec: 'specs/lexicon#lexicon-files: in $type, use of a #main suffix is invalid',
    refuses: (issue) => issue.code === 'wrong-type',
  },
  {
    name: 'bounds of integers',
    peers: ['@atcute/bluesky'],
    spec: 'specs/lexicon#integer: minimum, maximum',
    refuses: (issue) => issue.code === 'too-small' || issue.code === 'too-large',
  },
  {
    name: 'texts with the shape of a CID that decode to none',
    peers: BOTH,
    spec: 'specs/lexicon#string-formats: the most expansive syntax is permitted; syntax/cid_syntax_valid.txt goes by the shape',
    accepts: (message) => /must be a cid string|"expected":"cid"/.test(message),
  },
  {
    name: 'URIs with nothing after their slashes (at://)',
    peers: ['@atcute/bluesky'],
    spec: 'specs/lexicon#uri: any URI of RFC 3986, whose section 3.2.2 lets the name of a host be empty',
    accepts: (message) => message.includes('"expected":"uri"'),
  },
  {
    name: 'a $type on an object behind a ref that names something else',
    peers: ['@atcute/bluesky'],
    spec: 'specs/lexicon#authority-and-control: unexpected fields are ignored; $type has no place behind a ref to an object',
    accepts: (message) => /"code":"invalid_literal".*"path":\[[^\]]*"\$type"\]/.test(message),
  },
  {
    name: 'a $type of two fragments, in an open union',
    peers: ['@atproto/lexicon'],
    spec: 'specs/lexicon#union: other types than those listed may stand in an open union; the peer throws',
    accepts: (message) => message.includes('only have one hash segment'),
  },
  {
    name: 'fields that the lexicon does not name, with the shape of a legacy blob and a CID that is none',
    peers: ['@atproto/lexicon'],
    spec: 'specs/lexicon#authority-and-control: unexpected fields are ignored; the peer throws',
    accepts: (message) => message.startsWith('threw'),
  },
]

const peerLexicons = new Lexicons(schemas)

function askAtproto(nsid: string, record: Json): string | null {
  try {
    peerLexicons.assertValidRecord(nsid, jsonToLex(record))
    return null
  } catch (error) {
    const { name, message } = error as Error
    return name === 'ValidationError' ? message : `threw ${message}`
  }
}

function askAtcute(nsid: string, record: Json): string | null {
  const schema = (atcute as unknown as Record<string, { mainSchema: Parameters<typeof safeParse>[0] }>)[
    namespaceName(nsid)
  ]
  if (schema === undefined) throw new Error(`@atcute/bluesky has no ${nsid}`)
  const result = safeParse(schema.mainSchema, record)
  return result.ok ? null : JSON.stringify(result.issues)
}

function askOurs(nsid: string, record: Json): Verdicts['issues'] | null {
  let value: unknown
  try {
    value = fromJson(record)
  } catch (error) {
    return [{ path: '', code: `json-${(error as { code: string }).code}` as Issue['code'] }]
  }
  const result = catalog.record(nsid)!.validate(value)
  return result.ok ? null : result.issues
}

describe('validators of three houses', () => {
  const byId = new Map(documents.map((document) => [document.id, document]))
  const nsids = documents
    .filter(({ id, defs }) => id.startsWith('app.bsky.') && defs['main']?.type === 'record')
    .map(({ id }) => id)

  test(`judge ${COUNT} records alike, save for the differences written down`, () => {
    const random = createRandom(1)
    const used = new Map<string, number>()
    const unexplained: unknown[] = []
    const counts = { valid: 0, invalid: 0, different: 0 }
    for (let i = 0; i < COUNT; i++) {
      const nsid = random.pick(nsids)
      const record = makeRecord(random, byId, nsid)
      const changes = i % 2 === 0 ? [] : mutate(random, record)
      const ours = askOurs(nsid, record)
      counts[ours === null ? 'valid' : 'invalid'] += 1
      for (const [peer, theirs] of [
        ['@atproto/lexicon', askAtproto(nsid, record)],
        ['@atcute/bluesky', askAtcute(nsid, record)],
      ] as const) {
        if ((ours === null) === (theirs === null)) continue
        counts.different += 1
        const among = DIFFERENCES.filter(({ peers }) => peers.includes(peer))
        const found =
          ours === null
            ? [among.find(({ accepts }) => accepts?.(theirs!))]
            : ours.map((issue) => among.find(({ refuses }) => refuses?.(issue)))
        for (const difference of found) {
          if (difference === undefined) unexplained.push({ peer, nsid, changes, ours, theirs, record })
          else used.set(`${peer}: ${difference.name}`, (used.get(`${peer}: ${difference.name}`) ?? 0) + 1)
        }
      }
    }
    expect(unexplained.slice(0, 3)).toEqual([])
    // The list says nothing that does not happen, and the records are of both kinds.
    expect([...used.keys()].toSorted()).toEqual(
      DIFFERENCES.flatMap(({ name, peers }) => peers.map((peer) => `${peer}: ${name}`)).toSorted(),
    )
    expect(counts.valid).toBeGreaterThan(COUNT / 3)
    expect(counts.invalid).toBeGreaterThan(COUNT / 4)
    console.info(
      `lexicon differential: ${JSON.stringify({ ...counts, ...Object.fromEntries(used) }, null, 2)}`,
    )
  })
})
