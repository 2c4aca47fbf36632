/** Requests and subscriptions on Workers. */
import { responseOf } from '../fetch.ts'
import type { Router } from '../types.ts'
import { type PlatformSocket, socketCall, wantsSocket, WebFrameSocket } from './socket.ts'

/** What is used of the platform. */
interface WorkersLike {
  WebSocketPair: new () => { readonly 0: object; readonly 1: PlatformSocket & { accept(): void } }
}

/** What a Worker is given besides the request. */
export interface WorkersContext {
  waitUntil(work: Promise<unknown>): void
}

/**
 * A router as the `fetch` of a Worker, subscriptions included. Who calls is what the platform says (`cf-connecting-ip`).
 *
 * A Worker is not told what a subscriber has not taken yet, so `bufferedBytes` and `ConsumerTooSlow` do not work there; what waits is bounded by the
 * memory of the Worker. And where a connection breaks off instead of being closed, the platform ends the handler without a word, its `finally` too: a
 * subscriber that is counted stays counted, so leave the limits `subscribers` and `subscribersPerAddress` off (their default). For streams that many
 * read, use a server.
 *
 * @example
 * export default { fetch: workersHandler(router) }
 */
export function workersHandler(
  router: Pick<Router, 'fetch' | 'connect'>,
): (request: Request, env?: unknown, context?: WorkersContext) => Promise<Response> {
  return async (request, _, context) => {
    const address = request.headers.get('cf-connecting-ip')
    if (!wantsSocket(request)) return await router.fetch(request, { address })
    const connection = await router.connect(socketCall(request, address))
    if (!connection.ok) return responseOf(connection.answer, false)
    const { 0: client, 1: server } = new (globalThis as unknown as WorkersLike).WebSocketPair()
    server.accept()
    const run = connection.run(new WebFrameSocket(server))
    context?.waitUntil(run)
    const headers: Record<string, string> =
      connection.protocol === null ? {} : { 'sec-websocket-protocol': connection.protocol }
    return new Response(null, { status: 101, headers, webSocket: client } as ResponseInit)
  }
}
