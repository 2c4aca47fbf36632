// Keys, signatures, encodings, archives and identifiers, handed back and forth with the published packages of the network.
import { zstdDecompressSync } from 'node:zlib'

import * as atcuteCar from '@atcute/car'
import * as atcuteCbor from '@atcute/cbor'
import * as atcuteCrypto from '@atcute/crypto'
import * as atproto from '@atproto/crypto'
import { BlockMap, blocksToCarFile, readCar as readCarOfAtproto } from '@atproto/repo'
import * as atprotoSyntax from '@atproto/syntax'
import { readCar, writeCar } from '@avocet/car'
import { decode, decodeFirst, encode } from '@avocet/cbor'
import { createKeypair, importKeypair, parseDidKey, verifySignature, type Curve } from '@avocet/crypto'
import { importNativeKeypair, nativeVerifier } from '@avocet/crypto-native'
import { CID, cidForCbor, formatCid } from '@avocet/data'
import * as syntax from '@avocet/syntax'
import { createRandom, readFixture, sameBytes } from '@avocet/testing'
import { describe, expect, test } from 'vitest'

const message = new TextEncoder().encode('a message for strangers')
const curves: Curve[] = ['k256', 'p256']

describe('keys and signatures', () => {
  test.each(curves)('%s: ours are taken by @atproto/crypto and @atcute/crypto', async (curve) => {
    const plain = createKeypair(curve)
    const native = importNativeKeypair(curve, plain.exportPrivateKey())
    const found = atcuteCrypto.parseDidKey(plain.didKey)
    const theirKey = await (
      curve === 'k256' ? atcuteCrypto.Secp256k1PublicKey : atcuteCrypto.P256PublicKey
    ).importRaw(found.publicKeyBytes)
    for (const signer of [plain, native]) {
      const signature = await signer.sign(message)
      expect(await atproto.verifySignature(signer.didKey, message, signature)).toBe(true)
      expect(await theirKey.verify(Uint8Array.from(signature), message)).toBe(true)
    }
  })

  test.each(curves)('%s: theirs are taken here', async (curve) => {
    const make = curve === 'k256' ? atproto.Secp256k1Keypair : atproto.P256Keypair
    const theirs = await make.create({ exportable: true })
    const key = parseDidKey(theirs.did())
    expect(key.ok).toBe(true)
    const signature = await theirs.sign(message)
    expect(key.ok && verifySignature(key.value, message, signature)).toBe(true)
    expect(key.ok && nativeVerifier()(key.value, message, signature)).toBe(true)
    expect(importKeypair(curve, Uint8Array.from(await theirs.export())).didKey).toBe(theirs.did())
  })
})

const packed = await readFixture('relay-capture/frames.bin.zst')

describe.skipIf(packed === null)('blocks of the captured stream', () => {
  const cars: Uint8Array[] = []
  const all = packed === null ? new Uint8Array() : new Uint8Array(zstdDecompressSync(packed))
  const view = new DataView(all.buffer)
  for (let at = 0; at < all.length;) {
    const length = view.getUint32(at, true)
    const { value, rest } = decodeFirst(all.subarray(at + 4, at + 4 + length))
    if ((value as { t?: string }).t === '#commit') cars.push((decode(rest) as { blocks: Uint8Array }).blocks)
    at += 4 + length
  }

  test('the same values, bytes and CIDs as @atcute/cbor', () => {
    let count = 0
    for (const car of cars) {
      for (const { cid, bytes } of readCar(car).blocks) {
        const theirs: unknown = atcuteCbor.decode(bytes)
        expect(sameBytes(encode(decode(bytes)), bytes)).toBe(true)
        expect(sameBytes(atcuteCbor.encode(theirs), bytes)).toBe(true)
        expect(formatCid(cidForCbor(bytes))).toBe(CID.decode(cid.bytes).toString())
        count++
      }
    }
    expect(count).toBeGreaterThan(1000)
  })

  test('archives: ours are read by @atproto/repo and @atcute/car, theirs here', async () => {
    for (const car of cars.slice(0, 30)) {
      const { roots, blocks } = readCar(car)
      const ours = writeCar(roots, blocks)
      const read = await readCarOfAtproto(ours)
      expect(read.roots.map(String)).toEqual(roots.map(String))
      const byAtcute = [...atcuteCar.fromUint8Array(ours)]
      expect(byAtcute).toHaveLength(blocks.length)

      const map = new BlockMap()
      for (const { cid, bytes } of blocks) map.set(CID.parse(formatCid(cid)), bytes)
      const theirs = readCar(await blocksToCarFile(CID.parse(formatCid(roots[0]!)), map))
      const texts = (list: readonly { cid: CID }[]): string[] =>
        list.map(({ cid }) => cid.toString()).toSorted()
      expect(texts(theirs.blocks)).toEqual([...new Set(texts(blocks))])
    }
  })
})

describe('identifiers: the same verdict as @atproto/syntax', () => {
  const PIECES = [
    '',
    '.',
    '..',
    '-',
    ':',
    '/',
    '#',
    '%',
    '@',
    '~',
    '_',
    ' ',
    '\n',
    'a',
    'Z',
    '0',
    '9',
    'did:',
    'at://',
    'com.example',
    'T',
    'Z',
    '+00:00',
    '\u00e9',
    '\u{1f600}',
  ]
  const random = createRandom(23)
  const near = (valid: string): string => {
    const at = random.below(valid.length + 1)
    return valid.slice(0, at) + random.pick(PIECES) + valid.slice(at + random.below(3))
  }

  test.each<
    [name: string, ours: (text: string) => boolean, theirs: (text: string) => boolean, valid: string[]]
  >([
    [
      'DIDs',
      syntax.isDid,
      atprotoSyntax.isValidDid,
      ['did:plc:7iza6de2dwap2sbkpav7c6c6', 'did:web:localhost%3A1234'],
    ],
    ['handles', syntax.isHandle, atprotoSyntax.isValidHandle, ['xn--ls8h.test', 'a.8cn.bsky.app']],
    ['NSIDs', syntax.isNsid, atprotoSyntax.isValidNsid, ['com.example.fooBar', 'a-0.b-1.c']],
    ['record keys', syntax.isRecordKey, atprotoSyntax.isValidRecordKey, ['self', '~1.2-3_:x']],
    ['TIDs', syntax.isTid, atprotoSyntax.isValidTid, ['3jzfcijpj2z2a']],
  ])('%s', (_name, ours, theirs, valid) => {
    const different = new Set<string>()
    for (let round = 0; round < 20_000; round++) {
      const text = near(random.pick(valid))
      if (ours(text) !== theirs(text)) different.add(text)
    }
    expect([...different].slice(0, 10)).toEqual([])
  })

  test('AT URIs, but for fragments, which schemas do not allow', () => {
    const different = new Set<string>()
    for (let round = 0; round < 20_000; round++) {
      const text = near('at://did:plc:asdf123/com.atproto.feed.post/3jzfcijpj2z2a')
      if (text.includes('#')) expect(syntax.isAtUri(text)).toBe(false)
      else if (syntax.isAtUri(text) !== atprotoSyntax.isAtUriString(text)) different.add(text)
    }
    expect([...different].slice(0, 10)).toEqual([])
  })

  test('datetimes, but for days that do not exist, which they take for the next ones', () => {
    const different = new Set<string>()
    for (let round = 0; round < 20_000; round++) {
      const text = near(
        random.pick(['1985-04-12T23:20:50.123Z', '2024-02-28T23:20:50+01:45', '9999-12-31T23:59:59-00:01']),
      )
      const [ours, theirs] = [syntax.isDatetime(text), atprotoSyntax.isDatetimeString(text)]
      if (ours !== theirs && !(theirs && /-(?:02-(?:29|3\d)|(?:04|06|09|11)-31)T/.test(text)))
        different.add(text)
    }
    expect([...different].slice(0, 10)).toEqual([])
  })
})
