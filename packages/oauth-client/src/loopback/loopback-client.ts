import type { AuthorizeOptions } from '../authorize.ts'
import type { OAuthClient } from '../client.ts'
import { createLoopbackMetadata, type ClientMetadata, type Scopes } from '../client-metadata.ts'
import { OAuthClientError, settle, type OAuthResult } from '../error.ts'
import { createNodeOAuthClient, type NodeClientOptions } from '../node/node-client.ts'
import type { OAuthSession } from '../session.ts'
import { createFileStores } from './file-stores.ts'
import { listen, type Listener } from './listener.ts'
import { openBrowser } from './open-browser.ts'

/** Settings of a client for a program that a person runs. */
export interface LoopbackClientOptions extends Omit<
  NodeClientOptions,
  'metadata' | 'auth' | 'stores' | 'lock'
> {
  /** All that the program may ask for. */
  readonly scope: Scopes
  /** Where sessions are kept, by their owner alone readable. */
  readonly file: string
  /** A document of one's own, of `application_type` `native` with `http://127.0.0.1/callback` among its redirects. Default: none, by `http://localhost`. */
  readonly metadata?: ClientMetadata
}

/** How somebody signs in. */
export interface LoopbackSignInOptions extends Pick<
  AuthorizeOptions,
  'scope' | 'prompt' | 'uiLocales' | 'signal'
> {
  /** Opens the page; gives false where it could not. Default: the system's browser. */
  readonly open?: (url: URL) => boolean | Promise<boolean>
  /** Shows the page's URL where it could not be opened. Default: prints it to the standard error. */
  readonly show?: (url: URL) => void
  /** How long the person may take, in milliseconds. Default ten minutes. */
  readonly timeoutMs?: number
}

/** A client whose sign-in is one call. */
export interface LoopbackClient extends OAuthClient {
  /** Sends the person to the page in their browser, and waits on this machine for the answer. */
  signIn(input: string, options?: LoopbackSignInOptions): Promise<OAuthResult<OAuthSession>>
}

const REDIRECT = 'http://127.0.0.1/callback'

/** Makes a client for a command-line tool. An account that signs in anew replaces its session. */
export function createLoopbackClient(options: LoopbackClientOptions): LoopbackClient {
  const { scope, file, metadata, ...rest } = options
  const { lock, ...stores } = createFileStores(file)
  const client = createNodeOAuthClient({
    replaceSessions: true,
    ...rest,
    metadata: metadata ?? createLoopbackMetadata({ redirectUri: REDIRECT, scope }),
    stores,
    lock,
  })
  return { ...client, signIn: (input, given = {}) => settle(() => signIn(client, input, given)) }
}

async function signIn(
  client: OAuthClient,
  input: string,
  options: LoopbackSignInOptions,
): Promise<OAuthSession> {
  const listener = await listen()
  try {
    return await signInAt(listener, client, input, options)
  } finally {
    await listener[Symbol.asyncDispose]()
  }
}

async function signInAt(
  listener: Listener,
  client: OAuthClient,
  input: string,
  options: LoopbackSignInOptions,
): Promise<OAuthSession> {
  const { open = openBrowser, show = print, timeoutMs = 600_000, signal, ...asked } = options
  const { redirectUri } = listener
  const begun = await client.authorize(input, { ...asked, redirectUri, ...(signal && { signal }) })
  if (!begun.ok) throw begun.error
  const { url, state } = begun.value
  const timeout = AbortSignal.timeout(timeoutMs)
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  const waiting = listener.wait(state, either).catch((cause: unknown) => {
    const code = timeout.aborted ? 'timeout' : 'aborted'
    throw new OAuthClientError(code, 'nobody came back from the page', { cause })
  })
  waiting.catch(() => undefined)
  if (!(await open(url))) show(url)
  const { params, reply } = await waiting
  const finished = await client.callback(params)
  await reply(
    finished.ok
      ? 'You are signed in. This window can be closed.'
      : 'Signing in did not work. The program says why; this window can be closed.',
  )
  if (!finished.ok) throw finished.error
  return finished.value.session
}

function print(url: URL): void {
  process.stderr.write(`Open this page to sign in:\n${url.href}\n`)
}
