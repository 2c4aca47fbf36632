// The JSON form of records beside its peer, on the records of the capture. Run: node bench/json.ts
import { jsonToLex, lexToJson } from '@atproto/lexicon'
import { decode } from '@avocet/cbor'
import { fromJson, toJson, type JsonValue } from '@avocet/data'

import { blocksOf, readFrames } from './support/blocks.ts'
import { compare, save } from './support/compare.ts'

const frames = await readFrames()
if (frames === null) process.exit(0)
const values = blocksOf(frames).records.map((bytes) => decode(bytes))
const json = values.map((value) => toJson(value))
const lex = json.map((value: JsonValue) => jsonToLex(value as Parameters<typeof jsonToLex>[0]))
const options = { unit: 'records', items: values.length, target: 1 }

await compare('records to JSON values', options, {
  avocet: () => values.map((value) => toJson(value)).length,
  '@atproto/lexicon': () => lex.map((value) => lexToJson(value)).length,
})
await compare('records from JSON values', options, {
  avocet: () => json.map((value) => fromJson(value)).length,
  '@atproto/lexicon': () => json.map((value) => jsonToLex(value as Parameters<typeof jsonToLex>[0])).length,
})
save('json')
