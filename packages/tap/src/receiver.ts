// Receiver of Tap's webhooks: one event a POST.
import { readBounded } from '@avocet/data'
import { checkBasicAuth } from './auth.ts'
import type { TapFailure, TapVerdict } from './channel.ts'
import { parseTapEvent, type TapEvent } from './events.ts'

/** Options of {@link createReceiver}. */
export interface ReceiverOptions {
  /** The server's admin password, which it sends along; null lets anybody in: for where something else guards the route. */
  readonly password: string | null
  /** Handles an event; the answer is 200 once that resolves. `signal` is the request's. */
  readonly onEvent: (event: TapEvent, context: { readonly signal: AbortSignal }) => void | Promise<void>
  /** Told of what was not handled: `ack` answers 200 all the same. The server tries anything else again, for ever. */
  readonly onFailure: (failure: TapFailure) => TapVerdict | Promise<TapVerdict>
  /** Largest body in bytes. Default 5 MiB. */
  readonly maxBodyBytes?: number
}

const MAX_BODY = 5 * 1024 * 1024

/**
 * A handler of requests for `TAP_WEBHOOK_URL`. Answers 200 when the event was handled, 500 when its handler threw, 400 for what is no
 * event, 401, 405, 413.
 *
 * @throws TypeError for an empty password
 */
export function createReceiver(options: ReceiverOptions): (request: Request) => Promise<Response> {
  const { password, maxBodyBytes = MAX_BODY } = options
  if (password === '') throw new TypeError('an empty password guards nothing: say null')
  const verdict = async (failure: TapFailure, status: number, text: string): Promise<Response> =>
    (await options.onFailure(failure)) === 'ack' ? answer(200) : answer(status, text)

  return async (request) => {
    if (password !== null && !(await checkBasicAuth(request.headers.get('authorization'), password)))
      return answer(401, 'wrong password', { 'www-authenticate': 'Basic realm="tap"' })
    if (request.method !== 'POST') return answer(405, 'one event a POST', { allow: 'POST' })
    if (Number(request.headers.get('content-length') ?? 0) > maxBodyBytes)
      return answer(413, 'body too large')
    let body: Uint8Array | null
    try {
      body = await readBounded(request.body, maxBodyBytes)
    } catch {
      return answer(400, 'the body broke off')
    }
    if (body === null) return answer(413, 'body too large')
    const parsed = parseTapEvent(new TextDecoder().decode(body))
    if (!parsed.ok) return await verdict({ kind: 'invalid', event: parsed.error }, 400, parsed.error.message)
    try {
      await options.onEvent(parsed.value, { signal: request.signal })
    } catch (error) {
      return await verdict({ kind: 'handler', event: parsed.value, error }, 500, 'not handled')
    }
    return answer(200)
  }
}

function answer(status: number, text = '', headers: Record<string, string> = {}): Response {
  return new Response(text === '' ? null : text, { status, headers })
}
