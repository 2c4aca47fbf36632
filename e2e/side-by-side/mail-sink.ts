// An SMTP server that keeps what it gets, so that a test can read the codes that a server mails.
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** A mailbox for every address. */
export interface MailSink {
  /** `smtp://127.0.0.1:port` */
  readonly url: string
  /** Every mail so far: who it was for, and its lines as they came. */
  readonly received: readonly { readonly to: readonly string[]; readonly text: string }[]
  /** The newest code mailed to the address; waits up to 15 s for one that was not read yet. */
  code(to: string): Promise<string>
  close(): Promise<void>
}

/** Codes have one form on both servers: two groups of five characters. */
const CODE = /\b[A-Z0-9]{5}-[A-Z0-9]{5}\b/

export async function startMailSink(): Promise<MailSink> {
  const codes = new Map<string, string>()
  const sockets = new Set<Socket>()
  const received: { to: readonly string[]; text: string }[] = []
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    talk(socket, (to, text) => {
      received.push({ to, text })
      // Quoted-printable breaks long lines with `=`.
      const code = CODE.exec(text.replaceAll('=\r\n', ''))?.[0]
      if (code !== undefined) for (const address of to) codes.set(address, code)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    async code(to) {
      for (let waited = 0; waited < 15_000; waited += 20) {
        const code = codes.get(to.toLowerCase())
        if (code !== undefined) {
          codes.delete(to.toLowerCase())
          return code
        }
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      throw new Error(`no code was mailed to ${to}`)
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** The few commands that nodemailer sends, without TLS or authentication. */
function talk(socket: Socket, received: (to: readonly string[], text: string) => void): void {
  let pending = ''
  let to: string[] = []
  let inData = false
  socket.setEncoding('utf8')
  socket.write('220 sink\r\n')
  socket.on('data', (chunk: string) => {
    pending += chunk
    for (;;) {
      const end = pending.indexOf(inData ? '\r\n.\r\n' : '\r\n')
      if (end < 0) return
      const line = pending.slice(0, end)
      pending = pending.slice(end + (inData ? 5 : 2))
      if (inData) {
        inData = false
        received(to, line)
        to = []
        socket.write('250 kept\r\n')
      } else if (/^DATA/i.test(line)) {
        inData = true
        socket.write('354 go on\r\n')
      } else if (/^QUIT/i.test(line)) {
        socket.end('221 bye\r\n')
      } else {
        const address = /^RCPT TO:<([^>]*)>/i.exec(line)?.[1]
        if (address !== undefined) to.push(address.toLowerCase())
        socket.write('250 ok\r\n')
      }
    }
  })
}
