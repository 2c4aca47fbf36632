// A connection to Redis, for what several processes share. https://redis.io/docs/latest/develop/clients/nodejs/

import { createClient } from '@redis/client'

import type { RedisEval } from '../rate-limit-redis.ts'

/** Options of {@link openRedis}. */
export interface RedisOptions {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  readonly url: string
  /** Told of each try to connect that fails, and of a connection that is lost. It is made again by itself, for ever. */
  readonly onError?: (error: unknown) => void
}

/** A connection that is made again when it is lost. */
export interface RedisConnection extends RedisEval, AsyncDisposable {
  /** Whether it is there now. */
  isReady(): boolean
}

/** Waits between tries to connect, at most. */
const RECONNECT_MS = 2000
/** Commands that wait for an answer at a time. */
const MOST_COMMANDS = 10_000

/**
 * Connects, and answers at once: a service starts without its Redis. While there is no connection `eval` rejects, it does not wait.
 * What speaks the protocol of Redis (Valkey, KeyDB) will do; scripts touch one key each, so a cluster's proxy will do too.
 */
export function openRedis({ url, onError = () => {} }: RedisOptions): RedisConnection {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_COMMANDS,
    socket: {
      connectTimeout: RECONNECT_MS,
      reconnectStrategy: (tries) => Math.min(50 * 2 ** tries, RECONNECT_MS) * (0.5 + Math.random() / 2),
    },
  })
  client.on('error', onError)
  // A failure is told by the event above.
  const connecting = client.connect().catch(() => {})
  return {
    isReady: () => client.isReady,
    eval: (script, keys, args) => client.eval(script, { keys: [...keys], arguments: [...args] }),
    [Symbol.asyncDispose]: async () => {
      client.destroy()
      await connecting
    },
  }
}
