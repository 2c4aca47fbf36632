import type { Call } from './call.ts'
import type { AuthContext } from './types.ts'

/**
 * What auth functions and handlers get. What costs to make (the Request, its signal, response headers) is made when it
 * is first asked for.
 */
export class Context implements AuthContext {
  readonly nsid: string
  readonly requestId: string
  params: unknown = undefined
  input: unknown = undefined
  encoding: string | null = null
  auth: unknown = undefined
  readonly #call: Call
  #headers: Headers | undefined
  #abort: AbortController | undefined

  constructor(call: Call, nsid: string, requestId: string) {
    this.#call = call
    this.nsid = nsid
    this.requestId = requestId
  }

  get method(): string {
    return this.#call.method
  }

  get request(): Request {
    return this.#call.request
  }

  get address(): string | null {
    return this.#call.address
  }

  get header(): (name: string) => string | null {
    return (name) => this.#call.header(name)
  }

  get headers(): Headers {
    this.#headers ??= new Headers()
    return this.#headers
  }

  /** The response headers, when anything asked for them. */
  get usedHeaders(): Headers | undefined {
    return this.#headers
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController()
      this.#abort = abort
      const { signal } = this.#call
      if (signal.aborted) abort.abort(signal.reason)
      else signal.addEventListener('abort', () => abort.abort(signal.reason), { once: true })
    }
    return this.#abort.signal
  }

  /** Aborts the signal, if anything holds it. */
  abort(reason: unknown): void {
    this.#abort?.abort(reason)
  }
}
