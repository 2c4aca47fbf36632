import { XrpcClientError } from './error.ts'

/** Reads a body whole, up to a bound. @throws {XrpcClientError} `too-large` */
export async function readBytes(response: Response, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(response.headers.get('content-length') ?? '0')
  if (declared > maxBytes) {
    await response.body?.cancel()
    throw tooLarge(response, maxBytes)
  }
  if (response.body === null) return new Uint8Array()
  const reader = response.body.getReader()
  const parts: Uint8Array[] = []
  let length = 0
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- chunks come one after the other
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > maxBytes) {
      // oxlint-disable-next-line no-await-in-loop
      await reader.cancel()
      throw tooLarge(response, maxBytes)
    }
    parts.push(value)
  }
  if (parts.length === 1) return parts[0]!
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Reads a body as UTF-8 text, up to a bound. */
export async function readText(response: Response, maxBytes: number): Promise<string> {
  return new TextDecoder().decode(await readBytes(response, maxBytes))
}

function tooLarge(response: Response, maxBytes: number): XrpcClientError {
  return new XrpcClientError('too-large', `answer too large; max=${maxBytes}`, {
    status: response.status,
    headers: response.headers,
  })
}
