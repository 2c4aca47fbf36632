import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

import { expect, onTestFinished, test } from 'vitest'

import { SILENT, type Logger } from '../src/logger.ts'
import { createOutbox } from '../src/mail/outbox.ts'
import { createSmtpMailer } from '../src/mail/smtp-mailer.ts'
import { failure, startNetwork } from './network.ts'

const mail = { to: 'a@example.com', subject: 'Hello', text: 'x' }

/** A logger that keeps its messages. */
function listen(): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const keep = (_: object, message: string): void => void lines.push(message)
  return { log: { ...SILENT, warn: keep, error: keep }, lines }
}

test('no more mails are under way than the bound, and the refused one is told of', async () => {
  const { log, lines } = listen()
  const gate = Promise.withResolvers<void>()
  const sent: string[] = []
  const mailer = { send: async ({ to }: { to: string }) => gate.promise.then(() => void sent.push(to)) }
  await using outbox = createOutbox(mailer, log, 2)
  const first = [outbox.send(mail), outbox.send(mail)]
  await expect(outbox.send(mail)).rejects.toMatchObject({ code: 'busy' })
  expect(lines).toEqual(['a mail was not sent: too many are under way'])
  gate.resolve()
  await Promise.all(first)
  await outbox.send(mail)
  expect(sent).toHaveLength(3)
})

test('letters that wait are bounded too, and a stopping server sends them first', async () => {
  const { log, lines } = listen()
  const gate = Promise.withResolvers<void>()
  const sent: number[] = []
  const outbox = createOutbox({ send: () => Promise.resolve() }, log, 2)
  for (let i = 0; i < 3; i++) outbox.later(() => gate.promise.then(() => void sent.push(i)))
  expect(lines).toEqual(['a letter was not sent: too many are waiting'])
  expect(sent).toEqual([])
  setTimeout(() => gate.resolve(), 20)
  await outbox[Symbol.asyncDispose]()
  expect(sent).toEqual([0, 1])
})

test('a stopping server waits for letters under way, but not for ever', { timeout: 5000 }, async () => {
  const outbox = createOutbox({ send: () => Promise.resolve() }, SILENT, 2, 50)
  outbox.later(() => new Promise(() => {}))
  const begun = performance.now()
  await outbox[Symbol.asyncDispose]()
  expect(performance.now() - begun).toBeGreaterThan(45)
})

test('an address is handed to the mail server as one, whatever is in it', async () => {
  const recipients: string[] = []
  const server = createServer((socket) => {
    let inMail = false
    socket.write('220 here\r\n')
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\r\n').slice(0, -1)) {
        if (inMail) {
          inMail = line !== '.'
          if (!inMail) socket.write('250 taken\r\n')
          continue
        }
        if (/^RCPT/i.test(line)) recipients.push(line)
        inMail = /^DATA/i.test(line)
        socket.write(inMail ? '354 go on\r\n' : '250 fine\r\n')
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  using mailer = createSmtpMailer(
    `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    'pds@example.com',
  )
  await mailer.send({ ...mail, to: 'mallory@example.com,alice@example.com' }).catch(() => {})
  expect(recipients.filter((line) => /<(mallory|alice)@example\.com>/.test(line))).toEqual([])
  await mailer.send(mail)
  expect(recipients.at(-1)).toContain('<a@example.com>')
})

test.each([
  ['refuses', false],
  ['never answers', true],
])('requestPasswordReset tells nobody who has an account while the mail server %s', async (_, hangs) => {
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer((socket) => (hangs ? void sockets.add(socket) : void socket.end('554 no\r\n')))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { log, lines } = listen()
  const url = `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`
  const net = await startNetwork({ log, config: { emailSmtpUrl: url } })
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await net[Symbol.asyncDispose]()
  })
  const { handle } = await net.account()
  const ask = async (email: string): Promise<string> => {
    const started = performance.now()
    const answer = await net.post('com.atproto.server.requestPasswordReset', { input: { email } })
    expect(performance.now() - started).toBeLessThan(1500)
    return failure(answer)
  }
  expect(await ask(`${handle.split('.')[0]}@example.com`)).toBe('200 ')
  expect(await ask('nobody@example.com')).toBe('200 ')
  if (!hangs) await expect.poll(() => lines).toContain('a mail could not be sent')
})
