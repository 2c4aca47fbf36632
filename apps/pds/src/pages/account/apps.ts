import { nameClient, type OAuthStore } from '@avocet/oauth-server'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../../errors.ts'
import type { OAuth } from '../../oauth/oauth.ts'
import { appsPage, type ConnectedApp } from '../views/account/apps.ts'
import type { OwnerForm, OwnerPage } from './owner-page.ts'

/** What the page of connected apps composes. */
export interface AppsPageParts {
  readonly store: Pick<OAuthStore, 'sessions' | 'consents' | 'apply'>
  readonly oauth: Pick<OAuth, 'granted'>
}

/** Characters of a client id that the audit log keeps: an app on a device has its scopes in it. */
const MAX_KEPT = 512

/** `/account/apps`: the apps that an account let in, and the end of that. */
export function createAppsPage({ store, oauth }: AppsPageParts): OwnerPage {
  const appsOf = async (did: Did): Promise<readonly ConnectedApp[]> => {
    const nowSeconds = Date.now() / 1000
    const sessions = (await store.sessions.list(did)).filter(({ expiresAt }) => expiresAt > nowSeconds)
    const consents = await store.consents.list(did)
    const byClient = Map.groupBy(sessions, ({ clientId }) => clientId)
    const clients = new Set([...byClient.keys(), ...consents.map(({ clientId }) => clientId)])
    return Promise.all(
      [...clients].map(async (clientId): Promise<ConnectedApp> => {
        const some = byClient.get(clientId)
        const name = nameClient(clientId).text
        if (some === undefined) {
          const { scope } = consents.find((consent) => consent.clientId === clientId)!
          return { clientId, name, times: null, granted: await oauth.granted(scope, null) }
        }
        // What it has counts, not what is remembered.
        const all = (texts: readonly string[]): string => [...new Set(texts)].join(' ')
        const granted = await oauth.granted(
          all(some.map(({ scope }) => scope)),
          all(some.map(({ permissions }) => permissions)),
        )
        const since = Math.min(...some.map(({ createdAt }) => createdAt)) * 1000
        const used = Math.max(...some.map(({ refreshedAt }) => refreshedAt)) * 1000
        return { clientId, name, times: { since, used }, granted }
      }),
    )
  }

  const end: OwnerForm = async (owner) => {
    const { did } = owner.account
    // Longer than a field that is typed: an app on a device has its scopes in its name.
    const clientId = owner.visit.parameters.get('client') ?? ''
    const known = (await appsOf(did)).some((app) => app.clientId === clientId)
    if (!known) throw new PdsError('not-found', 'There is no such app')
    await owner.act('app access ended', { client: clientId.slice(0, MAX_KEPT) }, async () => {
      const outcome = await store.apply([{ type: 'forgetAccount', did, clientId }])
      if (outcome.status !== 'applied') throw new PdsError('busy', 'Try again')
    })
    return owner.done('ended')
  }

  return {
    path: '/account/apps',
    isGrave: false,
    title: ({ apps }) => apps.title,
    notices: ({ apps }) => apps.done,
    show: async (owner) => owner.page(appsPage(owner, await appsOf(owner.account.did))),
    forms: new Map([['end', end]]),
  }
}
