// A service that the server hands calls on to, and that answers with whatever bytes a test decides: no HTTP server of its own
// would send most of them.
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** What the service says to one request, on the connection it came by. */
export type Lie = (socket: Socket) => void

/** A running service. */
export interface LyingService extends AsyncDisposable {
  readonly url: string
  /** Answers with `lie` whoever asks for `?lie=` and the name that is returned. */
  add(lie: Lie): string
}

/** Starts it on loopback. */
export async function startLyingService(): Promise<LyingService> {
  const sockets = new Set<Socket>()
  const lies: Lie[] = []
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    let head = ''
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      const name = /[?&]lie=(\d+)/.exec(head)?.[1]
      head = ''
      const lie = name === undefined ? undefined : lies[Number(name)]
      if (lie === undefined) socket.destroy()
      else lie(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    add: (lie) => String(lies.push(lie) - 1),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Writes a piece again and again, as fast as it is taken, until the connection is closed. */
export function pour(socket: Socket, piece: string | Uint8Array): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on('drain', more)
  more()
}

/** Writes a piece every `everyMs` until the connection is closed. */
export function drip(socket: Socket, piece: string, everyMs: number): void {
  const timer = setInterval(() => socket.write(piece), everyMs)
  socket.once('close', () => clearInterval(timer))
}
