import type { Socket, SocketEnd, SocketEvents, SocketOptions } from './platform.ts'

/** Opens the platform's own WebSocket, which can be neither paused nor pinged, and takes no headers. */
export function openWebSocket(url: string, events: SocketEvents, options: SocketOptions): Socket {
  const ws = new WebSocket(url)
  ws.binaryType = 'arraybuffer'
  let ended = false
  const end = (how: SocketEnd): void => {
    if (ended) return
    ended = true
    clearTimeout(timer)
    events.closed(how)
  }
  const fail = (reason: string): void => {
    end({ code: 1003, reason })
    ws.close()
  }
  const timer = setTimeout(() => {
    end({ code: 1006, reason: 'no connection in time' })
    ws.close()
  }, options.connectMs)
  ws.addEventListener('open', () => {
    clearTimeout(timer)
    if (!ended) events.opened()
  })
  ws.addEventListener('message', ({ data }) => {
    if (ended) return
    if (!(data instanceof ArrayBuffer)) fail('text where frames are binary')
    else if (data.byteLength > options.maxFrameBytes) fail('frame too large')
    else events.message(new Uint8Array(data))
  })
  ws.addEventListener('close', ({ code, reason }) => end({ code, reason }))
  return {
    pause: () => false,
    resume: () => {},
    ping: () => false,
    close: () => {
      ended = true
      clearTimeout(timer)
      ws.close(1000)
    },
  }
}
