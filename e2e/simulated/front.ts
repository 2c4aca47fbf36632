// What stands in front of several processes: each request goes to the next of them, whatever connection it came on.
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

/** A front server. */
export interface Front extends AsyncDisposable {
  readonly url: string
  /** Requests that a process had begun to answer, or may have read, when it was killed. */
  cut(): number
  /** Nobody gets through any more, until it is told otherwise; who is under way is cut off. */
  dark(isDark: boolean): void
}

/**
 * Serves on a free port. A process that takes no connection is passed over, as load balancers do.
 * @param onAnswer told of each answer: what was asked, and the status
 */
export async function startFront(
  ports: readonly number[],
  onAnswer: (path: string, status: number) => void = () => {},
): Promise<Front> {
  let turn = 0
  let cut = 0
  let isDark = false
  const sockets = new Set<Socket>()

  const forward = (incoming: IncomingMessage, answer: ServerResponse, body: Buffer, tries = 0): void => {
    const port = ports[turn++ % ports.length]!
    const { method, url, headers } = incoming
    const outgoing = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false })
    outgoing.on('response', (response) => {
      onAnswer(url ?? '/', response.statusCode!)
      answer.writeHead(response.statusCode!, response.headers)
      response.pipe(answer)
      response.on('error', () => answer.destroy())
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' && tries < ports.length)
        return forward(incoming, answer, body, tries + 1)
      cut++
      if (answer.headersSent) answer.destroy()
      else answer.writeHead(502, { 'content-type': 'text/plain' }).end('the process is gone')
    })
    outgoing.end(body)
  }

  const server = createServer((incoming, answer) => {
    if (isDark) {
      incoming.socket.destroy()
      return
    }
    const parts: Buffer[] = []
    incoming.on('data', (part: Buffer) => parts.push(part))
    incoming.on('end', () => forward(incoming, answer, Buffer.concat(parts)))
  })
  server.on('upgrade', (incoming, socket: Socket) => {
    if (isDark) {
      socket.destroy()
      return
    }
    const words = [`${incoming.method} ${incoming.url} HTTP/1.1`]
    for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
      words.push(`${incoming.rawHeaders[i]}: ${incoming.rawHeaders[i + 1]}`)
    }
    const target = connect(ports[turn++ % ports.length]!, '127.0.0.1', () => {
      target.write(`${words.join('\r\n')}\r\n\r\n`)
      target.pipe(socket).pipe(target)
    })
    for (const one of [socket, target]) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        socket.destroy()
        target.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cutOff = (): void => {
    for (const socket of sockets) socket.destroy()
    server.closeAllConnections()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => cut,
    dark(now) {
      isDark = now
      if (now) cutOff()
    },
    [Symbol.asyncDispose]: async () => {
      cutOff()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
