import { XrpcError } from '@avocet/xrpc'
import type { Call } from './call.ts'
import type { Context } from './context.ts'
import type { RouterOptions } from './types.ts'

/** Prints a failure that nobody expected: `onError`, unless another is given. */
export function printFailure(error: unknown, where?: { nsid: string | null; requestId: string }): void {
  const at = where === undefined ? '' : `; nsid=${where.nsid} request=${where.requestId}`
  console.error(`unexpected failure${at}`, error)
}

/** What an app is told of its failures and requests. A hook of its that throws changes no answer, and ends no stream. */
export class Reports {
  readonly #hooks: Pick<RouterOptions, 'mapError' | 'onError' | 'onRequest'>

  constructor(hooks: Pick<RouterOptions, 'mapError' | 'onError' | 'onRequest'>) {
    this.#hooks = hooks
  }

  /** A failure as the caller may see it. */
  known(error: unknown, nsid: string | null, requestId: string): XrpcError {
    if (error instanceof XrpcError) return error
    const internal = new XrpcError(500, 'InternalServerError', 'Internal Server Error')
    return this.explain(error, nsid, requestId) ?? internal
  }

  /** The app's word for a failure of its own, or a report of it. */
  explain(error: unknown, nsid: string | null, requestId: string): XrpcError | undefined {
    const mapped = this.#hooks.mapError?.(error)
    if (mapped === undefined) this.failed(error, nsid, requestId)
    return mapped
  }

  /** Tells of a failure that nobody expected. */
  failed(error: unknown, nsid: string | null, requestId: string): void {
    try {
      const { onError = printFailure } = this.#hooks
      onError(error, { nsid, requestId })
    } catch {}
  }

  /** Tells of a request whose answer is known; `started` as `performance.now()` has it, `length` in bytes. */
  answered(
    call: Call,
    { requestId, auth }: Context,
    nsid: string | null,
    method: string,
    started: number,
    status: number,
    error: string | undefined,
    length: number | null,
  ): void {
    if (this.#hooks.onRequest === undefined) return
    const durationMs = performance.now() - started
    const { address } = call
    try {
      this.#hooks.onRequest({ requestId, nsid, method, address, status, error, auth, length, durationMs })
    } catch (failure) {
      this.failed(failure, nsid, requestId)
    }
  }
}
