import type { IncomingMessage, ServerResponse } from 'node:http'
import { printFailure } from '../reports.ts'
import type { Router } from '../types.ts'
import { createAddressReader, type TrustProxy } from './address.ts'
import { writeAnswer } from './answer.ts'
import { NodeCall } from './call.ts'
import { pathOfTarget } from './target.ts'

/** Settings of {@link nodeHandler}. */
export interface NodeHandlerOptions {
  /** Which proxies are believed about who calls. Default none. */
  readonly trustProxy?: TrustProxy
  /** Told when a streamed body failed after its answer had begun. Default `printFailure`. */
  readonly onError?: (error: unknown) => void
}

/** A request listener; with `next` it passes on what is not under `/xrpc/`. */
export type NodeHandler = (message: IncomingMessage, response: ServerResponse, next?: () => void) => void

/**
 * A router as a listener of node:http, and as middleware of Express, Connect and their kin. Mount it before any body
 * parser, at the root or under `/xrpc`.
 *
 * @example
 * app.use(nodeHandler(router))
 */
export function nodeHandler(router: Pick<Router, 'handle'>, options: NodeHandlerOptions = {}): NodeHandler {
  const addressOf = createAddressReader(options.trustProxy ?? false)
  const onError = options.onError ?? ((error: unknown) => printFailure(error))
  return (message, response, next) => {
    // Express shortens `url` where middleware is mounted; `originalUrl` keeps what came.
    const target = pathOfTarget((message as { originalUrl?: string }).originalUrl ?? message.url ?? '/')
    if (next !== undefined && !target.startsWith('/xrpc/')) {
      next()
      return
    }
    const call = new NodeCall(message, response, target, addressOf(message))
    void router.handle(call).then((answer) => writeAnswer(message, response, answer, onError))
  }
}
