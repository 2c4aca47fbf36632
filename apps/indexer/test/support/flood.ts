// Clients who mean harm, in a process of their own: `node flood.ts <url> <sockets>`. Says what they were answered, as a line of JSON each
// half second, until it is killed.

import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'

const [url = '', count = '100'] = process.argv.slice(2)
const SOCKETS = Number(count)
const { port, hostname } = new URL(url)
const V2 = '/xrpc/network.bsky.jetstream.subscribeEvents'
const key = randomBytes(16).toString('base64')
const told: Record<string, Record<string, number>> = {}
const held = new Set<Socket>()

/** Notes the first line of an answer; `hold`: nothing more is read of it. */
function note(kind: string, socket: Socket, hold = false): void {
  const tell = (what: string): void => {
    told[kind] ??= {}
    told[kind][what] = (told[kind][what] ?? 0) + 1
  }
  held.add(socket)
  let isTold = false
  const once = (what: string): void => {
    if (isTold) return
    isTold = true
    tell(what)
  }
  socket.once('data', (bytes: Buffer) => {
    once(bytes.toString('latin1').slice(9, 12))
    if (hold) socket.pause()
  })
  socket.on('error', () => once('cut'))
  socket.once('close', () => {
    once('cut')
    held.delete(socket)
  })
}
const open = (kind: string, first: string, hold = false): Socket => {
  const socket = connect(Number(port), hostname, () => socket.write(first))
  note(kind, socket, hold)
  return socket
}
const upgrade = (path: string, more = ''): string =>
  `GET ${path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n${more}\r\n`
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const ask = (kind: string, path: string): Promise<void> =>
  new Promise((resolve) => {
    const asked = request({ host: hostname, port, path, agent: false }, (response) => {
      told[kind] ??= {}
      const { statusCode = 0 } = response
      told[kind][statusCode] = (told[kind][statusCode] ?? 0) + 1
      response.resume()
      response.once('close', resolve)
    })
    asked.on('error', () => resolve())
    asked.end()
  })

/** A text frame of a client. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text)
  const head = Buffer.alloc(14)
  head[0] = 0x81
  head[1] = 0x80 | 127
  head.writeBigUInt64BE(BigInt(payload.length), 2)
  return Buffer.concat([head, payload])
}

async function sockets(): Promise<void> {
  for (let i = 0; i < SOCKETS; i++) {
    open('sockets', upgrade(`${V2}?kinds=commit`))
    if (i % 100 === 99) await pause(20)
  }
}
async function slow(): Promise<void> {
  for (let i = 0; i < 20; i++) open('slow', upgrade(`${i % 2 === 0 ? '/subscribe' : V2}?cursor=1`), true)
}
async function filters(): Promise<void> {
  const dids = Array.from({ length: 10_000 }, (_, i) => `did:web:a${i}.example`)
  const options = (wantedDids: readonly string[]): Buffer =>
    frame(JSON.stringify({ type: 'options_update', payload: { wantedDids } }))
  const socket = open('filters', upgrade('/subscribe?requireHello=true'))
  await new Promise((resolve) => socket.once('data', resolve))
  const update = options(dids)
  for (let i = 0; i < 200; i++) {
    socket.write(update)
    open(
      'long',
      upgrade(
        `${V2}?${dids
          .slice(0, 2000)
          .map((did) => `dids=${did}`)
          .join('&')}`,
      ),
    )
    open('many', upgrade(`${V2}?${Array.from({ length: 101 }, (_, j) => `collections=a.b.c${j}`).join('&')}`))
    await pause(50)
  }
}
async function cursors(): Promise<void> {
  for (;;) {
    await ask('listing', '/listEvents?cursor=1&limit=1000&collections=com.example.nothing')
    await ask('odd', `/listEvents?cursor=${'9'.repeat(400)}`)
    await ask('wide', '/listEvents?cursor=0&limit=1000000')
  }
}
async function headers(): Promise<void> {
  for (let i = 0; ; i++) {
    open('headers', `GET / HTTP/1.1\r\nhost: x\r\n${`x-a${i}: ${'y'.repeat(100)}\r\n`.repeat(400)}`)
    open('two', 'GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n')
    // One that drips.
    const drip = open('drip', 'GET / HTTP/1.1\r\nhost: x\r\n')
    const timer = setInterval(() => drip.write('x'), 100)
    drip.once('close', () => clearInterval(timer))
    await pause(50)
  }
}
async function halves(): Promise<void> {
  for (;;) {
    const [line = ''] = upgrade(V2).split('\r\n')
    open('half', `${line}\r\nhost: x\r\nupgrade: web`)
    open('half', upgrade(V2, 'sec-websocket-protocol: x\r\n')).end()
    open('half', upgrade(V2)).once('data', function (this: Socket) {
      // A frame whose payload never comes.
      this.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x0f, 0xff, 0xff, 1, 2, 3, 4]))
    })
    await pause(50)
  }
}

setInterval(() => console.log(JSON.stringify({ told, held: held.size })), 500)
await Promise.all([sockets(), slow(), filters(), cursors(), headers(), halves()])
