/**
 * Cursor methods as async iterables.
 * @see https://atproto.com/specs/xrpc#cursors-and-pagination
 */
import type { InferOutput, InferParams, Query } from '@avocet/lexicon'
import type { ParamValue } from '@avocet/xrpc'
import { XrpcClientError } from './error.ts'
import { type CallOptions, type CallSettings, type Client, unwrap } from './types.ts'

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
  const { maxPages = Number.POSITIVE_INFINITY, ...rest } = options
  const base = rest as CallSettings & { params?: Record<string, ParamValue> }
  let cursor = base.params?.['cursor'] as string | undefined
  for (let page = 0; page < maxPages; page += 1) {
    const params = { ...base.params, ...(cursor === undefined ? {} : { cursor }) }
    const call = { ...base, params } as unknown as CallOptions<S>
    const result = await (
      client.call as (schema: S, options: CallOptions<S>) => ReturnType<Client['call']>
    ).call(client, schema, call)
    const output = unwrap(result) as InferOutput<S> & { cursor?: string }
    yield output
    if (output.cursor === undefined || output.cursor === '') return
    if (output.cursor === cursor) {
      throw new XrpcClientError(
        'invalid-response',
        `the cursor does not move; nsid=${schema.nsid} cursor=${cursor}`,
      )
    }
    cursor = output.cursor
  }
}

type ArrayKey<T> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends readonly any[] ? K : never
}[keyof T & string]
type ItemOf<T> = NonNullable<T> extends readonly (infer I)[] ? I : never

/**
 * The items of a query, across its pages.
 *
 * @param key which member of a page holds them: `records`, `followers`, …
 */
export async function* items<S extends CursorQuery, K extends ArrayKey<InferOutput<S>>>(
  client: Pick<Client, 'call'>,
  schema: S,
  key: K,
  options: PagesOptions<S>,
): AsyncGenerator<ItemOf<InferOutput<S>[K]>, void> {
  for await (const page of pages(client, schema, options)) {
    yield* (page as Record<string, ItemOf<InferOutput<S>[K]>[] | undefined>)[key] ?? []
  }
}
