import { createTxtLookup } from '@avocet/did/node'

import { createAccounts } from './accounts/accounts.ts'
import { createAdminPages } from './admin/admin.ts'
import { createAppView } from './app-view/app-view.ts'
import { createAuth } from './auth/auth.ts'
import { resolveConfig, type PdsConfig, type PdsOptions } from './config/config.ts'
import { embedderParts, type PdsEmbedding, type PdsParts } from './embedding.ts'
import { createEvents } from './events/events.ts'
import { listen } from './http/listen.ts'
import { createPages } from './http/pages.ts'
import { createPdsRouter } from './http/router.ts'
import { createPublicAddress } from './identity/address.ts'
import { createIdentity } from './identity/identity.ts'
import { openSharedCounts } from './limits/shared-counts.ts'
import { SILENT } from './logger.ts'
import { createPost } from './mail/post.ts'
import { allChores } from './operations/capability.ts'
import { startElectedChores } from './operations/elected-chores.ts'
import { rememberErrors } from './operations/last-errors.ts'
import { createWatch } from './operations/watch.ts'
import { createOperatorDoors } from './operator/operator.ts'
import { createOAuth } from './oauth/oauth.ts'
import { createOutbound } from './outbound/outbound.ts'
import { createOwnerPages } from './pages/pages.ts'
import { LANGUAGE_TAGS } from './pages/texts/choose.ts'
import { createProxy } from './proxy/proxy.ts'
import { createRepos } from './repos/repos.ts'
import { openStorage } from './storage.ts'

export type { PdsConfig, PdsOptions } from './config/config.ts'
export type { MethodAuth, PdsAccounts, PdsEmbedding, PdsParts } from './embedding.ts'
export type { AccountMethod } from './auth/account-method.ts'
export type { AppTokens } from './auth/app-tokens.ts'
export type { Caller, OAuthCaller, Operator, SessionCaller } from './auth/callers.ts'
export type { AccessNeeds, Asked, MethodNeeds, OAuthNeeds } from './auth/needs.ts'
export type { AuthCall, Credentials, ReplacedAuth } from './auth/replaced.ts'
export type { FactorAnswer, PasswordOutcome, SignIns } from './accounts/sign-in.ts'
export type { EventListener } from './events/listener.ts'
export type { Visitor } from './factors/challenges.ts'
export type {
  AddedFactor,
  FactorList,
  Factors,
  FactorView,
  PasskeyAnswer,
  TotpAnswer,
} from './factors/factors.ts'
export type { SecondFactorKind } from './factors/second-factor.ts'
export type { CreationOptions, RequestOptions } from './factors/webauthn-json.ts'
export { openPdsStores, type OwnStores } from './embedded-stores.ts'
export type { Logger } from './logger.ts'
export type { Stores } from './stores/stores.ts'

/** A running PDS. Its parts work without HTTP. */
export interface Pds extends PdsParts, AsyncDisposable {
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
 * @param options settings, of which only the data directory has no default, and what an embedder brings
 * @throws DataDirectoryError when the data directory cannot be used, and what `listen` throws (EADDRINUSE, …)
 */
export async function createPds(options: PdsOptions & PdsEmbedding): Promise<Pds> {
  const {
    log: given = SILENT,
    lookupTxt = createTxtLookup(),
    fetch,
    stores: ownStores,
    catalog,
    auth: replaced = {},
    methods,
    onEvent,
    ...settings
  } = options
  const config = resolveConfig(settings)
  const { log, errors } = rememberErrors(given)
  await using opened = new AsyncDisposableStack()
  const { stores, secrets } = opened.use(await openStorage(config, log, ownStores))
  const { accounts: rows, server } = stores
  const counts = opened.use(await openSharedCounts(config, log))
  const address = createPublicAddress(config)
  const onError = (error: unknown): void => watch.health.observe(error)

  // Each line uses what stands above it.
  const events = opened.use(createEvents({ config, server, log, onEvent, onError }))
  const { sequencer, announcements } = events
  const watch = opened.use(createWatch(config, stores, sequencer, counts, log))
  const { metrics, health, clock } = watch
  const outbound = createOutbound(config, { lookupTxt, fetch }, log, metrics)
  const post = opened.use(createPost(config, log, metrics))
  const oauth = createOAuth({
    config,
    stores,
    address,
    outbound,
    lookupTxt,
    counts,
    secret: secrets.jwtSecret,
    locales: LANGUAGE_TAGS,
    log,
  })
  const auth = createAuth({
    accounts: rows,
    dids: outbound.dids,
    serviceDid: () => address.serviceDid(),
    secrets,
    moderationService: config.modService?.did ?? null,
    replaced: { appTokens: oauth.appTokens, ...replaced },
  })
  const { authorizer, services, answerHeaders } = auth
  const rotationKeyHex = secrets.plcRotationKeyHex
  const identity = createIdentity({ config, rotationKeyHex, stores, address, authorizer, outbound })
  const { signers } = identity
  const proxy = createProxy({ config, outbound, authorizer, signers, address, log, counts: metrics })
  const { findRemote } = proxy
  const own = { config, stores, outbound, log }
  const repos = opened.use(
    createRepos({ ...own, authorizer, services, signers, sequencer, findRemote, lookupTxt, clock, onError }),
  )
  const { outbox } = post
  const accounts = createAccounts({
    ...own,
    auth,
    counts,
    announcements,
    outbox,
    address,
    identity,
    repos,
    audit: watch.audit,
    sealSecret: secrets.jwtSecret,
  })
  const { locks } = repos
  const { reader } = repos.host.parts
  const appView = createAppView({ ...own, auth, signers, address, proxy, reader, locks })
  const operator = createOperatorDoors({
    config,
    stores,
    auth,
    watch,
    counts,
    post,
    repos,
    accounts,
    events,
    errors,
    jwtSecret: secrets.jwtSecret,
  })

  const { fallback } = appView
  const router = createPdsRouter({
    config,
    authorizer,
    answerHeaders,
    watch,
    counts,
    catalog,
    fallback,
    log,
  })
  const parts = [identity, repos, accounts, appView, operator]
  const added = watch.audited(auth.guarded(router), (request) => authorizer.isAdmin(request))
  for (const part of parts) part.methods(added)
  const inside = embedderParts(stores, auth, repos, accounts)
  methods?.(added, inside)

  const owners = createOwnerPages({
    config,
    oauth,
    stores,
    accounts,
    repos,
    identity,
    address,
    counts,
    secret: secrets.jwtSecret,
    audit: watch.audit,
    log,
  })
  const admin = createAdminPages({
    config,
    stores,
    secrets,
    authorizer,
    watch,
    counts,
    address,
    operator,
    log,
  })
  const pages = createPages(config, rows, address, operator.pages, [owners.pages, admin.pages])
  const listening = opened.use(await listen({ config, router, pages, health, log }))
  address.bind(listening.port)
  opened.use(
    events.tellRelays(
      () => address.url(),
      outbound.fetch,
      () => metrics.failed('relay'),
    ),
  )
  opened.use(
    await startElectedChores(
      stores.elect,
      allChores([events, watch, ...parts, oauth, owners, admin]),
      clock,
      log,
      { rounds: watch.rounds },
    ),
  )

  const running = opened.move()
  const close = (): Promise<void> => running.disposeAsync()
  return {
    ...inside,
    url: listening.url,
    port: listening.port,
    config,
    fetch: (request) => router.fetch(request),
    close,
    [Symbol.asyncDispose]: close,
  }
}
