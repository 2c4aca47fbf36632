// What requests of the admin API are made of, and why one is refused.

/** A body. */
export type Body = Readonly<Record<string, unknown>>

/** Answers one request; throws `Refused`. */
export type Handler = (input: {
  readonly params: URLSearchParams
  readonly body: Body
}) => object | Promise<object>

/** Entries of one page: unless told, and at most. */
const PAGE = 100
export const MAX_PAGE = 1000

/** What was asked for cannot be done; the message is for who asked. */
export class Refused extends Error {
  readonly status: number
  readonly error: string

  constructor(status: number, error: string, message: string) {
    super(message)
    this.status = status
    this.error = error
  }
}

/** A list of texts in a body. @throws Refused */
export function texts(body: Body, name: string): string[] {
  const list = body[name]
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list
  throw new Refused(400, 'InvalidRequest', `${name} is a list of texts`)
}

/** Numbers in a body, as many as a page has at most. @throws Refused */
export function numbers(body: Body, name: string): number[] {
  const list = body[name]
  if (Array.isArray(list) && list.length <= MAX_PAGE && list.every((item) => Number.isSafeInteger(item)))
    return list as number[]
  throw new Refused(400, 'InvalidRequest', `${name} is a list of at most ${MAX_PAGE} numbers`)
}

/** The parameter `limit`. @throws Refused */
export function limitOf(params: URLSearchParams): number {
  const limit = params.get('limit')
  if (limit === null) return PAGE
  if (/^\d{1,4}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= MAX_PAGE) return Number(limit)
  throw new Refused(400, 'InvalidRequest', `limit is 1 to ${MAX_PAGE}`)
}
