// com.atproto.sync.subscribeRepos of a relay or a PDS as a source that never ends by itself.
// Spec: https://atproto.com/specs/event-stream

import { subscribe, XrpcClientError } from '@avocet/xrpc-client'
import { FirehoseError } from './errors.ts'
import type { Source } from './options.ts'
import { pause } from './pause.ts'

/** Options of {@link relaySource} and {@link pdsSource}. */
export type StreamSourceOptions = {
  /** `wss://relay.example.com`, or `https:`, `http:`, `ws:`; with or without a trailing slash. */
  readonly url: string | URL
  /** The name its cursor is stored under. Default: the URL's host. */
  readonly id?: string
  /** Without a stored cursor: `live` from now on (default), or from the `oldest` event the server still has. */
  readonly start?: 'live' | 'oldest'
  /** Bytes that may wait unread before the socket is paused. Default 16 MiB. */
  readonly maxBufferedBytes?: number
  /** First and longest wait between connections, ms. Default 500 and 30 000. */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number }
  /** Request headers (not in browsers). */
  readonly headers?: Record<string, string>
}

const NSID = 'com.atproto.sync.subscribeRepos'
/** Larger than any legal frame: one that is too big is to be told with its reason, not to end the connection. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024

/** A relay: it speaks for all accounts. */
export function relaySource(options: StreamSourceOptions): Source {
  return streamSource('relay', options)
}

/** A PDS: what it says counts only for accounts whose DID document names it. */
export function pdsSource(options: StreamSourceOptions): Source {
  return streamSource('pds', options)
}

function streamSource(kind: 'relay' | 'pds', options: StreamSourceOptions): Source {
  const url = URL.parse(String(options.url))
  if (url === null || !/^(wss?|https?):$/.test(url.protocol)) {
    throw new FirehoseError('invalid-option', `not the URL of a stream; url=${String(options.url)}`)
  }
  const host = url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin
  return {
    id: options.id ?? url.host,
    kind,
    host: kind === 'pds' ? host : null,
    frames: (context) => frames(url, options, context),
  }
}

async function* frames(
  url: URL,
  options: StreamSourceOptions,
  { cursor, signal, report }: Parameters<Source['frames']>[0],
): AsyncGenerator<Uint8Array, void, undefined> {
  const { minMs = 500, maxMs = 30_000 } = options.backoff ?? {}
  let failures = 0
  let ahead = false
  // How far beyond the cursor to begin, to get past a message that cannot be read: its seq is inside.
  let beyond = 0
  while (!signal.aborted) {
    let connected = false
    let tooLarge = false
    try {
      const stream = subscribe({
        service: url,
        nsid: NSID,
        raw: true,
        signal,
        maxFrameBytes: MAX_FRAME_BYTES,
        maxBufferedBytes: options.maxBufferedBytes ?? 16 * 1024 * 1024,
        backoff: { minMs, maxMs },
        params: () => {
          const from = cursor()
          if (from !== undefined && !ahead) return { cursor: from + beyond }
          return options.start === 'oldest' && !ahead ? { cursor: beyond } : {}
        },
        ...(options.headers === undefined ? {} : { headers: options.headers }),
        onConnect: () => {
          connected = true
          report({ type: 'connected' })
        },
        onDisconnect: ({ code, reason, status }) => {
          const answer = status === undefined ? '' : ` status=${status}`
          report({ type: 'disconnected', message: `code=${code}${answer} ${reason}`.trim() })
        },
      })
      for await (const frame of stream) {
        failures = 0
        ahead = false
        beyond = 0
        yield frame
      }
      return
    } catch (error) {
      if (signal.aborted) return
      const message = error instanceof Error ? error.message : String(error)
      const future = error instanceof XrpcClientError && error.error === 'FutureCursor'
      if (future && !ahead) {
        ahead = true
        // Past the newest message of all nothing is numbered anew.
        if (beyond === 0) report({ type: 'cursor-ahead', message })
        continue
      }
      tooLarge = error instanceof XrpcClientError && error.code === 'too-large'
      if (tooLarge) beyond = beyond === 0 ? 1 : beyond * 2
      report({ type: tooLarge ? 'too-large' : 'disconnected', message })
    }
    failures = connected && !tooLarge ? 1 : failures + 1
    await pause(Math.min(maxMs, minMs * 2 ** Math.min(failures, 16)) * (0.5 + Math.random() / 2), signal)
  }
}
