import { BlobError } from '@avocet/blobs'
import { createTidClock, type Did } from '@avocet/syntax'
import { DidError, type LookupTxt } from '@avocet/did'
import { createTxtLookup } from '@avocet/did/node'
import { createSequencer } from '@avocet/sequencer'
import { createRouter } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import { BUNDLED_LEXICONS, createKeyedLock, createRemovals, createRepairs } from '@avocet/repo-server'

import { createCredentials } from './accounts/credentials.ts'
import { createDeletions } from './accounts/deletions.ts'
import { createEmailTokens } from './accounts/email-tokens.ts'
import { createLifecycle } from './accounts/lifecycle.ts'
import { createLoginBrake, NO_BRAKE } from './accounts/login-brake.ts'
import { createModeration } from './operator/moderation.ts'
import { createAccountView } from './accounts/views.ts'
import { createResolveActor } from './identity/actors.ts'
import { createDocumentChecks } from './identity/document-checks.ts'
import { createHandleChanges } from './accounts/handle-changes.ts'
import { createPost } from './mail/post.ts'
import { createLetters } from './accounts/letters.ts'
import { createAppPasswords } from './accounts/app-passwords.ts'
import { createAuthorizer } from './auth/authorizer.ts'
import { createInvites } from './accounts/invites.ts'
import { createKeyRotations } from './accounts/key-rotations.ts'
import { createQuotas } from './repos/quotas.ts'
import { createRegistration } from './accounts/registration.ts'
import { createReservedKeys } from './accounts/reserved-keys.ts'
import { createServiceCallers } from './auth/service-callers.ts'
import { createSessions } from './accounts/sessions.ts'
import { createSessionView } from './accounts/session-view.ts'
import { createTokens } from './auth/tokens.ts'
import { createBelievedClock } from './operations/believed-clock.ts'
import { startChores } from './operations/chores.ts'
import { createWatch } from './operations/watch.ts'
import { resolveConfig, type PdsConfig, type PdsOptions } from './config/config.ts'
import { refuseForeignData } from './config/data-directory.ts'
import { noteRotationKey } from './config/rotation-key.ts'
import { loadSecrets, prepareDataDirectory } from './config/secrets.ts'
import { lockDataDirectory } from './config/server-lock.ts'
import { createAnnouncements } from './events/announcements.ts'
import { createCrawlers } from './events/crawlers.ts'
import { createBypass, GLOBAL_LIMIT, STREAM_BUFFER_BYTES } from './limits/rate-limits.ts'
import { FRONT_SERVERS } from './http/front-servers.ts'
import { createHealthCheck } from './health/health-check.ts'
import { createOperatorPages } from './operator/pages.ts'
import { createPages } from './http/pages.ts'
import { createPublicAddress } from './identity/address.ts'
import { createHandlePolicy } from './identity/handles.ts'
import { createIdentities } from './identity/identities.ts'
import { SILENT, type Logger } from './logger.ts'
import { createOutbound } from './outbound/outbound.ts'
import { addMethods } from './methods.ts'
import { pdsChores } from './pds-chores.ts'
import { createProxying } from './app-view/proxying.ts'
import { createHost } from './repos/host.ts'
import { createRecordLexicons } from './repos/lexicons.ts'
import { createSigners } from './identity/signers.ts'
import { openStores } from './stores.ts'
import { readVersion } from './version.ts'
import { toXrpcError } from './wire-errors.ts'

export type { PdsConfig, PdsOptions } from './config/config.ts'
export type { Logger } from './logger.ts'

/** A running PDS. */
export interface Pds extends AsyncDisposable {
  /** Where it listens: `http://host:port`. */
  readonly url: string
  readonly port: number
  readonly config: PdsConfig
  /** Answers a request to `/xrpc/` without a socket. */
  fetch(request: Request): Promise<Response>
  /** Takes no more requests, finishes those that run, tells subscribers, closes the database. */
  close(): Promise<void>
}

/**
 * Starts a PDS: opens its stores, wires its parts, listens.
 * @param lookupTxt asks the DNS, for handles and published lexicons
 * @throws DataDirectoryError when the data directory cannot be used, and what `listen` throws (EADDRINUSE, …)
 */
export async function createPds(
  options: PdsOptions,
  log: Logger = SILENT,
  lookupTxt: LookupTxt = createTxtLookup(),
): Promise<Pds> {
  const config = resolveConfig(options)
  await using opened = new AsyncDisposableStack()
  // In this order: nothing is written beside the data of another program.
  prepareDataDirectory(config.dataDirectory)
  refuseForeignData(config)
  opened.use(lockDataDirectory(config.dataDirectory))
  const stores = await openStores(config, log)
  opened.defer(() => stores.db.close())
  const secrets = await loadSecrets(config)
  const formerKey = await noteRotationKey(config.dataDirectory, secrets.plcRotationKeyHex)
  if (formerKey !== null) {
    log.warn(
      { formerKey },
      'the rotation key is another than at the last start; identities that do not list it cannot be changed',
    )
  }
  const address = createPublicAddress(config)
  const sequencer = createSequencer({
    log: stores.log,
    // A chore prunes it, which knows when the clock is not to be trusted.
    retention: { maxAgeMs: config.repoBackfillLimitMs, everyMs: 0 },
    page: { count: 500, bytes: STREAM_BUFFER_BYTES },
    onError: (error) => {
      log.error({ err: error }, 'the event log failed')
      health.observe(error)
    },
  })
  opened.use(sequencer)
  const { db, accountStore, accounts, server: repoServer, files } = stores
  const watch = opened.use(createWatch(config, stores, sequencer, log))
  const { health, metrics } = watch

  const outbound = createOutbound(config, lookupTxt, log, metrics)
  const { fetch, dids, resolveHandle, plc } = outbound

  const startedAt = Date.now()
  const locks = createKeyedLock()
  const tids = createTidClock()
  const tokens = createTokens(secrets.jwtSecret, () => address.serviceDid())
  const authorizer = createAuthorizer(accounts, tokens, secrets.adminPassword)
  const appPasswords = createAppPasswords(accountStore)
  const sessions = createSessions(accountStore, appPasswords, tokens, config.loginFloorMs)
  const signers = createSigners(accountStore.secrets)
  const handles = createHandlePolicy(config.handleDomains, resolveHandle)
  const identities = createIdentities(
    plc,
    secrets.plcRotationKeyHex,
    config.previousPlcRotationKeyHex,
    config.recoveryDidKey,
    address,
  )
  const announcements = createAnnouncements(repoServer)
  const quotas = createQuotas(db, config, repoServer)
  const services = createServiceCallers(
    dids,
    accounts,
    () => address.serviceDid(),
    config.modService?.did ?? null,
  )
  const host = opened.use(
    createHost({
      config,
      stores,
      authorizer,
      services,
      dids,
      signers,
      quotas,
      lexicons: config.resolveLexicons ? createRecordLexicons(dids, lookupTxt, fetch) : BUNDLED_LEXICONS,
      locks,
      tids,
      sequencer,
      findRemote: (name, from) => proxying.findRemote(name, from),
      onError: (error) => {
        log.error({ err: error }, 'removing a blob failed')
        health.observe(error)
      },
    }),
  )
  const { uploads, imports, reader } = host.parts
  const invites = createInvites(accountStore, config.hostname)
  const reservedKeys = createReservedKeys(accountStore)
  const removals = createRemovals(repoServer, files)
  const registration = createRegistration({
    accountStore,
    invites,
    inviteRequired: config.inviteRequired,
    reservedKeys,
    handles,
    identities,
    sessions,
    db,
    server: repoServer,
    locks,
    tids,
    removals,
  })
  const lifecycle = createLifecycle({
    db,
    accountStore,
    removals,
    imports,
    signers,
    server: repoServer,
    locks,
    onError: (error) => log.error({ err: error }, 'removing what a deleted account left failed'),
  })
  const purge = (did: Did): void => dids.purge(did)
  const emailTokens = createEmailTokens(accountStore)
  const post = opened.use(createPost(config, log, metrics))
  const { outbox } = post
  const letters = createLetters(outbox, emailTokens, config.hostname)
  const deletions = createDeletions(accountStore, lifecycle, letters, log)
  const proxying = createProxying({
    config,
    stores,
    outbound,
    reader,
    authorizer,
    signers,
    address,
    log,
    counts: metrics,
  })
  const { targets, proxy, forwardPush } = proxying

  const router = createRouter({
    mapError: (error) => {
      health.observe(error)
      if (error instanceof BlobError) log.error({ err: error }, 'the store of blobs failed')
      return toXrpcError(error)
    },
    // Clients may send parameters of newer lexicons than those known here.
    unknownParams: 'ignore',
    // And `cursor=` for no cursor.
    emptyParams: 'ignore',
    rateLimit: { rules: [GLOBAL_LIMIT], bypass: createBypass(config) },
    fallback: proxy,
    health: createHealthCheck(
      health,
      (request) => authorizer.isAdmin(request),
      `avocet-pds ${readVersion()}`,
    ),
    onError: (error, context) => log.error({ err: error, ...context }, 'request failed'),
    onRequest: watch.observe,
  })
  const handleChanges = createHandleChanges(db, accountStore, dids, handles, identities, announcements, locks)
  addMethods(
    watch.audited(router, (request) => authorizer.isAdmin(request)),
    {
      config,
      address,
      authorizer,
      accountStore,
      accounts,
      registration,
      sessions,
      brake: config.rateLimitsEnabled ? createLoginBrake() : NO_BRAKE,
      sessionView: createSessionView(dids, address),
      services,
      host,
      server: repoServer,
      targets,
      proxy,
      forwardPush,
      dids,
      handles,
      resolveHandle,
      db,
      invites,
      lifecycle,
      documents: createDocumentChecks(dids, signers, address),
      letters,
      deletions,
      operatorMailer: post.operatorOutbox,
      emailTokens,
      credentials: createCredentials(accountStore, emailTokens),
      appPasswords,
      reservedKeys,
      identities,
      signers,
      handleChanges,
      announcements,
      moderation: createModeration(accounts, repoServer, lifecycle),
      accountView: createAccountView(accountStore),
      resolveActor: createResolveActor(
        dids,
        async (handle) => accounts.byHandle(handle)?.did ?? resolveHandle(handle),
      ),
      locks,
      purge,
    },
  )

  const rotations = createKeyRotations({
    db,
    accountStore,
    server: repoServer,
    signers,
    identities,
    announcements,
    locks,
    tids,
    purge,
  })
  const clock = createBelievedClock(db)
  const repairs = createRepairs({ store: repoServer, keyOf: (did) => signers.get(did), locks, tids, clock })
  const operatorPages = createOperatorPages({
    config,
    stores,
    watch,
    authorizer,
    quotas,
    outbox,
    repairs,
    imports,
    rotations,
  })
  const server = await serve({
    router,
    port: config.port,
    hostname: config.host,
    trustProxy: FRONT_SERVERS,
    fetch: createPages(config, accounts, address, operatorPages).fetch,
    onError: (error) => {
      // A service broke off an answer that was being handed on: strangers do not fill the log of errors.
      if (error instanceof DidError) log.warn({ err: error }, 'an answer of another service broke off')
      else log.error({ err: error }, 'answering failed')
      health.observe(error)
    },
  })
  address.bind(server.port)
  opened.use(server)
  opened.use(
    createCrawlers(
      config.crawlers,
      () => address.url(),
      stores.log,
      fetch,
      log,
      () => metrics.failed('relay'),
    ),
  )
  const own = { stores, uploads, deletions, reservedKeys, imports, removals, rotations, handleChanges }
  opened.use(startChores(pdsChores({ ...own, audit: watch.audit, sequencer, startedAt }), clock, log))

  const running = opened.move()
  const close = (): Promise<void> => running.disposeAsync()
  return {
    url: server.url,
    port: server.port,
    config,
    fetch: (request) => router.fetch(request),
    close,
    [Symbol.asyncDispose]: close,
  }
}
