import type { Result } from '@avocet/syntax'

import { refuse, type OAuthFailure } from '../failure.ts'
import { isObject, parseJson } from '../json.ts'

/** The parameters of a request. Empty ones are absent: some clients send every field they know. */
export interface Parameters {
  get(name: string): string | null
}

/** Bytes of a body. */
const MAX_BODY = 100 * 1024
const MAX_PARAMETERS = 100
/** For the whole of it, in ms. */
const MAX_TIME = 10_000

/** The parameters in a body, a form or JSON, within bounds. Never rejects. */
export async function readParameters(request: Request): Promise<Result<Parameters, OAuthFailure>> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
  const isForm = type === 'application/x-www-form-urlencoded'
  if (!isForm && type !== 'application/json') {
    void request.body?.cancel().catch(() => undefined)
    return refuse('invalid_request', 'the body must be application/x-www-form-urlencoded or application/json')
  }
  const body = await readBody(request)
  if (!body.ok) return body
  const entries = isForm ? [...new URLSearchParams(body.value)] : entriesOf(parseJson(body.value))
  if (entries === null) return refuse('invalid_request', 'the body must be a JSON object of texts')
  if (entries.length > MAX_PARAMETERS) {
    return refuse('invalid_request', `the body has more than ${MAX_PARAMETERS} parameters`)
  }
  const values = new Map<string, string>()
  for (const [name, value] of entries) {
    if (value === '') continue
    if (values.has(name)) return refuse('invalid_request', 'a parameter is there more than once')
    values.set(name, value)
  }
  return { ok: true, value: { get: (name) => values.get(name) ?? null } }
}

/** The members of a JSON object of texts; null for anything else. Those that are null are absent. */
function entriesOf(value: unknown): [string, string][] | null {
  if (!isObject(value)) return null
  const entries = Object.entries(value).filter(([, item]) => item !== null)
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string') ? entries : null
}

async function readBody(request: Request): Promise<Result<string, OAuthFailure>> {
  const tooLarge = (): Result<string, OAuthFailure> =>
    refuse('invalid_request', `the body is of more than ${MAX_BODY} bytes`, 413)
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY) {
    void request.body?.cancel().catch(() => undefined)
    return tooLarge()
  }
  if (request.body === null) return { ok: true, value: '' }
  const reader = request.body.getReader()
  const decoder = new TextDecoder()
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeUp = new Promise<'slow'>((resolve) => {
    timer = setTimeout(() => resolve('slow'), MAX_TIME)
  })
  try {
    let text = ''
    let size = 0
    for (;;) {
      const piece = await Promise.race([reader.read(), timeUp])
      if (piece === 'slow') return refuse('invalid_request', 'the body took too long', 408)
      if (piece.done) return { ok: true, value: text + decoder.decode() }
      size += piece.value.length
      if (size > MAX_BODY) return tooLarge()
      text += decoder.decode(piece.value, { stream: true })
    }
  } catch {
    return refuse('invalid_request', 'the body could not be read')
  } finally {
    clearTimeout(timer)
    void reader.cancel().catch(() => undefined)
  }
}
