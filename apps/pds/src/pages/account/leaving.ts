import type { Deletions } from '../../accounts/deletions.ts'
import type { Letters } from '../../accounts/letters.ts'
import type { Lifecycle } from '../../accounts/lifecycle.ts'
import { PdsError } from '../../errors.ts'
import type { DocumentChecks } from '../../identity/document-checks.ts'
import { ACTIVATE_LIMIT, MAIL_BOUNDS } from '../../limits/rate-limits.ts'
import { leavingPage } from '../views/account/leaving.ts'
import { FormProblem, type OwnerForm, type OwnerPage } from './owner-page.ts'

/** What the page of an account's end composes. */
export interface LeavingPageParts {
  readonly deletions: Pick<Deletions, 'deactivate' | 'plan'>
  readonly lifecycle: Pick<Lifecycle, 'activate'>
  readonly documents: Pick<DocumentChecks, 'require'>
  readonly letters: Pick<Letters, 'sendCode'>
}

/**
 * `/account/leaving`: `deactivateAccount`, `activateAccount` and `requestAccountDelete` for people. A deletion waits for the same hold as one
 * that an app plans: nothing is removed at once.
 */
export function createLeavingPage(parts: LeavingPageParts): OwnerPage {
  const { deletions, lifecycle, documents, letters } = parts

  const deactivate: OwnerForm = async (owner) => {
    const { did } = owner.account
    await owner.act('com.atproto.server.deactivateAccount', {}, () => deletions.deactivate(did, null))
    return owner.done('deactivated')
  }

  const activate: OwnerForm = async (owner) => {
    const { account, texts } = owner
    await owner.limit([ACTIVATE_LIMIT])
    try {
      await owner.act('com.atproto.server.activateAccount', {}, async () => {
        await documents.require(account.did)
        await lifecycle.activate(account.did)
      })
    } catch (error) {
      const isElsewhere = error instanceof PdsError && error.code === 'invalid-request'
      throw isElsewhere ? new FormProblem(texts.leaving.notHere) : error
    }
    return owner.done('activated')
  }

  const ask: OwnerForm = async (owner) => {
    await owner.limit(MAIL_BOUNDS)
    await owner.act('com.atproto.server.requestAccountDelete', {}, () =>
      letters.sendCode(owner.account, 'delete-account'),
    )
    return owner.done('codeSent')
  }

  const plan: OwnerForm = async (owner) => {
    await owner.act('account deletion planned', {}, () =>
      deletions.plan(owner.account.did, owner.typed('code').trim()),
    )
    return owner.done('planned')
  }

  return {
    path: '/account/leaving',
    isGrave: true,
    title: ({ leaving }) => leaving.title,
    notices: ({ leaving }) => leaving.done,
    show: (owner) => Promise.resolve(owner.page(leavingPage(owner))),
    forms: new Map([
      ['deactivate', deactivate],
      ['activate', activate],
      ['ask', ask],
      ['delete', plan],
    ]),
  }
}
