// CIDs beside their peers. Run: node bench/cid.ts
import * as atcute from '@atcute/cid'
import { CidMap, cidForCbor, cidFromBytes, formatCid, parseCid } from '@avocet/data'
import { CID } from 'multiformats/cid'

import { compare, save } from './support/compare.ts'

// Many, so that nothing is remembered from one call to the next.
const COUNT = 1000
const bytes = Array.from({ length: COUNT }, (_, i) => cidForCbor(new Uint8Array([i, i >> 8])).bytes)
const texts = bytes.map((each) => formatCid(cidFromBytes(each)))
const theirs = bytes.map((each) => atcute.decode(each))
const foreign = bytes.map((each) => CID.decode(each))

await compare(
  'CID to text',
  {
    unit: 'CIDs',
    items: COUNT,
    target: 1,
    note: 'of CIDs that multiformats made, since ours keep their text',
  },
  {
    avocet: () => foreign.map((cid) => formatCid(cid)).length,
    '@atcute/cid': () => theirs.map((cid) => atcute.toString(cid)).length,
    multiformats: () => bytes.map((each) => CID.decode(each).toString()).length,
  },
)
await compare(
  'CID from bytes and to text',
  { unit: 'CIDs', items: COUNT, target: 1 },
  {
    avocet: () => bytes.map((each) => formatCid(cidFromBytes(each))).length,
    '@atcute/cid': () => bytes.map((each) => atcute.toString(atcute.decode(each))).length,
  },
)
await compare(
  'CID from text',
  { unit: 'CIDs', items: COUNT, target: 1 },
  {
    avocet: () => texts.map((text) => parseCid(text)).length,
    '@atcute/cid': () => texts.map((text) => atcute.fromString(text)).length,
    multiformats: () => texts.map((text) => CID.parse(text)).length,
  },
)
await compare(
  'CID from bytes',
  { unit: 'CIDs', items: COUNT, target: 1 },
  {
    avocet: () => bytes.map((each) => cidFromBytes(each)).length,
    '@atcute/cid': () => bytes.map((each) => atcute.decode(each)).length,
    multiformats: () => bytes.map((each) => CID.decode(each)).length,
  },
)

await compare(
  'put a block in a map of 1000 and find it again',
  { unit: 'CIDs', items: COUNT },
  {
    avocet: () => {
      const map = new CidMap<number>()
      for (let i = 0; i < COUNT; i++) map.set(cidFromBytes(bytes[i]!), i)
      let found = 0
      for (const each of bytes) if (map.get(cidFromBytes(each)) !== undefined) found++
      return found
    },
    'a Map by the text of @atcute/cid': () => {
      const map = new Map<string, number>()
      for (let i = 0; i < COUNT; i++) map.set(atcute.toString(atcute.decode(bytes[i]!)), i)
      let found = 0
      for (const each of bytes) if (map.get(atcute.toString(atcute.decode(each))) !== undefined) found++
      return found
    },
  },
)
save('cid')
