import type { AccountStore, Session } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { applyChanges } from '../../accounts/changes.ts'
import { REFRESH_SECONDS } from '../../auth/tokens.ts'
import { PdsError } from '../../errors.ts'
import { endedElsewhere } from '../../factors/endings.ts'
import type { Browsers } from '../browsers.ts'
import { sessionsPage } from '../views/account/sessions.ts'
import type { OwnerForm, OwnerPage } from './owner-page.ts'

/** What the page of devices composes. */
export interface SessionsPageParts {
  readonly browsers: Pick<Browsers, 'devices' | 'signOut' | 'signOutElsewhere'>
  readonly store: Pick<AccountStore, 'sessions' | 'apply'>
}

/** Renewals of one session that are kept at a time: each is forgotten when its grace is over. */
const MAX_RENEWALS = 1000

/** `/account/sessions`: where an account is signed in, and the end of that. */
export function createSessionsPage({ browsers, store }: SessionsPageParts): OwnerPage {
  /** The tokens that count: one that was renewed is good for its grace only, as long as its successor. */
  const sessionsOf = async (did: Did): Promise<readonly Session[]> => {
    const nowSeconds = Date.now() / 1000
    const all = await store.sessions.list(did)
    return all.filter(({ nextId, expiresAt }) => nextId === null && expiresAt > nowSeconds)
  }

  const endBrowser: OwnerForm = async (owner) => {
    const { account, visit } = owner
    const id = owner.typed('device')
    const known = (await browsers.devices(account)).some(({ device }) => device.id === id)
    if (!known) throw new PdsError('not-found', 'There is no such browser')
    await owner.act('browser signed out', {}, () => browsers.signOut({ id }, account.did))
    return id === visit.browser.id ? visit.goTo('/account') : owner.done('ended')
  }

  const endSession: OwnerForm = async (owner) => {
    const { did } = owner.account
    const session = await store.sessions.get(owner.typed('session'))
    if (session?.did !== did) throw new PdsError('not-found', 'There is no such session')
    // Its app may have renewed it since the page was made.
    const ids: string[] = []
    for (let id: string | null = session.id; id !== null && ids.length < MAX_RENEWALS;) {
      ids.push(id)
      id = (await store.sessions.get(id))?.nextId ?? null
    }
    await owner.act('com.atproto.server.deleteSession', {}, () =>
      applyChanges(
        store,
        ids.map((id) => ({ type: 'endSession', id })),
      ),
    )
    return owner.done('ended')
  }

  const endElsewhere: OwnerForm = async (owner) => {
    const { did } = owner.account
    await owner.act('signed out everywhere else', {}, async () => {
      await applyChanges(store, endedElsewhere(did))
      await browsers.signOutElsewhere(owner.visit.browser, did)
    })
    return owner.done('endedElsewhere')
  }

  return {
    path: '/account/sessions',
    isGrave: false,
    title: ({ sessions }) => sessions.title,
    notices: ({ sessions }) => sessions.done,
    show: async (owner) => {
      const { account } = owner
      const [devices, sessions] = [await browsers.devices(account), await sessionsOf(account.did)]
      const shown = sessions
        .map(({ id, appPassword, expiresAt }) => ({
          id,
          appPassword,
          renewedAt: (expiresAt - REFRESH_SECONDS) * 1000,
        }))
        .toSorted((one, other) => other.renewedAt - one.renewedAt)
      return owner.page(sessionsPage(owner, devices, shown))
    },
    forms: new Map([
      ['end-browser', endBrowser],
      ['end-session', endSession],
      ['end-elsewhere', endElsewhere],
    ]),
  }
}
