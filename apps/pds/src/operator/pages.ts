import type { Did } from '@avocet/syntax'
import type { Repairs, RepoImports } from '@avocet/repo-server'
import { Hono, type Context } from 'hono'

import type { Authorizer } from '../auth/authorizer.ts'
import type { Announce } from '../accounts/announcer.ts'
import type { KeyRotations } from '../accounts/key-rotations.ts'
import { findAccount } from '../auth/lookup.ts'
import type { Quotas } from '../repos/quotas.ts'
import { readAuditQuery } from '../audit/audit-query.ts'
import { COMMAND_AGENT } from '../audit/command-agent.ts'
import { PdsError } from '../errors.ts'
import type { PdsConfig } from '../config/config.ts'
import type { Factors } from '../factors/factors.ts'
import type { Mailer } from '../mail/mailer.ts'
import { causeOf, maskEmail } from '../redact.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'
import type { Watch } from '../operations/watch.ts'
import type { QuotaChange } from '../stores/rows.ts'
import type { Stores } from '../stores/stores.ts'
import { toXrpcError } from '../wire-errors.ts'
import { perform, type Act } from './acts.ts'
import { factorAct } from './factor-pages.ts'
import { addressOf, createOperatorGuard, type PageEnv } from './guard.ts'
import type { OperatorFactor } from './operator-factor.ts'
import { addDeskPages, type OperatorDesk } from './desk-pages.ts'

/** What the operator's pages compose. */
export interface OperatorPagesParts {
  readonly config: PdsConfig
  readonly stores: Pick<Stores, 'accounts' | 'audit'>
  readonly watch: Watch
  readonly counts: Pick<SharedCounts, 'rateLimits'>
  readonly authorizer: Authorizer
  readonly quotas: Quotas
  readonly outbox: Mailer
  readonly rotations: KeyRotations
  readonly announce: Announce
  readonly factors: Pick<Factors, 'list'>
  readonly repairs: Repairs
  readonly imports: Pick<RepoImports, 'importCar'>
  /** What guards the operator's page. */
  readonly operatorFactor: OperatorFactor
  readonly jwtSecret: string
  readonly desk: OperatorDesk
}

const MAX_BODY = 16 * 1024
/** The longest id of a passkey, in base64url. */
const MAX_FACTOR_ID = 1364

/** Pages that take the operator's password (HTTP Basic): metrics, the audit log, and the acts that no lexicon has. */
export function createOperatorPages(parts: OperatorPagesParts): Hono<PageEnv> {
  const { config, stores, authorizer, quotas, outbox, repairs, imports, rotations, announce, factors, desk } =
    parts
  const { accounts } = stores
  const { metrics, audit } = parts.watch
  const { hostname } = config
  const pages = new Hono<PageEnv>()
  const only = createOperatorGuard({ config, authorizer, audit, counts: parts.counts })

  /** Does what `read` finds to do, and records it, also when it fails. */
  const answerAct = async (context: Context<PageEnv>, read: () => Act | Promise<Act>): Promise<Response> => {
    const isCommand = context.req.header('user-agent') === COMMAND_AGENT
    const doer = { actor: isCommand ? 'command line' : 'operator', address: addressOf(context) } as const
    try {
      return context.json(await perform(audit, await read(), doer))
    } catch (error) {
      const told = toXrpcError(error)
      if (told === undefined) throw error
      return refuse(context, told.status, told.error, causeOf(error))
    }
  }

  /** An act by POST: only of JSON, which no form of another site can send with the password a browser remembers. */
  const act = (path: string, read: (body: Record<string, unknown>) => Act | Promise<Act>): void => {
    pages.post(
      path,
      only(async (context) => {
        const body = await readJson(context)
        if (body === null) return refuse(context, 400, 'InvalidRequest', 'Expected a JSON object')
        return answerAct(context, () => read(body))
      }),
    )
  }

  const accountOf = async (name: unknown): Promise<Did> => (await desk.find(name)).did

  pages.get(
    '/metrics',
    only(async (context) => context.text(await metrics.render())),
  )

  pages.get(
    '/audit',
    only(async (context) => {
      const query = await readAuditQuery((name) => context.req.query(name), accounts)
      return query === null
        ? refuse(context, 400, 'InvalidRequest', 'Expected account, since, before, limit')
        : context.json({ entries: await stores.audit.list(query) })
    }),
  )

  pages.get(
    '/quota',
    only(async (context) => {
      const account = await findAccount(accounts, context.req.query('account') ?? '')
      if (account === null) return refuse(context, 400, 'AccountNotFound', 'Account not found')
      return context.json({ quota: await quotas.of(account.did), used: await quotas.used(account.did) })
    }),
  )

  act('/quota', async (body) => {
    const did = await accountOf(body['account'])
    return desk.acts.setQuota(did, readQuota(body))
  })

  pages.get(
    '/factors',
    only(async (context) => {
      const account = await findAccount(accounts, context.req.query('account') ?? '')
      if (account === null) return refuse(context, 400, 'AccountNotFound', 'Account not found')
      return context.json({ did: account.did, ...(await factors.list(account.did)) })
    }),
  )

  act('/factors', async (body) => {
    const account = await desk.find(body['account'])
    const which = body['remove']
    if (typeof which !== 'string' || which === '' || which.length > MAX_FACTOR_ID) {
      throw new PdsError('invalid-request', 'Expected what to remove: the id of a factor, email, …, or all')
    }
    return desk.acts.removeFactors(account, which)
  })

  pages.get(
    '/operator/factor',
    only(async (context) => context.json(await parts.operatorFactor.state())),
  )

  addDeskPages({ desk, read: (path, answer) => void pages.get(path, only(answer)), act })

  act('/operator/factor', (body) => factorAct(parts.operatorFactor, parts.jwtSecret, body))

  act('/send-test', (body) => {
    const { to } = body
    if (typeof to !== 'string' || !/^[^\s@]{1,64}@[^\s@]{1,190}$/.test(to)) {
      throw new PdsError('invalid-request', 'Expected the address of a mailbox')
    }
    return {
      action: 'test mail sent',
      did: null,
      detail: { to: maskEmail(to) },
      run: async () => {
        const text = `This mail shows that ${hostname} can send mail.`
        await outbox.send({ to, subject: `Test (${hostname})`, text })
        return {}
      },
    }
  })

  act('/rotate-keys', async (body) => {
    const did = await accountOf(body['account'])
    const apply = body['apply'] === true
    const isServers = body['rotationKey'] === true
    const since = typeof body['unlessSince'] === 'number' ? body['unlessSince'] : Number.POSITIVE_INFINITY
    return {
      action: isServers ? 'rotation key replaced' : 'signing key rotated',
      did,
      detail: { apply },
      run: async () => {
        if (isServers) return rotations.rotationKey(did, apply)
        const rotatedAt = (await rotations.rotatedAt(did)) ?? Number.NEGATIVE_INFINITY
        if (rotatedAt < since) return rotations.signingKey(did, apply)
        const detail = `has a new signing key since ${new Date(rotatedAt).toISOString()}`
        return { did, outcome: 'none', detail, from: null, to: null }
      },
    }
  })

  act('/announce', async (body) => {
    const did = await accountOf(body['account'])
    return {
      action: 'account announced',
      did,
      detail: {},
      run: async () => ({ did, status: await announce(did) }),
    }
  })

  for (const [path, action, run] of [
    ['/repair-rev', 'revision repaired', (did, apply, clock) => repairs.repairRev(did, apply, clock)],
    ['/rebuild-repo', 'repository rebuilt', (did, apply, clock) => repairs.rebuild(did, apply, clock)],
  ] as const satisfies readonly (readonly [string, string, Repair])[]) {
    act(path, async (body) => {
      const did = await accountOf(body['account'])
      const apply = body['apply'] === true
      const clockIsRight = body['clockIsRight'] === true
      return { action, did, detail: { apply }, run: () => run(did, apply, clockIsRight) }
    })
  }

  pages.post(
    '/import-repo',
    only(async (context) => {
      const { body } = context.req.raw
      // No form of another site can send this type.
      if (body === null || context.req.header('content-type') !== 'application/vnd.ipld.car') {
        return refuse(context, 400, 'InvalidRequest', 'Expected an archive')
      }
      return answerAct(context, async () => {
        const did = await accountOf(context.req.query('account'))
        const skip = context.req.query('skip') === 'true'
        return {
          action: 'repository imported',
          did,
          detail: { skip },
          run: async () => ({ skipped: await imports.importCar(did, body, skip) }),
        }
      })
    }),
  )

  return pages
}

type Repair = (did: Did, apply: boolean, clockIsRight: boolean) => Promise<object>

/** @throws PdsError `invalid-request` */
function readQuota(body: Record<string, unknown>): QuotaChange {
  const one = (name: 'blobBytes' | 'records'): QuotaChange => {
    const value = body[name]
    if (value === undefined) return {}
    if (value !== null && !(Number.isSafeInteger(value) && (value as number) >= 0)) {
      throw new PdsError('invalid-request', `Expected a whole number, or null for the setting; ${name}`)
    }
    return { [name]: value as number | null }
  }
  return { ...one('blobBytes'), ...one('records') }
}

async function readJson(context: Context): Promise<Record<string, unknown> | null> {
  const length = Number(context.req.header('content-length') ?? Number.NaN)
  if (!(length <= MAX_BODY) || context.req.header('content-type') !== 'application/json') return null
  try {
    const json: unknown = await context.req.json()
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : null
  } catch {
    return null
  }
}

const refuse = (context: Context, status: number, error: string, message: string): Response =>
  context.json({ error, message }, status as 400)
