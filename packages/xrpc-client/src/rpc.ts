import type { Procedure, Query } from '@avocet/lexicon'
import { XrpcClientError } from './error.ts'
import { type Client, type ClientOptions, type Rpc, type RpcCall, unwrap } from './types.ts'

/** The dynamic form of a client: a proxy that grows a method's name segment by segment. */
export function createRpc(client: Pick<Client, 'call'>, lexicons: ClientOptions['lexicons']): Rpc {
  return grow(client, lexicons, '')
}

function grow(client: Pick<Client, 'call'>, lexicons: ClientOptions['lexicons'], name: string): Rpc {
  const made = new Map<string, unknown>()
  return new Proxy<object>(function rpc() {}, {
    get(_, segment) {
      // So that `await client.rpc.com` and printing it do not look like method names. No segment is a symbol or `then`.
      if (typeof segment !== 'string' || segment === 'then') return undefined
      let next = made.get(segment)
      if (next === undefined) {
        next = grow(client, lexicons, `${name}${name === '' ? '' : '.'}${segment.replaceAll('_', '-')}`)
        made.set(segment, next)
      }
      return next
    },
    apply: (_, __, args: Parameters<RpcCall>) => invoke(client, lexicons, name, ...args),
  })
}

async function invoke(
  client: Pick<Client, 'call'>,
  lexicons: ClientOptions['lexicons'],
  nsid: string,
  ...[first, options]: Parameters<RpcCall>
): Promise<unknown> {
  if (lexicons === undefined) {
    throw new XrpcClientError(
      'unknown-method',
      `the client has no lexicons: give createClient a catalog; nsid=${nsid}`,
    )
  }
  const schema = lexicons.method(nsid)
  if (schema === undefined) throw new XrpcClientError('unknown-method', `no such method; nsid=${nsid}`)
  if (schema.type === 'subscription') {
    throw new XrpcClientError('unknown-method', `a subscription: use subscribe; nsid=${nsid}`)
  }
  // A name alone cannot say what a method takes, so its schema does; the types end here.
  const call = client.call.bind(client) as (
    schema: Query | Procedure,
    options: object,
  ) => ReturnType<Client['call']>
  if (schema.type === 'query') return unwrap(await call(schema, { ...options, params: first }))
  return unwrap(await call(schema, { ...options, input: first }))
}
