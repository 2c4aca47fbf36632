import type { AccountRows } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'
import type { RequestInfo, Router } from '@avocet/xrpc-server'

import type { Headed } from '../auth/authorizer.ts'
import type { Logger } from '../logger.ts'
import { toXrpcError } from '../wire-errors.ts'
import { ACTS, type Act } from './acts.ts'
import type { AuditActor } from '../stores/audit-rows.ts'
import type { AuditLog } from './audit-log.ts'
import { COMMAND_AGENT } from './command-agent.ts'

type Context = RequestInfo & { readonly input: unknown; readonly auth: unknown }

interface Entry {
  readonly auth?: (context: Context) => unknown
  readonly handler: (context: Context) => unknown
}

/** What the audited router composes. */
export interface AuditParts {
  readonly accounts: AccountRows
  readonly audit: AuditLog
  readonly log: Logger
  /** Whether a request carries the operator's password: also methods that anybody may call are called by commands. */
  readonly isOperator: (request: Headed) => boolean
  /** Told the NSID of each method that is added. */
  readonly onAdd: (nsid: string) => void
}

/**
 * The same router, but methods in `ACTS` are added so that each call is in the audit log before it is answered: what was
 * done, and what was tried in vain. Calls refused by a rate limit, or for their form, are not.
 */
export function auditRouter(router: Router, parts: AuditParts): Router {
  const audited: Router = {
    add: (schema: { nsid: string } | string, given: unknown): Router => {
      const nsid = typeof schema === 'string' ? schema : schema.nsid
      const entry = (typeof given === 'function' ? { handler: given } : given) as Entry
      const act = ACTS.get(nsid)
      parts.onAdd(nsid)
      router.add(schema as never, (act === undefined ? entry : withAudit(entry, act, parts)) as never)
      return audited
    },
    fetch: (request, info) => router.fetch(request, info),
    handle: (call) => router.handle(call),
    connect: (call) => router.connect(call),
    methods: () => router.methods(),
    subscribers: (nsid) => router.subscribers(nsid),
  }
  return audited
}

function withAudit(entry: Entry, act: Act, parts: AuditParts): Entry {
  const { accounts, audit, log, isOperator } = parts

  const record = async (
    context: Context,
    output: unknown,
    failure: unknown,
    attempt: boolean,
  ): Promise<void> => {
    const input = (isObject(context.input) ? context.input : {}) as Record<string, unknown>
    const done = failure === undefined
    const call = {
      input,
      output: (isObject(output) ? output : {}) as Record<string, unknown>,
      header: context.header,
    }
    const actor = actorOf(context, done, isOperator)
    const { did: caller } = (context.auth ?? {}) as { did?: string }
    const named = subjects.get(context) ?? (act.subject === undefined ? caller : act.subject(call))
    try {
      await audit.record({
        action: act.action,
        actor,
        did: typeof named === 'string' ? await didOf(accounts, named, done || actor !== 'stranger') : null,
        address: context.address,
        error: done ? null : (toXrpcError(failure)?.error ?? 'InternalServerError'),
        attempt,
        detail: done || !attempt ? (act.detail?.(call) ?? {}) : {},
      })
    } catch (error) {
      // What was done is done; that it could not be noted is for the operator.
      log.error({ err: error, action: act.action }, 'the audit log failed')
    }
  }

  const auth = entry.auth
  return {
    ...entry,
    ...(auth === undefined
      ? {}
      : {
          auth: async (context: Context) => {
            try {
              return await auth(context)
            } catch (error) {
              // A wrong password of the operator is worth a line; a token that ran out is not.
              if (/^basic /i.test(context.header('authorization') ?? '')) {
                await record(context, undefined, error, true)
              }
              throw error
            }
          },
        }),
    handler: async (context) => {
      let output: unknown
      try {
        output = await entry.handler(context)
      } catch (error) {
        if (act.doneOnly !== true) await record(context, undefined, error, act.open === true)
        throw error
      }
      await record(context, output, undefined, false)
      return output
    },
  }
}

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof ReadableStream)

function actorOf(context: Context, done: boolean, isOperator: AuditParts['isOperator']): AuditActor {
  const { kind, did, scope, operator } = (context.auth ?? {}) as {
    kind?: string
    did?: string
    scope?: string
    operator?: boolean
  }
  if (operator === true || (did === undefined && isOperator(context))) {
    return context.header('user-agent') === COMMAND_AGENT ? 'command line' : 'operator'
  }
  if (did === undefined) return done ? 'account' : 'stranger'
  if (kind === 'oauth') return 'app'
  if (scope === undefined) return 'service'
  return scope.startsWith('com.atproto.appPass') ? 'app password' : 'account'
}

/** The account that a caller named, if it is one of this server: what else a stranger typed is nobody's business. */
async function didOf(accounts: AccountRows, named: string, trusted: boolean): Promise<string | null> {
  const name = named.trim().slice(0, 2048)
  if (name.startsWith('did:')) return trusted || (await accounts.get(name as Did)) !== null ? name : null
  const byEmail = name.includes('@') && !name.startsWith('@')
  const account = await (byEmail ? accounts.byEmail(name) : accounts.byHandle(name.replace(/^@/, '')))
  return account?.did ?? null
}

const subjects = new WeakMap<object, string>()

/** Lets a method whose input does not name the account (a mailed code does) tell which one its call is about. */
export function aboutAccount(context: object, did: Did): void {
  subjects.set(context, did)
}
