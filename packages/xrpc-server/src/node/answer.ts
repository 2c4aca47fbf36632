import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, isStream } from '../call.ts'
import { discard } from '../stream.ts'

/** How long and how much of a request body to swallow after the answer, so that the caller gets to read the answer. */
const lingerMs = 5000
const lingerBytes = 16 * 1024 * 1024

/** Writes an answer. Never rejects: a body that fails half way cuts the connection, the only signal left by then. */
export async function writeAnswer(
  message: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  onError: (error: unknown) => void,
): Promise<void> {
  const { status, headers, body } = answer
  if (!message.complete && message.method !== 'GET') linger(message, response, headers)
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) {
    if (body !== null) headers['content-length'] = String(Buffer.byteLength(body))
    else if (status !== 204 && status !== 304) headers['content-length'] ??= '0'
    response.writeHead(status, headers)
    if (body === null) response.end()
    else response.end(body)
    return
  }
  if (!isStream(body)) return
  try {
    response.writeHead(status, headers)
    if (message.method === 'HEAD') {
      void discard(body as AsyncIterable<Uint8Array>)
      response.end()
      return
    }
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      if (response.destroyed) return
      if (!response.write(chunk)) await writable(response)
    }
    response.end()
  } catch (error) {
    if (!response.destroyed) onError(error)
    response.destroy()
  }
}

function writable(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
    if (response.destroyed) done()
  })
}

// Closing a connection with unread input resets it, and the caller never sees the answer. So the rest of the body is
// read and dropped, within bounds.
function linger(message: IncomingMessage, response: ServerResponse, headers: Answer['headers']): void {
  headers['connection'] = 'close'
  response.once('finish', () => {
    let left = lingerBytes
    const cut = (): void => {
      message.destroy()
    }
    const timer = setTimeout(cut, lingerMs)
    message.on('data', (chunk: Uint8Array) => {
      left -= chunk.length
      if (left < 0) cut()
    })
    message.once('close', () => clearTimeout(timer))
    message.on('error', () => {})
    message.resume()
  })
}
