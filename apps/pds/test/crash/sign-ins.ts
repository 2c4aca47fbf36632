import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { sql } from '@avocet/testing/pds-rows'

import { createBrowser, type Seen, type TestBrowser } from '../browser.ts'
import { startDirectory } from '../directory.ts'
import { createApp, type AppAnswer, type AppRequest, type TestApp } from '../oauth-app.ts'
import { createRandom } from './random.ts'
import { createCrashServer } from './server.ts'

/** How much of it. */
export interface SignInCrashOptions {
  readonly kills: number
  /** Decides when requests are sent before a kill; the machine's own timing decides the rest. */
  readonly seed: number
  readonly print?: (line: string) => void
}

/** What was done, and found to be as it should. */
export interface SignInCrashFigures {
  readonly kills: number
  /** Of what was under way at a kill: how often it was answered, and how often its answer was lost. */
  readonly underWay: Readonly<Record<string, { answered: number; lost: number; done: number }>>
  /** Sessions that went on after a kill, and those that stayed ended. */
  readonly wentOn: number
  readonly stayedEnded: number
  readonly seconds: number
}

const PASSWORD = 'correct horse'
const HANDLE = 'alice.test'
const SCOPE = 'atproto blob:image/png'
/** Longest time between the first request that a kill cuts off and the kill, in ms; shorter ones are tried more often. */
const WINDOW_MS = 120
/** How long a sign-in takes, about. */
const SIGN_IN_MS = 360
/** Sessions kept from kill to kill: an account has no more than fifty with one app. */
const KEPT = 20

/** A session by what its app was told last. */
interface Tokens {
  readonly access: string
  readonly refresh: string
}

/**
 * Kills a server with sign-ins by apps at every step, some at rest and some under way; starts it again, and lets them go on. What was
 * granted works and can be renewed, also where the answer to a renewal was lost; what was not granted, was declined or ended does not.
 * @throws Error that says what is amiss; the data stays for a look then
 */
export async function crashSignIns(options: SignInCrashOptions): Promise<SignInCrashFigures> {
  const { kills, seed, print = () => {} } = options
  const begun = performance.now()
  const random = createRandom(seed)
  const root = await mkdtemp(join(tmpdir(), 'avocet-pds-sign-ins-'))
  await using directory = await startDirectory()
  const server = await createCrashServer(join(root, 'data'), directory.url)
  const origin = (): string => server.url
  const app: TestApp = await createApp(origin, SCOPE)
  let owner = createBrowser(origin)
  const underWay: Record<string, { answered: number; lost: number; done: number }> = {}
  let live: Tokens[] = []
  const ended: Tokens[] = []
  let [wentOn, stayedEnded] = [0, 0]

  const must = (what: string, found: unknown, expected: unknown): void => {
    const [left, right] = [JSON.stringify(found), JSON.stringify(expected)]
    if (left !== right) throw new Error(`${what}: ${left} is not ${right}`)
  }
  const said = ({ status, body }: AppAnswer): unknown => (status === 200 ? 200 : [status, body?.error])
  const way = (seen: Seen): URL => new URL(seen.headers['location'] ?? 'none:', server.url)

  const signIn = async (browser: TestBrowser, page: Seen, password = PASSWORD): Promise<Seen> =>
    browser.submit(page, 'sign-in', { identifier: HANDLE, password, remember: 'yes' })
  const allow = async (page: Seen, browser = owner): Promise<string> => {
    must('the page of a consent', [page.status, page.title], [200, 'Allow access'])
    return codeOf(await browser.submit(page, 'consent'))
  }
  const codeOf = (seen: Seen): string => {
    const code = way(seen).searchParams.get('code')
    if (seen.status !== 303 || code === null) throw new Error(`no code: ${seen.status} ${seen.title}`)
    return code
  }
  const tokensOf = ({ body }: AppAnswer): Tokens => ({
    access: body.access_token as string,
    refresh: body.refresh_token as string,
  })
  const take = (what: string, answer: AppAnswer): Tokens => {
    must(what, said(answer), 200)
    const tokens = tokensOf(answer)
    live.push(tokens)
    return tokens
  }
  const renew = ({ refresh }: Tokens): Promise<AppAnswer> =>
    app.post('/oauth/token', { grant_type: 'refresh_token', refresh_token: refresh })
  const revoke = ({ refresh }: Tokens): Promise<AppAnswer> => app.post('/oauth/revoke', { token: refresh })
  const call = ({ access }: Tokens): Promise<AppAnswer> => app.call('com.atproto.server.getSession', access)
  /** Goes on from a request whose page was not answered yet. */
  const finish = async (what: string, request: AppRequest): Promise<void> => {
    take(what, await request.exchange(await allow(await owner.visit(request.url))))
  }
  const grant = async (): Promise<Tokens> => {
    const request = await app.begin()
    const tokens = tokensOf(await request.exchange(await allow(await owner.visit(request.url))))
    return tokens
  }
  /** The owner signs in anew, in a browser of their own. */
  const enter = async (): Promise<void> => {
    owner = createBrowser(origin)
    const request = await app.begin()
    const entrance = await signIn(owner, await owner.visit(request.url))
    take('an owner', await request.exchange(await allow(await owner.visit(way(entrance).href))))
  }
  const forget = (tokens: Tokens): void => {
    live = live.filter((one) => one !== tokens)
  }
  const end = (tokens: Tokens): void => {
    forget(tokens)
    ended.push(tokens)
  }
  /** Calls with a session and renews it. */
  const goesOn = async (tokens: Tokens): Promise<void> => {
    must('a call of a session', said(await call(tokens)), 200)
    forget(tokens)
    const next = take('a renewal', await renew(tokens))
    must('a call after it', said(await call(next)), 200)
    wentOn++
  }
  const staysEnded = async (tokens: Tokens): Promise<void> => {
    must('a call of one that ended', said(await call(tokens)), [401, 'invalid_token'])
    must('a renewal of one that ended', said(await renew(tokens)), [400, 'invalid_grant'])
    stayedEnded++
  }

  const inDatabase = (what: string): number =>
    Number(sql(server, `SELECT ${what} AS n FROM oauth_session`)[0]!['n'])
  const generations = (): number => inDatabase('sum(generation)')

  /** One kill: what it met, and how each of it goes on. */
  const kill = async (): Promise<void> => {
    // At rest, each at another step.
    const pushed = await app.begin()
    const shown = { browser: createBrowser(origin), request: await app.begin() }
    const shownPage = await shown.browser.visit(shown.request.url)
    const signedIn = { browser: createBrowser(origin), request: await app.begin() }
    const signedInWay = await signIn(signedIn.browser, await signedIn.browser.visit(signedIn.request.url))
    const refused = { browser: createBrowser(origin), request: await app.begin() }
    const wrong = await signIn(refused.browser, await refused.browser.visit(refused.request.url), 'wrong')
    must('a wrong password', wrong.title, 'Sign in')
    const asked = await app.begin()
    const askedPage = await owner.visit(asked.url)
    const coded = await app.begin()
    const code = await allow(await owner.visit(coded.url))
    const granted = await grant()
    live.push(granted)
    const renewed = tokensOf(await renew(await grant()))
    live.push(renewed)
    const revoked = await grant()
    must('a revocation', said(await revoke(revoked)), 200)
    ended.push(revoked)
    const declined = await app.begin()
    must('a refusal', (await owner.submit(await owner.visit(declined.url), 'deny')).status, 303)

    // Under way.
    const entering = { browser: createBrowser(origin), request: await app.begin() }
    const enteringPage = await entering.browser.visit(entering.request.url)
    const agreeing = await app.begin()
    const agreeingPage = await owner.visit(agreeing.url)
    const exchanging = await app.begin()
    const exchangingCode = await allow(await owner.visit(exchanging.url))
    const renewing = [await grant(), await grant(), await grant()]
    const revoking = await grant()
    // Nobody is told of a password before a while is over.
    const entry = signIn(entering.browser, enteringPage).catch(() => null)
    await delay(SIGN_IN_MS - 100 + random.below(200))
    const window = 1 + random.below(1 + random.below(WINDOW_MS))
    const race = async <T>(run: () => Promise<T>): Promise<T | null> => {
      await delay(random.below(window))
      return run().catch(() => null)
    }
    const racing = Promise.all([
      race(() => app.push()),
      entry,
      race(() => owner.submit(agreeingPage, 'consent')),
      race(() => exchanging.exchange(exchangingCode)),
      race(() => revoke(revoking)),
      Promise.all(renewing.map((tokens) => race(() => renew(tokens)))),
    ])
    await delay(window)
    await server.stop('SIGKILL')
    const [pushedNow, entered, agreed, exchanged, revokedNow, renewedNow] = await racing
    await server.start()

    const count = (what: string, answer: unknown, done: boolean): void => {
      const counts = (underWay[what] ??= { answered: 0, lost: 0, done: 0 })
      counts[answer === null ? 'lost' : 'answered']++
      if (answer === null && done) counts.done++
    }

    await finish('one that was pushed', pushed)
    const late = await signIn(shown.browser, shownPage)
    const consent = await shown.browser.visit(way(late).href)
    take('one whose page was open', await shown.request.exchange(await allow(consent, shown.browser)))
    const entrance = await signedIn.browser.visit(way(signedInWay).href)
    take('one who signed in', await signedIn.request.exchange(await allow(entrance, signedIn.browser)))
    const outside = await refused.browser.visit(refused.request.url)
    must('one with a wrong password', [outside.status, outside.title], [200, 'Sign in'])
    must('its refusal', (await refused.browser.submit(outside, 'deny')).status, 303)
    take('one who was asked', await asked.exchange(await allow(askedPage)))
    take('one with a code', await coded.exchange(code))
    must('one that was declined', (await owner.visit(declined.url)).status, 400)
    await goesOn(granted)
    await goesOn(renewed)
    await staysEnded(revoked)

    if (pushedNow !== null) must('what was pushed', pushedNow.status, 201)
    count('a pushed request', pushedNow, false)
    let inside = await entering.browser.visit(entering.request.url)
    // Its new cookie is lost with the answer, and the one before is good for nothing once somebody signed in: it begins anew.
    const isStrange = entered === null && inside.status === 400
    if (isStrange) inside = await entering.browser.visit((await app.begin()).url)
    count('a sign-in', entered, isStrange)
    const title = entered === null ? 'Sign in' : 'Allow access'
    must('after a sign-in', [inside.status, inside.title], [200, title])
    must('its refusal', (await entering.browser.submit(inside, 'deny')).status, 303)

    if (agreed !== null) take('a consent', await agreeing.exchange(codeOf(agreed)))
    const open = agreed === null ? await owner.visit(agreeing.url) : null
    count('a consent', agreed, open?.status === 400)
    if (open?.status === 200) take('a consent that was lost', await agreeing.exchange(await allow(open)))
    else if (open !== null) must('a consent whose code nobody got', open.status, 400)

    if (exchanged !== null) take('an exchange', exchanged)
    const second = exchanged === null ? await exchanging.exchange(exchangingCode) : null
    count('an exchange of a code', exchanged, second?.status === 400)
    if (second?.status === 200) take('an exchange that was lost', second)
    else if (second !== null) must('a code that was used', said(second), [400, 'invalid_grant'])

    for (const [index, answer] of renewedNow.entries()) {
      const before = renewing[index]!
      const renewals = generations()
      if (answer !== null) must('a renewal', said(answer), 200)
      // Whoever lost the answer asks again; whoever has it, and asks again all the same, is told the same.
      const again = await renew(before)
      must('a renewal, again', said(again), 200)
      if (answer !== null) must('its token', tokensOf(again).refresh, tokensOf(answer).refresh)
      count('a renewal', answer, generations() === renewals)
      const next = tokensOf(again)
      live.push(next)
      await goesOn(next)
    }

    if (revokedNow !== null) must('a revocation', said(revokedNow), 200)
    const still = said(await call(revoking))
    count('a revocation', revokedNow, still !== 200)
    if (revokedNow !== null || still !== 200) must('what was revoked', still, [401, 'invalid_token'])
    else must('a revocation, again', said(await revoke(revoking)), 200)
    await staysEnded(revoking)
    ended.push(revoking)

    // Others live on, over several kills.
    await goesOn(live[random.below(live.length)]!)
    await staysEnded(ended[random.below(ended.length)]!)
    while (live.length > KEPT) {
      const oldest = live[random.below(live.length)]!
      must('a revocation', said(await revoke(oldest)), 200)
      end(oldest)
    }
    must('sessions in the database', inDatabase('count(*)'), live.length)
  }

  await server.start()
  try {
    const account = { handle: HANDLE, email: 'owner@example.com', password: PASSWORD }
    await server.ask('com.atproto.server.createAccount', { input: account })
    for (let n = 1; n <= kills; n++) {
      // An account is signed in on a hundred browsers at most, and each kill has new ones.
      if (n % 10 === 1) await enter()
      await kill()
      if (n % 10 === 0) print(`${n} kills, ${wentOn} went on, ${stayedEnded} stayed ended`)
    }
    for (const tokens of live) await goesOn(tokens)
    for (const tokens of ended) await staysEnded(tokens)
  } catch (error) {
    throw new Error(`after ${wentOn + stayedEnded} looks; seed=${seed} data=${root}`, { cause: error })
  } finally {
    await server.stop('SIGTERM')
  }
  await rm(root, { recursive: true, force: true })
  const seconds = Math.round((performance.now() - begun) / 1000)
  return { kills, underWay, wentOn, stayedEnded, seconds }
}
