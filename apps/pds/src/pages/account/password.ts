import type { Credentials } from '../../accounts/credentials.ts'
import { MAX_PASSWORD_LENGTH } from '../../accounts/passwords.ts'
import { MIN_PASSWORD } from '../new-password.ts'
import { passwordPage } from '../views/account/password.ts'
import { FormProblem, type OwnerForm, type OwnerPage } from './owner-page.ts'

/** `/account/password`: another password, chosen by an owner who has just signed in. */
export function createPasswordPage(credentials: Pick<Credentials, 'setPassword'>): OwnerPage {
  const change: OwnerForm = async (owner) => {
    const { account, texts, typed } = owner
    const [chosen, again] = [typed('new'), typed('again')]
    if (chosen.length < MIN_PASSWORD) throw new FormProblem(texts.password.tooShort(MIN_PASSWORD))
    if (chosen.length > MAX_PASSWORD_LENGTH) {
      throw new FormProblem(texts.password.tooLong(MAX_PASSWORD_LENGTH))
    }
    if (chosen !== again) throw new FormProblem(texts.password.differ)
    const hash = await owner.act('password changed', {}, () => credentials.setPassword(account.did, chosen))
    await owner.stay(hash)
    return owner.done('changed')
  }

  return {
    path: '/account/password',
    isGrave: true,
    title: ({ password }) => password.title,
    notices: ({ password }) => password.done,
    show: (owner) => Promise.resolve(owner.page(passwordPage(owner))),
    forms: new Map([['change', change]]),
  }
}
