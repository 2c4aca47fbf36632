// Request bodies by themselves: bounded however they come, read when somebody asks, let go when they stall.
import { randomBytes } from 'node:crypto'
import { deflateSync, gzipSync } from 'node:zlib'
import { createCatalog, type Procedure } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'
import { readInput } from '../src/body.ts'
import type { Call } from '../src/call.ts'
import { defaultLimits, type Limits } from '../src/limits.ts'
import { networkOf } from '../src/network.ts'

const catalog = createCatalog(
  ['application/json', '*/*'].map(
    (encoding, i) =>
      ({
        lexicon: 1,
        id: `com.example.${['json', 'blob'][i]}`,
        defs: { main: { type: 'procedure', input: { encoding } } },
      }) as never,
  ),
)
const [json, blob] = ['json', 'blob'].map((name) => catalog.method(`com.example.${name}`) as Procedure)
const limits: Limits = { ...defaultLimits, jsonBytes: 100, blobBytes: 1000 }
/** For bodies that stall. */
const brief: Limits = { ...limits, bodyMs: 50 }

type Body = { readonly headers?: Record<string, string>; readonly arrived?: Uint8Array; pulls?: number }
/** A call whose body comes in these pieces; null: a piece that never comes. */
function callOf(pieces: readonly (Uint8Array | null)[] | null, body: Body = {}): Call {
  const headers: Record<string, string> = { 'content-type': 'application/json', ...body.headers }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces!) {
      body.pulls = (body.pulls ?? 0) + 1
      if (piece === null) await new Promise(() => {})
      else yield piece
    }
  }
  return {
    header: (name: string) => headers[name] ?? null,
    body: () => (pieces === null ? null : chunks()),
    arrived: () => body.arrived ?? null,
  } as unknown as Call
}
const text = (length: number): Uint8Array => Buffer.from(JSON.stringify('x'.repeat(length - 2)))
const halves = (bytes: Uint8Array): Uint8Array[] => {
  const half = bytes.length >> 1
  return [bytes.subarray(0, half), new Uint8Array(0), bytes.subarray(half)]
}
const readAll = async (call: Call, bounds = limits): Promise<number> => {
  const { input } = await readInput(call, blob!, bounds)
  let length = 0
  for await (const chunk of input as AsyncIterable<Uint8Array>) length += chunk.length
  return length
}
const tooLarge = { status: 413, error: 'PayloadTooLarge' }

describe('JSON', () => {
  it.each<[string, (bytes: Uint8Array) => Call]>([
    ['in one piece', (bytes) => callOf([bytes])],
    ['in several', (bytes) => callOf(halves(bytes))],
    ['all there already', (bytes) => callOf([], { arrived: bytes })],
    ['packed', (bytes) => callOf([gzipSync(bytes)], { headers: { 'content-encoding': 'gzip' } })],
  ])('of as many bytes as it may have, and of one more: %s', async (_how, call) => {
    expect(await readInput(call(text(100)), json!, limits)).toMatchObject({ input: 'x'.repeat(98) })
    await expect(readInput(call(text(101)), json!, limits)).rejects.toMatchObject(tooLarge)
  })

  it('that says how large it is, is refused before it is read', async () => {
    const body: Body = { headers: { 'content-length': '101' } }
    await expect(readInput(callOf([text(101)], body), json!, limits)).rejects.toMatchObject(tooLarge)
    expect(body.pulls).toBe(undefined)
  })

  it('of no bytes is missing, not malformed', async () => {
    for (const call of [callOf(null), callOf([]), callOf([new Uint8Array(0)])]) {
      await expect(readInput(call, json!, limits)).rejects.toMatchObject({
        status: 400,
        message: 'A request body is expected but none was provided',
      })
    }
  })

  it('packed is unpacked also when all of it is there already', async () => {
    const packed = gzipSync(text(50))
    const body: Body = { headers: { 'content-encoding': 'gzip' }, arrived: packed }
    expect(await readInput(callOf([packed], body), json!, limits)).toMatchObject({ input: 'x'.repeat(48) })
  })

  it('that stalls is given up', async () => {
    await expect(readInput(callOf([text(50), null]), json!, brief)).rejects.toMatchObject({ status: 408 })
  })
})

describe('bytes', () => {
  it('as many as there may be, and one more, in one piece or several', async () => {
    for (const pieces of [(bytes: Uint8Array) => [bytes], halves]) {
      expect(await readAll(callOf(pieces(new Uint8Array(1000))))).toBe(1000)
      await expect(readAll(callOf(pieces(new Uint8Array(1001))))).rejects.toMatchObject(tooLarge)
    }
  })

  it('are not read before the handler asks for them', async () => {
    const body: Body = {}
    const { input } = await readInput(callOf([new Uint8Array(10)], body), blob!, limits)
    await new Promise((resolve) => setImmediate(resolve))
    expect(body.pulls).toBe(undefined)
    await (input as ReadableStream).getReader().read()
    expect(body.pulls).toBe(1)
  })

  it('that stall are given up, however long they took before', async () => {
    await expect(readAll(callOf([new Uint8Array(10), null]), brief)).rejects.toMatchObject({ status: 408 })
  })

  it('that break off are the caller’s fault, packed or not', async () => {
    const broken = (headers: Record<string, string>): Call => {
      const call = callOf([], { headers })
      // oxlint-disable-next-line require-yield -- it fails before there is anything
      const body = async function* (): AsyncGenerator<Uint8Array> {
        throw new Error('socket hang up')
      }
      return { ...call, body } as unknown as Call
    }
    const said = { status: 400, message: 'The request body broke off' }
    await expect(readAll(broken({}))).rejects.toMatchObject(said)
    await expect(readAll(broken({ 'content-encoding': 'gzip' }))).rejects.toMatchObject(said)
    const malformed = callOf([Buffer.from('no gzip')], { headers: { 'content-encoding': 'gzip' } })
    await expect(readAll(malformed)).rejects.toMatchObject({ message: 'Malformed compressed body' })
  })
})

describe('packed bytes', () => {
  const large: Limits = { ...limits, blobBytes: 100_000_000, jsonBytes: 100_000_000 }
  const MiB = 1024 * 1024
  const packs: [string, (bytes: Uint8Array) => Uint8Array][] = [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ]
  const sizeOf = async (packed: Uint8Array, encoding: string): Promise<number> => {
    const call = callOf(halves(packed), { headers: { 'content-encoding': encoding } })
    const { input } = await readInput(call, blob!, large)
    let length = 0
    for await (const chunk of input as AsyncIterable<Uint8Array>) length += chunk.length
    return length
  }
  const refused = {
    status: 413,
    error: 'PayloadTooLarge',
    message: 'request entity expands too much; max=20:1',
  }

  it.each(packs)('may expand as they like up to a MiB: %s', async (encoding, pack) => {
    expect(await sizeOf(pack(new Uint8Array(MiB)), encoding)).toBe(MiB)
    await expect(sizeOf(pack(new Uint8Array(MiB + 1)), encoding)).rejects.toMatchObject(refused)
  })

  it.each(packs)('may expand twentyfold past that: %s', async (encoding, pack) => {
    // Random bytes stay what they are; as many zeros as fill up the ratio are next to nothing.
    const noise = randomBytes(200_000)
    const of = (zeros: number): Uint8Array => pack(Buffer.concat([noise, Buffer.alloc(zeros)]))
    const packed = of(3_800_000).length
    const most = 20 * packed - noise.length
    expect(of(most).length - packed).toBeLessThan(400)
    expect(await sizeOf(of(most), encoding)).toBe(most + noise.length)
    await expect(sizeOf(of(most + 20_000), encoding)).rejects.toMatchObject(refused)
  })

  it('are bounded likewise where they are JSON', async () => {
    const call = callOf([gzipSync(text(2 * MiB))], { headers: { 'content-encoding': 'gzip' } })
    await expect(readInput(call, json!, large)).rejects.toMatchObject(refused)
  })
})

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0DB8:0000:0000:1::', '2001:db8:0:0::/64'],
  ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
  ['2001:db8:00a0:1::', '2001:db8:a0:1::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['1:2:3::5:6:192.0.2.1', '1:2:3:0::/64'],
  ['1:2::4:5:6:192.0.2.1', '1:2:0:4::/64'],
  ['no address', 'no address'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
