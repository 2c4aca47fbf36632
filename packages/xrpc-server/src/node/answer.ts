import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, isStream } from '../call.ts'
import { discard, isDestroyable } from '../stream.ts'

/** How long and how much of a request body to swallow after the answer, so that the caller gets to read the answer. */
const lingerMs = 5000
const lingerBytes = 16 * 1024 * 1024

/** How long a caller may take nothing of an answer that streams, which holds what it is made from meanwhile. */
const STALL_MS = 60_000

/**
 * Writes an answer. Never throws: one that cannot be written (a header with a line break, say) becomes a 500, and a body
 * that fails half way cuts the connection, the only signal left by then.
 */
export function writeAnswer(
  message: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  onError: (error: unknown) => void,
  stallMs: number = STALL_MS,
): void {
  try {
    write(message, response, answer, onError, stallMs)
  } catch (error) {
    onError(error)
    if (response.headersSent) {
      response.destroy()
      return
    }
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    response.writeHead(500, { 'content-type': 'application/json; charset=utf-8' })
    response.end('{"error":"InternalServerError","message":"Internal Server Error"}')
  }
}

function write(
  message: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  onError: (error: unknown) => void,
  stallMs: number,
): void {
  const { status, headers, body } = answer
  if (!message.complete && message.method !== 'GET') {
    // Whoever answers at once will not read the rest; an answer that streams may be made of it.
    if (!isStream(body)) headers['connection'] = 'close'
    response.once('finish', () => linger(message))
  }
  if (body === null) {
    if (status !== 204 && status !== 304) headers['content-length'] ??= '0'
    response.writeHead(status, headers)
    response.end()
  } else if (isStream(body)) {
    response.writeHead(status, headers)
    void writeStream(message, response, body as AsyncIterable<Uint8Array>, onError, stallMs)
  } else {
    headers['content-length'] = String(Buffer.byteLength(body))
    response.writeHead(status, headers)
    response.end(body)
  }
}

async function writeStream(
  message: IncomingMessage,
  response: ServerResponse,
  body: AsyncIterable<Uint8Array>,
  onError: (error: unknown) => void,
  stallMs: number,
): Promise<void> {
  if (message.method === 'HEAD') {
    void discard(body)
    response.end()
    return
  }
  // A source that has nothing to give for now would not notice that the caller left.
  const gone = (): void => {
    if (!response.writableFinished && isDestroyable(body)) body.destroy()
  }
  response.once('close', gone)
  if (response.destroyed) gone()
  try {
    for await (const chunk of body) {
      if (response.destroyed) return
      if (!response.write(chunk)) await writable(response, stallMs)
    }
    response.end()
  } catch (error) {
    if (!response.destroyed) onError(error)
    response.destroy()
  }
}

/** Waits until the caller has taken what it was sent; who takes nothing for too long is cut off. */
function writable(response: ServerResponse, stallMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), stallMs)
    const done = (): void => {
      clearTimeout(timer)
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
    if (response.destroyed) done()
  })
}

// Closing a connection with unread input resets it, and the caller never sees the answer. So what is left of the body is
// read and dropped, within bounds.
function linger(message: IncomingMessage): void {
  if (message.complete) return
  let left = lingerBytes
  const cut = (): void => {
    message.destroy()
  }
  const timer = setTimeout(cut, lingerMs)
  const done = (): void => clearTimeout(timer)
  message.on('data', (chunk: Uint8Array) => {
    left -= chunk.length
    if (left < 0) cut()
  })
  message.once('end', done)
  message.once('close', done)
  message.on('error', done)
  message.resume()
}
