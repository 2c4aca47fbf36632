/** Requests and subscriptions on Deno. */
import { responseOf } from '../fetch.ts'
import type { Router } from '../types.ts'
import { type PlatformSocket, socketCall, wantsSocket, WebFrameSocket } from './socket.ts'

/** What is used of Deno. */
interface DenoLike {
  upgradeWebSocket(
    request: Request,
    options: { readonly protocol?: string },
  ): { readonly socket: PlatformSocket; readonly response: Response }
}

/** What `Deno.serve` tells of a caller. */
export interface DenoInfo {
  readonly remoteAddr: { readonly hostname?: string } | object
}

/**
 * A router as the handler of `Deno.serve`, subscriptions included. Who calls is who connects: behind a proxy of your own, call
 * `router.fetch` with the address that it tells.
 *
 * @example
 * Deno.serve({ port: 8000 }, denoHandler(router))
 */
export function denoHandler(
  router: Pick<Router, 'fetch' | 'connect'>,
): (request: Request, info?: DenoInfo) => Promise<Response> {
  return async (request, info) => {
    const { hostname: address = null } = (info?.remoteAddr ?? {}) as { hostname?: string }
    if (!wantsSocket(request)) return await router.fetch(request, { address })
    const connection = await router.connect(socketCall(request, address))
    if (!connection.ok) return responseOf(connection.answer, false)
    const { protocol } = connection
    const { Deno } = globalThis as unknown as { Deno: DenoLike }
    const { socket, response } = Deno.upgradeWebSocket(request, protocol === null ? {} : { protocol })
    const frames = new WebFrameSocket(socket)
    // Nothing can be sent before it is open.
    ;(socket as unknown as EventTarget).addEventListener('open', () => void connection.run(frames), {
      once: true,
    })
    return response
  }
}
