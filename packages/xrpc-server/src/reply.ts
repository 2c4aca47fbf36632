import type { DataValue } from '@avocet/data'
import type { BodyBytes } from './call.ts'

/** What {@link respond} takes. */
export interface ReplyInit {
  /** HTTP status; 200 unless told. */
  readonly status?: number
  /** Response headers. */
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** MIME type of `body`; the method's own when it has exactly one. */
  readonly encoding?: string
  /**
   * Bytes, text or a stream are sent as they are. Any other value is a JSON body: validated, and converted from the
   * data model to its JSON form.
   */
  readonly body?: BodyBytes | DataValue | object | undefined
}

/** An answer with more than a JSON body, made by {@link respond} or {@link redirect}. */
export class Reply {
  /** HTTP status. */
  readonly status: number
  /** Response headers. */
  readonly headers: Readonly<Record<string, string | string[]>>
  /** MIME type of the body, when given. */
  readonly encoding: string | undefined
  /** The body, as given. */
  readonly body: BodyBytes | DataValue | object | undefined

  /** @param init what {@link respond} got */
  constructor(init: ReplyInit) {
    this.status = init.status ?? 200
    this.headers = init.headers ?? {}
    this.encoding = init.encoding
    this.body = init.body
  }
}

/**
 * What a handler returns when the answer is not simply its JSON body: another encoding, a stream, headers, a status.
 *
 * @example
 * return respond({ encoding: 'application/vnd.ipld.car', body: stream, headers: { 'cache-control': 'private' } })
 */
export function respond(init: ReplyInit): Reply {
  return new Reply(init)
}

/**
 * Sends the caller to another address.
 *
 * @param location absolute or relative URL
 * @param status 301, 302 (default), 303, 307 or 308
 */
export function redirect(location: string | URL, status: 301 | 302 | 303 | 307 | 308 = 302): Reply {
  return new Reply({ status, headers: { location: String(location) } })
}
