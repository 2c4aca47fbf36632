// A receiver of webhooks that knows them by the package `standardwebhooks`; now and then it is too busy, or gone.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWebhookSecret } from '@avocet/tap/webhooks'
import { Webhook } from 'standardwebhooks'
import { createSequence, foldV2, type Subscriber, type V2Like } from './subscriber.ts'

/** Of so many requests one is put off. */
const PUT_OFF_EVERY = 40

/** A receiver, and where it is. */
export type Receiver = Subscriber & { readonly url: string; readonly secret: string }

/** Serves on a free port, the same after a restart. */
export async function receiveWebhooks(): Promise<Receiver> {
  const sequence = createSequence()
  const { fold, figures } = sequence
  const secret = createWebhookSecret()
  const webhook = new Webhook(secret)
  let requests = 0
  const take = (body: string, headers: Record<string, string>): number => {
    let events: readonly V2Like[]
    try {
      ;({ events } = webhook.verify(body, headers) as { events: readonly V2Like[] })
    } catch (error) {
      sequence.fault(String(error))
      return 401
    }
    if (++requests % PUT_OFF_EVERY === 0) return 503
    for (const event of events) {
      // In its order: what comes again comes with all that followed.
      sequence.take(event.seq)
      foldV2(fold, event)
    }
    return 204
  }
  const open = async (port: number): Promise<Server> => {
    const server = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.once('end', () =>
        response
          .writeHead(take(Buffer.concat(parts).toString(), request.headers as Record<string, string>))
          .end(),
      )
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    figures.connections++
    return server
  }
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  let server = await open(0)
  const { port } = server.address() as AddressInfo
  return {
    name: 'webhook',
    atLeastOnce: true,
    fold,
    figures,
    url: `http://127.0.0.1:${port}/`,
    secret,
    async restart() {
      await close()
      await new Promise((resolve) => setTimeout(resolve, 300))
      server = await open(port)
    },
    stop: close,
  }
}
