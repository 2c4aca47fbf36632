// A connection to Redis, for what several processes share. https://redis.io/docs/latest/develop/clients/nodejs/

import { createClient, type RedisClientOptions } from '@redis/client'

import type { RedisEval } from '../redis-eval.ts'

/** Options of {@link openRedis}. */
export interface RedisOptions {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  readonly url: string
  /** Told of each try to connect that fails, and of a connection that is lost. It is made again by itself, for ever. */
  readonly onError?: (error: unknown) => void
  /** Redis is asked for a sign of life after so many ms; after three without one a new connection is made. Default 5000. */
  readonly pingMs?: number
}

/** A connection that is made again when it is lost. */
export interface RedisConnection extends RedisEval, AsyncDisposable {
  /** Whether it is there now. */
  isReady(): boolean
  /** Resolves when the first try to connect came to its end, well or not. */
  readonly tried: Promise<void>
}

/** Waits between tries to connect, and for a connection, at most. */
const RECONNECT_MS = 2000
/** Commands that wait for an answer at a time. */
const MOST_COMMANDS = 10_000
/** Signs of life that may stay out. */
const MISSED_PINGS = 3

/**
 * Connects, and answers at once: a service starts without its Redis. While there is no connection `eval` rejects, it does not wait.
 * What speaks the protocol of Redis (Valkey, KeyDB) will do; scripts touch one key each, so a cluster's proxy will do too.
 */
export function openRedis({ url, onError = () => {}, pingMs = 5000 }: RedisOptions): RedisConnection {
  const tried = Promise.withResolvers<void>()
  const options: RedisClientOptions = {
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_COMMANDS,
    socket: {
      connectTimeout: RECONNECT_MS,
      // For one that takes the connection and then says nothing.
      socketTimeout: pingMs * MISSED_PINGS,
      reconnectStrategy: (tries) => Math.min(50 * 2 ** tries, RECONNECT_MS) * (0.5 + Math.random() / 2),
    },
  }
  const connect = () => {
    const client = createClient(options)
    client.on('ready', () => tried.resolve())
    client.on('error', (error) => {
      tried.resolve()
      onError(error)
    })
    // A failure is told by the event above.
    const connecting = client.connect().catch(() => {})
    return { client, connecting, missed: 0 }
  }

  let current = connect()
  // A machine that vanished closes no connection, and what is written to it looks like life. Beats are counted, not time: while this
  // process did something else, no answer could come in.
  const heart = setInterval(() => {
    const { client, missed } = current
    if (!client.isReady) return
    current.missed += 1
    if (missed === 0) {
      const asked = current
      void client
        .ping()
        .catch(() => {})
        .then(() => (asked.missed = 0))
    } else if (missed === MISSED_PINGS) {
      onError(new Error(`no sign of life; ms=${pingMs * MISSED_PINGS}`))
      client.destroy()
      current = connect()
    }
  }, pingMs)
  heart.unref()

  return {
    isReady: () => current.client.isReady,
    tried: tried.promise,
    eval: (script, keys, args) => current.client.eval(script, { keys: [...keys], arguments: [...args] }),
    [Symbol.asyncDispose]: async () => {
      clearInterval(heart)
      current.client.destroy()
      await current.connecting
      tried.resolve()
    },
  }
}
