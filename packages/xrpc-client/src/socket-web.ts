import {
  maxUnsentBytes,
  type Socket,
  type SocketEnd,
  type SocketEvents,
  type SocketOptions,
} from './platform.ts'

/** Opens the platform's own WebSocket, which can be neither paused nor pinged, and takes no headers. */
export function openWebSocket(url: string, events: SocketEvents, options: SocketOptions): Socket {
  const ws = new WebSocket(url, [...(options.protocols ?? [])])
  ws.binaryType = 'arraybuffer'
  let ended = false
  const end = (how: SocketEnd): void => {
    if (ended) return
    ended = true
    clearTimeout(timer)
    events.closed(how)
  }
  const fail = (code: number, reason: string): void => {
    end({ code, reason })
    ws.close()
  }
  const timer = setTimeout(() => {
    end({ code: 1006, reason: 'no connection in time' })
    ws.close()
  }, options.connectMs)
  ws.addEventListener('open', () => {
    clearTimeout(timer)
    if (!ended) events.opened(ws.protocol)
  })
  ws.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (ended) return
    if (typeof data === 'string') {
      if (options.text !== true) fail(1003, 'text where frames are binary')
      // Counted as UTF-16: a text of more bytes than this has more than a third as many characters.
      else if (data.length > options.maxFrameBytes) fail(1009, 'frame too large')
      else events.message(data)
    } else if (!(data instanceof ArrayBuffer)) fail(1003, 'neither text nor bytes')
    else if (data.byteLength > options.maxFrameBytes) fail(1009, 'frame too large')
    else events.message(new Uint8Array(data))
  })
  ws.addEventListener('close', ({ code, reason }) => end({ code, reason }))
  return {
    pause: () => false,
    resume: () => {},
    ping: () => false,
    send: (text) => {
      if (ws.readyState !== ws.OPEN) return false
      if (ws.bufferedAmount > maxUnsentBytes) {
        fail(1008, 'the service does not read')
        return false
      }
      ws.send(text)
      return true
    },
    close: () => {
      ended = true
      clearTimeout(timer)
      ws.close(1000)
    },
  }
}
