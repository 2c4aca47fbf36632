/** One request, with its time limit, and its repetition where that is safe. */
import { parseErrorBody, parseRetryAfter } from '@avocet/xrpc'
import { reasonOf, userAgent } from '#platform'
import { readText } from './body.ts'
import { XrpcClientError } from './error.ts'
import type { CallResult, CallSettings, Labeler, RawRequest, RetryOptions, Service } from './types.ts'

const defaultTimeoutMs = 30_000
const maxErrorBytes = 64 * 1024

/**
 * Sends a request and reads its answer; both within the time limit, and both again where that is safe. Rejects with
 * nothing but what `read` throws beyond this package's error.
 */
export async function send<T>(
  service: Service,
  settings: CallSettings,
  request: RawRequest,
  read: (response: Response) => Promise<T>,
): Promise<CallResult<T>> {
  const retry = retryOf(request.retry ?? settings.retry)
  const repeatable = request.body === undefined || isRepeatable(request.body)
  for (let attempt = 0; ; attempt += 1) {
    const result = await sendOnce(service, settings, request, read)
    if (result.ok || attempt >= retry.times || !repeatable) return result
    const wait = waitBefore(result.error, request.type, attempt, retry)
    if (wait === null) return result
    if (!(await sleep(wait, request.signal))) return result
  }
}

async function sendOnce<T>(
  service: Service,
  settings: CallSettings,
  request: RawRequest,
  read: (response: Response) => Promise<T>,
): Promise<CallResult<T>> {
  const timeoutMs = request.timeoutMs ?? settings.timeoutMs ?? defaultTimeoutMs
  const abort = new AbortController()
  let timedOut = false
  const onAbort = (): void => abort.abort(request.signal?.reason)
  request.signal?.addEventListener('abort', onAbort, { once: true })
  if (request.signal?.aborted === true) onAbort()
  const timer =
    timeoutMs > 0
      ? setTimeout(() => {
          timedOut = true
          abort.abort(new Error('the time is up'))
        }, timeoutMs)
      : undefined
  const { nsid } = request
  try {
    const response = await service.fetch(urlOf(service, request), initOf(settings, request, abort.signal))
    const { status, headers } = response
    if (response.ok) return { ok: true, value: await read(response), status, headers }
    const text = await readText(response, maxErrorBytes).catch(() => '')
    const { error, message } = parseErrorBody(status, parse(text))
    const data = { status, error, headers }
    return { ok: false, error: new XrpcClientError('response', message, data) }
  } catch (cause) {
    if (cause instanceof XrpcClientError) return { ok: false, error: cause }
    if (timedOut) {
      return {
        ok: false,
        error: new XrpcClientError('timeout', `no answer; nsid=${nsid} ms=${timeoutMs}`, { cause }),
      }
    }
    if (abort.signal.aborted) {
      return { ok: false, error: new XrpcClientError('aborted', `aborted; nsid=${nsid}`, { cause }) }
    }
    const reason = reasonOf(cause) || 'fetch failed'
    return {
      ok: false,
      error: new XrpcClientError('network', `no answer: ${reason}; nsid=${nsid} service=${service.url}`, {
        cause,
      }),
    }
  } finally {
    clearTimeout(timer)
    // The caller's signal goes on holding for a stream that is still to be read: only the time limit ends here.
  }
}

function urlOf(service: Service, request: RawRequest): string {
  const query = request.query?.toString() ?? ''
  return `${service.url.replace(/^(.*[^/])?\/*$/s, '$1')}/xrpc/${request.nsid}${query === '' ? '' : `?${query}`}`
}

function initOf(settings: CallSettings, request: RawRequest, signal: AbortSignal): RequestInit {
  const headers = new Headers(settings.headers)
  new Headers(request.headers).forEach((value, name) => headers.set(name, value))
  const labelers = request.labelers ?? settings.labelers
  if (labelers !== undefined && labelers.length > 0)
    headers.set('atproto-accept-labelers', labelersHeader(labelers))
  const proxy = request.proxy ?? settings.proxy
  if (proxy !== undefined) headers.set('atproto-proxy', proxy)
  if (userAgent !== null && !headers.has('user-agent')) headers.set('user-agent', userAgent)
  if (request.type === 'query') return { method: 'GET', headers, signal }
  const init: RequestInit & { duplex?: 'half' } = { method: 'POST', headers, signal }
  const { body } = request
  if (body !== undefined) {
    if (request.encoding !== undefined) headers.set('content-type', request.encoding)
    init.body = typeof body === 'object' && Symbol.asyncIterator in body ? streamOf(body) : (body as BodyInit)
    if (init.body instanceof ReadableStream) init.duplex = 'half'
  }
  return init
}

function labelersHeader(labelers: readonly Labeler[]): string {
  return labelers
    .map((labeler) =>
      typeof labeler === 'string' ? labeler : `${labeler.did}${labeler.redact === true ? ';redact' : ''}`,
    )
    .join(', ')
}

function isRepeatable(body: NonNullable<RawRequest['body']>): boolean {
  return typeof body === 'string' || body instanceof Uint8Array || body instanceof Blob
}

function streamOf(
  chunks: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
): ReadableStream<Uint8Array> {
  if (chunks instanceof ReadableStream) return chunks
  const iterator = chunks[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await iterator.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
    async cancel() {
      await iterator.return?.()
    },
  })
}

function retryOf(options: RetryOptions | false | undefined): Required<RetryOptions> {
  if (options === false) return { times: 0, minMs: 0, maxMs: 0 }
  return { times: options?.times ?? 2, minMs: options?.minMs ?? 250, maxMs: options?.maxMs ?? 15_000 }
}

/** How long to wait before trying again; null when one must not. */
function waitBefore(
  error: XrpcClientError,
  type: RawRequest['type'],
  attempt: number,
  retry: Required<RetryOptions>,
): number | null {
  const asked = parseRetryAfter(error.headers.get('retry-after'), Date.now())
  if (asked !== null && asked > retry.maxMs) return null
  const backoff = Math.min(retry.maxMs, retry.minMs * 2 ** attempt) * (0.5 + Math.random() / 2)
  // A refusal for its rate did nothing, so even a write may follow; without the header the service did not invite it.
  if (error.status === 429)
    return asked === null ? (type === 'query' ? backoff : null) : Math.max(asked, backoff)
  if (type !== 'query') return null
  if (error.code === 'network') return backoff
  return [408, 502, 503, 504].includes(error.status) ? Math.max(asked ?? 0, backoff) : null
}

/** Waits; false when the signal was aborted meanwhile. */
export async function sleep(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  if (signal?.aborted === true) return false
  return await new Promise((resolve) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      resolve(false)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve(true)
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
