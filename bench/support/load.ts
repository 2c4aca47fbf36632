// Load for a server: HTTP/1.1 over kept-alive sockets, with as little work on this side as a client can do.
import { connect } from 'node:net'

/**
 * Sends one request so many times over some connections. Gives requests per second of CPU of this process, client and
 * server together: on a machine that others use too, the clock tells more about them.
 */
export async function load(port: number, request: Buffer, total: number, connections = 16): Promise<number> {
  let left = total
  const started = process.cpuUsage()
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      let got = ''
      const next = (): void => {
        got = ''
        if (left > 0) {
          left -= 1
          socket.write(request)
        } else {
          socket.end()
          resolve()
        }
      }
      socket.setEncoding('latin1')
      socket.on('connect', next)
      socket.on('error', reject)
      socket.on('data', (chunk: string) => {
        got = got === '' ? chunk : got + chunk
        if (isComplete(got)) next()
        else if (!got.startsWith('HTTP/1.1 200')) reject(new Error(got.slice(0, 300)))
      })
    })
  await Promise.all(Array.from({ length: connections }, one))
  const { user, system } = process.cpuUsage(started)
  return (total * 1e6) / (user + system)
}

function isComplete(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1 || !text.startsWith('HTTP/1.1 200')) return false
  const length = /content-length: (\d+)/i.exec(text)
  if (length !== null) return text.length >= end + 4 + Number(length[1])
  return text.endsWith('0\r\n\r\n')
}

/** The median. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
