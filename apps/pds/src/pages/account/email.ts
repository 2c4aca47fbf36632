import type { Credentials } from '../../accounts/credentials.ts'
import type { Letters } from '../../accounts/letters.ts'
import { MAIL_BOUNDS } from '../../limits/rate-limits.ts'
import { emailPage } from '../views/account/email.ts'
import { FormProblem, type Owner, type OwnerPage } from './owner-page.ts'

/** What the page of the address composes. */
export interface EmailPageParts {
  readonly credentials: Pick<Credentials, 'changeEmail' | 'confirmEmail'>
  readonly letters: Pick<Letters, 'sendCode'>
}

/** `/account/email`: `requestEmailConfirmation`, `confirmEmail`, `requestEmailUpdate` and `updateEmail` for people. */
export function createEmailPage({ credentials, letters }: EmailPageParts): OwnerPage {
  const sendCode = (purpose: 'confirm-email' | 'update-email') => async (owner: Owner) => {
    await owner.limit(MAIL_BOUNDS)
    await letters.sendCode(owner.account, purpose)
    return owner.done('codeSent')
  }

  const confirm = async (owner: Owner): Promise<Response> => {
    const { account } = owner
    const token = owner.typed('confirmCode')
    await owner.act('com.atproto.server.confirmEmail', { email: account.email }, () =>
      credentials.confirmEmail(account.did, token),
    )
    return owner.done('confirmed')
  }

  const change = async (owner: Owner): Promise<Response> => {
    const { account, texts } = owner
    const [email, code] = [owner.typed('email').trim(), owner.typed('code').trim()]
    if (email.toLowerCase() === account.email) throw new FormProblem(texts.email.same)
    const token = code === '' ? undefined : code
    await owner.act('com.atproto.server.updateEmail', { email }, () =>
      credentials.changeEmail(account.did, email, { token, emailAuthFactor: undefined }),
    )
    // Codes to sign in are not mailed to an address that nobody confirmed.
    await owner.stay()
    return owner.done('changed')
  }

  return {
    path: '/account/email',
    isGrave: true,
    title: ({ email }) => email.title,
    notices: ({ email }) => email.done,
    show: (owner) => Promise.resolve(owner.page(emailPage(owner))),
    forms: new Map([
      ['ask-confirm', sendCode('confirm-email')],
      ['confirm', confirm],
      ['ask-change', sendCode('update-email')],
      ['change', change],
    ]),
  }
}
