import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import {
  maxUnsentBytes,
  type Socket,
  type SocketEnd,
  type SocketEvents,
  type SocketOptions,
} from './platform.ts'

const maxRefusalBytes = 16 * 1024

/** Opens a socket of `ws`. */
export function openWs(url: string, events: SocketEvents, options: SocketOptions): Socket {
  let ended = false
  const end = (how: SocketEnd): void => {
    if (ended) return
    ended = true
    events.closed(how)
  }
  const ws = new WebSocket(url, [...(options.protocols ?? [])], {
    headers: Object.fromEntries(options.headers),
    handshakeTimeout: options.connectMs,
    maxPayload: options.maxFrameBytes,
    perMessageDeflate: false,
    followRedirects: false,
    skipUTF8Validation: options.text !== true,
  })
  let cause: unknown
  ws.on('open', () => events.opened(ws.protocol))
  ws.on('message', (data: Buffer, isBinary) => {
    if (ended) return
    if (isBinary) events.message(data)
    else if (options.text === true) events.message(data.toString())
    else {
      end({ code: 1003, reason: 'text where frames are binary' })
      ws.terminate()
    }
  })
  ws.on('pong', () => events.pong())
  ws.on('ping', () => events.pong())
  ws.on('error', (error) => {
    cause = error
    // `ws` tells of a frame past `maxPayload` by this code alone, and the socket then seems to have broken off.
    if ('code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
      end({ code: 1009, reason: 'frame too large', cause })
  })
  ws.on('unexpected-response', (_, response) => {
    void readRefusal(response).then((refusal) => {
      end({ code: 1006, reason: `HTTP ${refusal.status}`, refusal })
      ws.terminate()
    })
  })
  ws.on('close', (code, reason) => end({ code, reason: reason.toString(), cause }))
  return {
    pause: () => {
      if (ws.readyState === ws.OPEN) ws.pause()
      return true
    },
    resume: () => {
      if (ws.readyState === ws.OPEN) ws.resume()
    },
    ping: () => {
      if (ws.readyState === ws.OPEN) ws.ping()
      return true
    },
    send: (text) => {
      if (ws.readyState !== ws.OPEN) return false
      if (ws.bufferedAmount > maxUnsentBytes) {
        end({ code: 1008, reason: 'the service does not read' })
        return false
      }
      ws.send(text)
      return true
    },
    close: () => {
      ended = true
      if (ws.readyState !== ws.OPEN) {
        ws.terminate()
        return
      }
      ws.resume()
      ws.close(1000)
      // A peer that does not answer the goodbye is not waited for.
      const timer = setTimeout(() => ws.terminate(), 1000)
      timer.unref()
      ws.once('close', () => clearTimeout(timer))
    },
  }
}

async function readRefusal(response: IncomingMessage): Promise<NonNullable<SocketEnd['refusal']>> {
  const headers = new Headers()
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers.set(name, [value].flat().join(', '))
  }
  let body = ''
  try {
    for await (const chunk of response) {
      body += String(chunk)
      if (body.length > maxRefusalBytes) break
    }
  } catch {
    // The status is what counts.
  }
  return { status: response.statusCode ?? 0, body, headers }
}
