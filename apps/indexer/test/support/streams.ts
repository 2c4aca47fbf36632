// A subscriber of a stream, as plain as can be: what comes, in order.

import { WebSocket } from 'ws'
import { eventually } from './indexer.ts'

/** Frames as they came. */
export type Heard = {
  readonly socket: WebSocket
  readonly frames: (string | Buffer)[]
  /** The frames as JSON, once there are so many. */
  json(count: number): Promise<Record<string, any>[]>
  /** Code and reason, once it is closed. */
  closed(): Promise<{ code: number; reason: string }>
  close(): void
}

/** Connects; `path` with its query. */
export function listen(url: string, path: string, protocols: string[] = []): Heard {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${path}`, protocols)
  const frames: (string | Buffer)[] = []
  const ended = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  )
  socket.on('error', () => {})
  socket.on('message', (data: Buffer, isBinary) => frames.push(isBinary ? data : data.toString()))
  return {
    socket,
    frames,
    async json(count) {
      await eventually(() => frames.length >= count)
      return frames.map((frame) => JSON.parse(String(frame)) as Record<string, any>)
    },
    closed: () => ended,
    close: () => socket.terminate(),
  }
}

/** The answer to a WebSocket request that is refused. */
export function refused(
  url: string,
  path: string,
): Promise<{ status: number; type: string | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${path}`)
    socket.on('error', () => {})
    socket.once('open', () => {
      socket.terminate()
      reject(new Error(`not refused: ${path}`))
    })
    socket.once('unexpected-response', (_, response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('end', () =>
        resolve({
          status: response.statusCode!,
          type: response.headers['content-type'],
          body: Buffer.concat(parts).toString(),
        }),
      )
    })
  })
}
