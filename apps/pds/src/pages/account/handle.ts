import { isDisallowedTld, isHandle } from '@avocet/syntax'

import type { HandleChanges } from '../../accounts/handle-changes.ts'
import type { PdsConfig } from '../../config/config.ts'
import { PdsError } from '../../errors.ts'
import { UPDATE_HANDLE_LIMITS } from '../../limits/rate-limits.ts'
import { handlePage } from '../views/account/handle.ts'
import { FormProblem, type Owner, type OwnerForm, type OwnerPage } from './owner-page.ts'

/** What the page of the handle composes. */
export interface HandlePageParts {
  readonly config: Pick<PdsConfig, 'handleDomains'>
  readonly handleChanges: Pick<HandleChanges, 'change'>
}

/** `/account/handle`: `updateHandle` for people, with a name of this server or a domain of their own. */
export function createHandlePage({ config, handleChanges }: HandlePageParts): OwnerPage {
  const { handleDomains: domains } = config

  const change = async (owner: Owner, handle: string): Promise<Response> => {
    await owner.limit(UPDATE_HANDLE_LIMITS)
    try {
      await owner.act('com.atproto.identity.updateHandle', { handle }, () =>
        handleChanges.change(owner.account.did, handle, false),
      )
    } catch (error) {
      throw explain(owner, handle, error)
    }
    return owner.done('changed')
  }

  /** What is wrong with a handle, said so that it can be mended. */
  const explain = ({ texts }: Owner, handle: string, error: unknown): unknown => {
    if (!(error instanceof PdsError)) return error
    const { notPointing, notNamed, invalid } = texts.handle
    if (error.code === 'invalid-request') return new FormProblem(notNamed)
    if (error.code !== 'invalid-handle' && error.code !== 'unsupported-domain') return error
    const isElsewhere = !domains.some((domain) => handle.endsWith(domain))
    return new FormProblem(
      isElsewhere && isHandle(handle) && !isDisallowedTld(handle) ? notPointing : invalid,
    )
  }

  const local: OwnerForm = (owner) => {
    const name = withoutAt(owner.typed('name'))
    const domain = domains.find((ending) => ending === owner.typed('domain')) ?? domains[0] ?? ''
    // Somebody may type it whole.
    return change(owner, domains.some((ending) => name.endsWith(ending)) ? name : name + domain)
  }
  const own: OwnerForm = (owner) => change(owner, withoutAt(owner.typed('own')))

  return {
    path: '/account/handle',
    isGrave: true,
    title: ({ handle }) => handle.title,
    notices: ({ handle }) => handle.done,
    show: (owner) => Promise.resolve(owner.page(handlePage(owner, domains))),
    forms: new Map([
      ['local', local],
      ['own', own],
    ]),
  }
}

const withoutAt = (text: string): string => text.trim().toLowerCase().replace(/^@/, '')
