import type { Result } from '@avocet/syntax'

import { parseJson } from '../json.ts'
import type { ClientFetch } from '../options.ts'

/**
 * Why there is no document: `bad-answer` is what its host says (not found, too large, no JSON), `unreachable` may pass.
 */
export interface FetchFailure {
  readonly code: 'bad-answer' | 'unreachable'
  readonly message: string
}

/** A document, and how much of memory it stands for. */
export interface FetchedJson {
  readonly value: unknown
  readonly bytes: number
}

/** Bytes of one document. */
const MAX_DOCUMENT = 512 * 1024
/** From the call to the last byte, in ms. */
const MAX_TIME = 10_000

/** Fetches JSON that a stranger serves: 200, `application/json`, no redirect, within bounds. Never rejects. */
export async function fetchJson(
  fetch: ClientFetch,
  url: string,
  what: string,
): Promise<Result<FetchedJson, FetchFailure>> {
  const signal = AbortSignal.timeout(MAX_TIME)
  try {
    const headers = { accept: 'application/json' }
    const response = await untilAborted(fetch(url, { headers, redirect: 'error', signal }), signal)
    const problem = answerProblem(response)
    if (problem !== null) {
      response.body?.cancel().catch(() => undefined)
      return failure('bad-answer', `${what} ${problem}`)
    }
    const text = await readText(response, signal)
    if (text === null) return failure('bad-answer', `${what} is of more than ${MAX_DOCUMENT} bytes`)
    const value = parseJson(text)
    if (value === undefined) return failure('bad-answer', `${what} is not JSON`)
    return { ok: true, value: { value, bytes: text.length } }
  } catch (error) {
    return isFinal(error)
      ? failure('bad-answer', `${what} could not be fetched: ${reasonOf(error)}`)
      : failure('unreachable', `${what} could not be fetched: ${reasonOf(error)}`)
  }
}

function failure(code: FetchFailure['code'], message: string): { ok: false; error: FetchFailure } {
  return { ok: false, error: { code, message } }
}

function answerProblem({ status, redirected, headers }: Response): string | null {
  if (status >= 300 && status < 400) return 'must not be a redirect'
  if (redirected) return 'must not be a redirect'
  if (status !== 200) return `was answered with status ${status}, not 200`
  const type = headers.get('content-type') ?? ''
  if (!/^application\/json\s*(?:;|$)/i.test(type)) {
    return `must have the content type application/json; got ${type.slice(0, 60)}`
  }
  if (Number(headers.get('content-length') ?? 0) > MAX_DOCUMENT)
    return `is of more than ${MAX_DOCUMENT} bytes`
  return null
}

/** The body as text; null past the bound, with the rest of it given up. */
async function readText(response: Response, signal: AbortSignal): Promise<string | null> {
  if (response.body === null) return ''
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  try {
    for (;;) {
      const { done, value } = await untilAborted(reader.read(), signal)
      if (done) return text + decoder.decode()
      size += value.length
      if (size > MAX_DOCUMENT) return null
      text += decoder.decode(value, { stream: true })
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

/** A promise, or the failure of the signal: also where whoever was given the signal does not look at it. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** Failures of guards that will not pass: the codes of `DidError`. */
const FINAL: ReadonlySet<unknown> = new Set([
  'blocked-address',
  'blocked-protocol',
  'too-many-redirects',
  'too-large',
  'too-compressed',
])

function isFinal(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && FINAL.has(error.code)
}

/** In one word, so that nothing of this network is told to strangers. */
function reasonOf(error: unknown): string {
  if (isFinal(error)) return String((error as { code: unknown }).code)
  return error instanceof Error && error.name === 'TimeoutError'
    ? 'it took too long'
    : 'its host could not be reached'
}
