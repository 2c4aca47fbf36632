import { createSocket, type Socket } from 'node:dgram'

/** What a question gets: records, an error code, no answer at all. */
export type Answer =
  | { readonly txt: readonly (readonly string[])[] }
  | { readonly addresses: readonly string[] }
  | { readonly rcode: number }
  | 'silence'

export interface DnsServer {
  /** `address:port` for a resolver. */
  readonly address: string
  /** Every question so far, as `TYPE name`. */
  readonly questions: string[]
  close(): Promise<void>
}

const TYPES = new Map([
  [1, 'A'],
  [16, 'TXT'],
  [28, 'AAAA'],
])
export const NXDOMAIN = { rcode: 3 }
export const SERVFAIL = { rcode: 2 }
export const REFUSED = { rcode: 5 }

/** A DNS server on loopback UDP, written against RFC 1035 alone. `answer` gets the type and the name as asked. */
export async function startDnsServer(answer: (type: string, name: string) => Answer): Promise<DnsServer> {
  const socket = createSocket('udp4')
  const questions: string[] = []
  socket.on('message', (query, from) => {
    const { name, type, end } = readQuestion(query)
    questions.push(`${type} ${name}`)
    const reply = answer(type, name)
    if (reply === 'silence') return
    socket.send(writeReply(query, end, reply, type), from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return { address: `127.0.0.1:${socket.address().port}`, questions, close: () => closeSocket(socket) }
}

function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.close(resolve)
  })
}

function readQuestion(query: Buffer): { name: string; type: string; end: number } {
  const labels: string[] = []
  let at = 12
  while (query[at] !== 0) {
    const length = query[at]!
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const type = query.readUInt16BE(at + 1)
  return { name: labels.join('.'), type: TYPES.get(type) ?? String(type), end: at + 5 }
}

function writeReply(query: Buffer, end: number, reply: Exclude<Answer, 'silence'>, type: string): Buffer {
  const rcode = 'rcode' in reply ? reply.rcode : 0
  const data: Buffer[] = []
  if ('txt' in reply && type === 'TXT') {
    for (const pieces of reply.txt) {
      data.push(
        Buffer.concat(pieces.map((piece) => Buffer.from([piece.length, ...Buffer.from(piece, 'latin1')]))),
      )
    }
  }
  if ('addresses' in reply) {
    for (const address of reply.addresses) {
      if (type === 'A' && address.includes('.')) data.push(Buffer.from(address.split('.').map(Number)))
      if (type === 'AAAA' && address.includes(':')) data.push(expandIpv6(address))
    }
  }
  const head = Buffer.from(query.subarray(0, end))
  head.writeUInt16BE(0x8180 | rcode, 2)
  head.writeUInt16BE(data.length, 6)
  head.writeUInt16BE(0, 8)
  head.writeUInt16BE(0, 10)
  const typeNumber = [...TYPES].find(([, name]) => name === type)?.[0] ?? 0
  const records = data.flatMap((bytes) => {
    const record = Buffer.alloc(12)
    record.writeUInt16BE(0xc00c, 0)
    record.writeUInt16BE(typeNumber, 2)
    record.writeUInt16BE(1, 4)
    record.writeUInt32BE(0, 6)
    record.writeUInt16BE(bytes.length, 10)
    return [record, bytes]
  })
  return Buffer.concat([head, ...records])
}

function expandIpv6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  const words = [...left, ...zeros, ...right].map((word) => Number.parseInt(word, 16))
  return Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff]))
}
