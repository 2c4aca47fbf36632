import { readBounded } from '@avocet/data'
import { XrpcClientError } from './error.ts'

/** Reads a body whole, up to a bound. @throws {XrpcClientError} `too-large` */
export async function readBytes(response: Response, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(response.headers.get('content-length') ?? '0')
  if (declared > maxBytes) {
    await response.body?.cancel()
    throw tooLarge(response, maxBytes)
  }
  const bytes = await readBounded(response.body, maxBytes)
  if (bytes === null) throw tooLarge(response, maxBytes)
  return bytes
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
