// Transfers that stop without ending: a host that sends nothing must not hold a place for half an hour.

import type { Fetch } from '@avocet/did'

/** A `fetch` whose body fails when nothing arrives for `ms`. */
export function withStallGuard(fetch: Fetch, ms: number): Fetch {
  return async (url, init) => {
    const response = await fetch(url, init)
    if (response.body === null) return response
    const reader = response.body.getReader()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        let timer: NodeJS.Timeout | undefined
        const stalled = new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`nothing was sent for ${ms / 1000} s`)), ms)
        })
        try {
          const { done, value } = await Promise.race([reader.read(), stalled])
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          controller.error(error)
          await reader.cancel(error).catch(() => {})
        } finally {
          clearTimeout(timer)
        }
      },
      cancel: (reason) => reader.cancel(reason),
    })
    const { status, statusText, headers } = response
    return new Response(body, { status, statusText, headers })
  }
}
