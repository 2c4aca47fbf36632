import type { Owner } from '../../account/owner-page.ts'
import type { SeenDevice } from '../../browsers.ts'
import { html, type Html } from '../../html.ts'
import { hidden, type HiddenFields } from '../parts.ts'
import { browserName } from './browser-name.ts'
import { moment } from './units.ts'

/** A session that began with a password. */
export interface ShownSession {
  readonly id: string
  /** The name of the app password; null for the account's own. */
  readonly appPassword: string | null
  /** When its tokens were made, in ms since 1970. */
  readonly renewedAt: number
}

const ACTION = '/account/sessions'

/** Browsers and apps in which an account is signed in. */
export function sessionsPage(
  owner: Owner,
  devices: readonly SeenDevice[],
  list: readonly ShownSession[],
): Html {
  const { texts, fields, visit } = owner
  const { sessions } = texts
  const item = (what: string, mark: string | null, hint: string, ending: HiddenFields): Html =>
    html`<li class="row">
      <div class="grow">
        <span class="who">${what}</span>${mark !== null && html` · ${mark}`}
        <p class="hint">${hint}</p>
      </div>
      <form method="post" action="${ACTION}">
        ${hidden({ ...fields, ...ending })}
        <button class="quiet inline" aria-label="${sessions.endOf(`${what}. ${hint}`)}">
          ${sessions.end}
        </button>
      </form>
    </li>`
  const browsers = devices.map(({ device }) => {
    const { id, userAgent, address, seenAt } = device
    const at = moment(texts, seenAt)
    return item(
      browserName(userAgent) ?? sessions.unknown,
      id === visit.browser.id ? sessions.thisOne : null,
      address === null ? sessions.seenSomewhere(at) : sessions.seen(at, address),
      { do: 'end-browser', device: id },
    )
  })
  const apps = list.map(({ id, appPassword, renewedAt }) =>
    item(
      appPassword === null ? sessions.byPassword : sessions.byAppPassword(appPassword),
      null,
      sessions.renewed(moment(texts, renewedAt)),
      { do: 'end-session', session: id },
    ),
  )
  return html`<h2>${sessions.browsers}</h2>
    <p>${sessions.browsersWhat}</p>
    <ul class="plain">
      ${browsers}
    </ul>
    <h2>${sessions.apps}</h2>
    ${
      apps.length === 0
        ? html`<p>${sessions.noApps}</p>`
        : html`<p>${sessions.appsWhat} ${sessions.late}</p>
            <ul class="plain">
              ${apps}
            </ul>`
    }
    <h2>${sessions.elsewhere}</h2>
    <p>${sessions.elsewhereWhat}</p>
    <form method="post" action="${ACTION}">
      ${hidden({ ...fields, do: 'end-elsewhere' })}
      <button class="danger">${sessions.endElsewhere}</button>
    </form>`
}
