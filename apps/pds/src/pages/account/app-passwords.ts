import type { AppPasswordRows } from '@avocet/accounts'

import { MAX_APP_PASSWORDS, type AppPasswords } from '../../accounts/app-passwords.ts'
import { appPasswordsPage, createdPage } from '../views/account/app-passwords.ts'
import { FormProblem, type OwnerForm, type OwnerPage } from './owner-page.ts'

/** What the page of app passwords composes. */
export interface AppPasswordsPageParts {
  readonly appPasswords: Pick<AppPasswords, 'create' | 'revoke'>
  readonly rows: Pick<AppPasswordRows, 'list'>
}

/** Longest name that is taken here, in characters. */
const MAX_NAME = 64

/** `/account/app-passwords`: `createAppPassword`, `listAppPasswords` and `revokeAppPassword` for people. */
export function createAppPasswordsPage({ appPasswords, rows }: AppPasswordsPageParts): OwnerPage {
  const create: OwnerForm = async (owner) => {
    const { account, texts, typed } = owner
    const { did } = account
    const name = typed('name').trim()
    if (name === '' || name.length > MAX_NAME || /[\p{C}\p{Zl}\p{Zp}]/u.test(name)) {
      throw new FormProblem(texts.appPasswords.nameInvalid(MAX_NAME))
    }
    const known = await rows.list(did)
    if (known.some((one) => one.name === name)) throw new FormProblem(texts.appPasswords.nameTaken)
    if (known.length >= MAX_APP_PASSWORDS) throw new FormProblem(texts.appPasswords.tooMany)
    const privileged = typed('privileged') === 'yes'
    const made = await owner.act('com.atproto.server.createAppPassword', { name, privileged }, () =>
      appPasswords.create(did, name, privileged),
    )
    // Not by a redirect: what is shown this once would have to be kept for it.
    return owner.page(createdPage(owner, made), { title: texts.appPasswords.createdTitle })
  }

  const revoke: OwnerForm = async (owner) => {
    const name = owner.visit.parameters.get('name') ?? ''
    await owner.act('com.atproto.server.revokeAppPassword', { name }, () =>
      appPasswords.revoke(owner.account.did, name),
    )
    return owner.done('revoked')
  }

  return {
    path: '/account/app-passwords',
    isGrave: true,
    title: (texts) => texts.appPasswords.title,
    notices: (texts) => texts.appPasswords.done,
    show: async (owner) => owner.page(appPasswordsPage(owner, await rows.list(owner.account.did), MAX_NAME)),
    forms: new Map([
      ['create', create],
      ['revoke', revoke],
    ]),
  }
}
