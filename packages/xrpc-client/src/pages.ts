/**
 * Cursor methods as async iterables.
 * @see https://atproto.com/specs/xrpc#cursors-and-pagination
 */
import type { InferOutput, InferParams, Issue, Query } from '@avocet/lexicon'
import type { ParamValue } from '@avocet/xrpc'
import { issuesError, XrpcClientError } from './error.ts'
import type { CallOptions, CallSettings, CallSuccess, Client } from './types.ts'

/** A query that takes and gives a cursor. */
type CursorQuery = Query<{ cursor?: string | undefined } & object, { cursor?: string | undefined } & object>

/** Settings of {@link pages} and {@link items}. */
export type PagesOptions<S> = CallSettings & {
  readonly signal?: AbortSignal
  /** Stop after so many pages. Default: none. */
  readonly maxPages?: number
} & (object extends InferParams<S>
    ? { readonly params?: InferParams<S> }
    : { readonly params: InferParams<S> })

/**
 * The pages of a query, one call each, the next only when the reader asks for it. Empty pages are passed on: the end is
 * where a page has no cursor, not where one has no items.
 *
 * @throws {XrpcClientError} of a call that failed; `invalid-response` when a cursor comes back that was just used
 */
export async function* pages<S extends CursorQuery>(
  client: Pick<Client, 'call'>,
  schema: S,
  options: PagesOptions<S>,
): AsyncGenerator<InferOutput<S>, void> {
  for await (const { value } of answers(client, schema, options)) yield value
}

async function* answers<S extends CursorQuery>(
  client: Pick<Client, 'call'>,
  schema: S,
  options: PagesOptions<S>,
): AsyncGenerator<CallSuccess<InferOutput<S> & { cursor?: string }>, void> {
  const { maxPages = Number.POSITIVE_INFINITY, ...rest } = options
  const base = rest as CallSettings & { params?: Record<string, ParamValue> }
  let cursor = base.params?.['cursor'] as string | undefined
  for (let page = 0; page < maxPages; page += 1) {
    const params = { ...base.params, ...(cursor === undefined ? {} : { cursor }) }
    const call = { ...base, params } as unknown as CallOptions<S>
    const result = await (
      client.call as (schema: S, options: CallOptions<S>) => ReturnType<Client['call']>
    ).call(client, schema, call)
    if (!result.ok) throw result.error
    const answer = result as CallSuccess<InferOutput<S> & { cursor?: string }>
    yield answer
    const next = answer.value.cursor
    if (next === undefined || next === '') return
    if (next === cursor) {
      throw new XrpcClientError(
        'invalid-response',
        `the cursor does not move; nsid=${schema.nsid} cursor=${cursor}`,
      )
    }
    cursor = next
  }
}

type ArrayKey<T> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends readonly any[] ? K : never
}[keyof T & string]
type ItemOf<T> = NonNullable<T> extends readonly (infer I)[] ? I : never

/** An item that the schema of its page refuses. */
export interface ItemFailure {
  /** Its place in the page. */
  readonly index: number
  /** As it came, by a lenient reading. */
  readonly value: unknown
  /** Paths are within the item. */
  readonly issues: readonly Issue[]
}

/** Settings of {@link items}. */
export type ItemsOptions<S> = PagesOptions<S> & {
  /**
   * Told of each item that the schema refuses; it is left out, and the list goes on. Default: the first one ends it. Reads leniently: numbers
   * that the data model has not are kept where no schema looks, as in the records of a timeline.
   */
  readonly onInvalid?: (failure: ItemFailure) => void
}

/**
 * The items of a query, across its pages.
 *
 * @param key which member of a page holds them: `records`, `followers`, …
 * @throws {XrpcClientError} as `pages` does; with `onInvalid` `invalid-response` for what is wrong beside the items
 */
export async function* items<S extends CursorQuery, K extends ArrayKey<InferOutput<S>>>(
  client: Pick<Client, 'call'>,
  schema: S,
  key: K,
  options: ItemsOptions<S>,
): AsyncGenerator<ItemOf<InferOutput<S>[K]>, void> {
  const { onInvalid, ...rest } = options
  const asked = (onInvalid === undefined ? rest : { ...rest, lenient: true }) as PagesOptions<S>
  for await (const { value, issues = [] } of answers(client, schema, asked)) {
    const list = (value as Record<string, ItemOf<InferOutput<S>[K]>[] | undefined>)[key] ?? []
    if (onInvalid === undefined || issues.length === 0) {
      yield* list
      continue
    }
    const odd = byItem(schema.nsid, key, issues)
    for (const [index, item] of list.entries()) {
      const found = odd.get(index)
      if (found === undefined) yield item
      else onInvalid({ index, value: item, issues: found })
    }
  }
}

/** Issues by the item they are in. @throws {XrpcClientError} for those that are in none, which nobody can pass over */
function byItem(nsid: string, key: string, issues: readonly Issue[]): Map<number, Issue[]> {
  const found = new Map<number, Issue[]>()
  const start = `/${key}/`
  for (const issue of issues) {
    const [index = '', ...path] = issue.path.startsWith(start)
      ? issue.path.slice(start.length).split('/')
      : []
    if (!/^\d+$/.test(index)) throw issuesError('invalid-response', nsid, 'output', [issue])
    const within = { ...issue, path: path.length === 0 ? '' : `/${path.join('/')}` }
    found.set(Number(index), [...(found.get(Number(index)) ?? []), within])
  }
  return found
}
