// Groups of Tap and webhooks, as their operator works on them.

import type { Group, GroupStats } from '../delivery/group-types.ts'
import { type Body, type Handler, limitOf, numbers, Refused } from './requests.ts'

/** Consumers by name: `tap/NAME`, `webhook/NAME`. */
export type AdminConsumers = {
  stats(): readonly GroupStats[]
  find(name: string): Group | null
  /** Forgets a group of Tap. @returns whether it was there, and nobody at it */
  remove(name: string): Promise<boolean>
}

/** The routes about them. */
export function consumerRoutes(consumers: AdminConsumers): [string, Handler][] {
  const groupOf = (name: unknown): Group => {
    const group = typeof name === 'string' ? consumers.find(name) : null
    if (group !== null) return group
    throw new Refused(404, 'ConsumerNotFound', `no group or webhook: ${String(name).slice(0, 100)}`)
  }
  const undelivered = (params: URLSearchParams): object => {
    const limit = limitOf(params)
    const cursor = params.get('cursor')
    if (cursor !== null && !/^\d{1,15}$/.test(cursor))
      throw new Refused(400, 'InvalidRequest', 'cursor is a number')
    const before = cursor === null ? Number.MAX_SAFE_INTEGER : Number(cursor)
    const letters = groupOf(params.get('name')).undelivered(before, limit)
    const last = letters.length === limit ? letters.at(-1) : undefined
    return { letters, ...(last === undefined ? {} : { cursor: String(last.id) }) }
  }
  const remove = async (body: Body): Promise<object> => {
    const { name } = groupOf(body['name'])
    if (await consumers.remove(name)) return { count: 1 }
    throw new Refused(409, 'Conflict', 'somebody is at this group, or it is a webhook, which its file names')
  }
  const snapshot = (body: Body): object => {
    groupOf(body['name']).beginSnapshot()
    return { count: 1 }
  }
  return [
    ['GET /admin/consumers', () => ({ consumers: consumers.stats() })],
    ['GET /admin/consumers/dead-letters', ({ params }) => undelivered(params)],
    [
      'POST /admin/consumers/retry',
      async ({ body }) => ({ count: await groupOf(body['name']).retry(numbers(body, 'ids')) }),
    ],
    [
      'POST /admin/consumers/dismiss',
      async ({ body }) => ({ count: await groupOf(body['name']).dismiss(numbers(body, 'ids')) }),
    ],
    ['POST /admin/consumers/remove', ({ body }) => remove(body)],
    ['POST /admin/consumers/snapshot', ({ body }) => snapshot(body)],
  ]
}
