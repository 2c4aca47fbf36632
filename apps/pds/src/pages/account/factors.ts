import type { Credentials } from '../../accounts/credentials.ts'
import type { Letters } from '../../accounts/letters.ts'
import { PdsError } from '../../errors.ts'
import { isFactorName, type AddedFactor, type Factors } from '../../factors/factors.ts'
import { MAIL_BOUNDS } from '../../limits/rate-limits.ts'
import { readPasskey } from '../sign-in-flow.ts'
import {
  FACTORS_PATH,
  factorsPage,
  newAppPage,
  newPasskeyPage,
  recoveryCodesPage,
} from '../views/account/factors.ts'
import { FormProblem, type Owner, type OwnerForm, type OwnerPage } from './owner-page.ts'

/** What the page of factors composes. */
export interface FactorsPageParts {
  readonly factors: Factors
  readonly credentials: Pick<Credentials, 'changeEmail'>
  readonly letters: Pick<Letters, 'sendCode'>
}

/** `/account/factors`: what guards the password, for its owner. */
export function createFactorsPage({ factors, credentials, letters }: FactorsPageParts): OwnerPage {
  const nameOf = (owner: Owner): string => {
    const name = owner.typed('name').trim()
    if (!isFactorName(name)) throw new FormProblem(owner.texts.factors.nameWrong)
    return name
  }

  /** Recovery codes are shown in the answer itself: no other page ever knows them. */
  const showCodes = (owner: Owner, codes: readonly string[]): Response =>
    owner.page(recoveryCodesPage(owner, codes), { title: owner.texts.factors.codesTitle })

  const added = async (owner: Owner, { recoveryCodes }: AddedFactor): Promise<Response> => {
    await owner.stay()
    return recoveryCodes === null ? owner.done('added') : showCodes(owner, recoveryCodes)
  }

  const addPasskey: OwnerForm = async (owner) => {
    const name = nameOf(owner)
    const begun = await factors.beginPasskey(owner.account, owner.visitor)
    const body = newPasskeyPage(owner, { ...begun, name })
    return owner.page(body, { title: owner.texts.factors.passkeyTitle, usesPasskeys: true })
  }

  const finishPasskey: OwnerForm = async (owner) => {
    const answer = {
      ticket: owner.typed('ticket'),
      response: readPasskey(owner.visit.parameters.get('passkey')),
      name: nameOf(owner),
    }
    try {
      return await added(owner, await factors.finishPasskey(owner.account.did, answer, owner.visitor))
    } catch (error) {
      throw isOf(error, 'factor-invalid') ? new FormProblem(owner.texts.factors.passkeyFailed) : error
    }
  }

  const showApp = (
    owner: Owner,
    begun: { readonly ticket: string; readonly secret: string; readonly uri: string },
  ): Response => {
    const body = newAppPage(owner, { ...begun, name: nameOf(owner) })
    return owner.page(body, { title: owner.texts.factors.appTitle })
  }

  const addApp: OwnerForm = async (owner) => {
    nameOf(owner)
    return showApp(owner, await factors.beginTotp(owner.account, owner.visitor))
  }

  const finishApp: OwnerForm = async (owner) => {
    const answer = { ticket: owner.typed('ticket'), code: owner.typed('code'), name: nameOf(owner) }
    return added(owner, await factors.finishTotp(owner.account.did, answer, owner.visitor))
  }

  /** The page of an app once more, which has the secret by now, after a wrong code; null where that is over. */
  const showAppAgain = async (owner: Owner): Promise<Response | null> => {
    const isWrongCode = owner.problem === owner.texts.problem.wrongCode
    if (!isWrongCode || owner.typed('do') !== 'finish-app') return null
    const ticket = owner.typed('ticket')
    try {
      return showApp(owner, { ticket, ...(await factors.resumeTotp(owner.account, ticket, owner.visitor)) })
    } catch (error) {
      if (isOf(error, 'challenge-ended')) return null
      throw error
    }
  }

  const rename: OwnerForm = async (owner) => {
    await factors.rename(owner.account.did, idOf(owner), nameOf(owner))
    return owner.done('renamed')
  }

  const remove: OwnerForm = async (owner) => {
    await factors.remove(owner.account.did, idOf(owner), owner.visitor)
    await owner.stay()
    return owner.done('removed')
  }

  const setEmail =
    (isOn: boolean): OwnerForm =>
    async (owner) => {
      const { did, email, emailConfirmedAt } = owner.account
      if (email === null || (isOn && emailConfirmedAt === null)) {
        throw new FormProblem(owner.texts.factors.emailUnconfirmed)
      }
      const token = isOn ? undefined : owner.typed('code')
      const change = { token, emailAuthFactor: isOn }
      const input = { email, emailAuthFactor: isOn }
      await owner.act('com.atproto.server.updateEmail', input, () =>
        credentials.changeEmail(did, email, change),
      )
      await owner.stay()
      return owner.done(isOn ? 'emailOn' : 'emailOff')
    }

  const askEmailOff: OwnerForm = async (owner) => {
    if (owner.account.email === null) throw new FormProblem(owner.texts.factors.emailUnconfirmed)
    await owner.limit(MAIL_BOUNDS)
    await letters.sendCode(owner.account, 'update-email')
    return owner.done('codeSent')
  }

  const renewCodes: OwnerForm = async (owner) =>
    showCodes(owner, await factors.renewRecoveryCodes(owner.account.did, owner.visitor))

  /** A form whose request can be refused for one reason, once names were looked at. */
  const mended =
    (reason: 'tooMany' | 'noFactor', form: OwnerForm): OwnerForm =>
    async (owner) => {
      try {
        return await form(owner)
      } catch (error) {
        throw isOf(error, 'invalid-request') ? new FormProblem(owner.texts.factors[reason]) : error
      }
    }

  return {
    path: FACTORS_PATH,
    isGrave: true,
    title: (texts) => texts.factors.title,
    notices: (texts) => texts.factors.done,
    show: async (owner) => {
      const again = await showAppAgain(owner)
      if (again !== null) return again
      const list = await factors.list(owner.account.did)
      return owner.page(factorsPage(owner, list), { usesPasskeys: true })
    },
    forms: new Map([
      ['add-passkey', addPasskey],
      ['finish-passkey', mended('tooMany', finishPasskey)],
      ['add-app', addApp],
      ['finish-app', mended('tooMany', finishApp)],
      ['rename', rename],
      ['remove', remove],
      ['email-on', setEmail(true)],
      ['email-off', setEmail(false)],
      ['ask-email-off', askEmailOff],
      ['renew-codes', mended('noFactor', renewCodes)],
    ]),
  }
}

/** The id of a passkey may be longer than other fields; of one that is too long there is none. */
const idOf = ({ visit }: Owner): string => visit.parameters.get('id') ?? ''

const isOf = (error: unknown, code: PdsError['code']): boolean =>
  error instanceof PdsError && error.code === code
