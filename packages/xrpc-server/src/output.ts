/** From what a handler returns to what is sent. */
import type { DataValue } from '@avocet/data'
import type { Procedure, Query } from '@avocet/lexicon'
import { isExactMime, matchesMime, stringifyJson } from '@avocet/xrpc'
import { isJsonEncoding } from './body.ts'
import { type Answer, type BodyBytes, type HeaderRecord, isStream } from './call.ts'
import { Reply } from './reply.ts'

const jsonType = 'application/json; charset=utf-8'

/** A handler's own mistake: the caller sees a 500, `onError` sees this. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}

/**
 * Makes the answer of a method.
 *
 * @param headers what is on the answer already; the handler's own go on top
 * @throws {OutputError} when the value is not what the method's schema has
 */
export function makeAnswer(
  schema: Query | Procedure,
  result: unknown,
  headers: HeaderRecord,
  validate: boolean,
): Answer {
  if (result instanceof Response) return fromResponse(result, headers)
  if (!(result instanceof Reply))
    return { status: 200, headers, body: writeBody(schema, result, undefined, headers, validate) }
  for (const [name, value] of Object.entries(result.headers)) headers[name.toLowerCase()] = value
  const bare = result.body === undefined && (result.status !== 200 || schema.output === null)
  const body = bare ? null : writeBody(schema, result.body, result.encoding, headers, validate)
  return { status: result.status, headers, body }
}

function writeBody(
  schema: Query | Procedure,
  value: unknown,
  encoding: string | undefined,
  headers: HeaderRecord,
  validate: boolean,
): BodyBytes | null {
  const output = schema.output
  if (output === null) {
    if (value !== undefined) throw new OutputError(`output where the method has none; nsid=${schema.nsid}`)
    return null
  }
  if (value === undefined) throw new OutputError(`no output; nsid=${schema.nsid}`)
  if (
    value instanceof Uint8Array ||
    isStream(value) ||
    (typeof value === 'string' && !isJsonValue(output, encoding))
  ) {
    headers['content-type'] ??= encoding ?? ownType(schema.nsid, output.encoding)
    if (validate && !matchesMime(output.encoding, String(headers['content-type']))) {
      throw new OutputError(`wrong encoding; nsid=${schema.nsid} got=${String(headers['content-type'])}`)
    }
    return value
  }
  if (!isJsonEncoding(output.encoding)) throw new OutputError(`output is not bytes; nsid=${schema.nsid}`)
  if (validate && output.schema !== null) {
    const checked = output.schema.validate(value)
    if (!checked.ok) {
      const first = checked.issues[0]
      throw new OutputError(
        `invalid output; nsid=${schema.nsid} path=${first?.path || '/'} issue=${first?.message}`,
      )
    }
  }
  headers['content-type'] ??= jsonType
  return stringifyJson(value as DataValue)
}

// Text given with an encoding is already JSON; a lone string is the value of a JSON string.
function isJsonValue(output: { readonly encoding: string }, encoding: string | undefined): boolean {
  return encoding === undefined && isJsonEncoding(output.encoding)
}

function ownType(nsid: string, encoding: string): string {
  if (!isExactMime(encoding))
    throw new OutputError(`bytes without an encoding; nsid=${nsid} allowed=${encoding}`)
  return encoding
}

/** A native response as an answer, over the headers that are there already. */
export function fromResponse(response: Response, headers: HeaderRecord): Answer {
  for (const [name, value] of response.headers) if (name !== 'set-cookie') headers[name] = value
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) headers['set-cookie'] = cookies
  return { status: response.status, headers, body: response.body }
}
