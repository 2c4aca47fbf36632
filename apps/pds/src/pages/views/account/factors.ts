import type { FactorList, FactorView } from '../../../factors/factors.ts'
import type { CreationOptions } from '../../../factors/webauthn-json.ts'
import type { Owner } from '../../account/owner-page.ts'
import { html, type Html } from '../../html.ts'
import { textField } from '../fields.ts'
import { hidden } from '../parts.ts'
import { passkeyForm } from '../passkey.ts'
import { qrCode } from '../qr-code.ts'
import { day } from './units.ts'

/** Where the forms of this page go. */
export const FACTORS_PATH = '/account/factors'

/** Everything that guards an account. */
export function factorsPage(owner: Owner, list: FactorList): Html {
  const { factors: texts } = owner.texts
  const isGuarded = list.factors.length > 0 || list.email
  const ofKind = (kind: FactorView['kind']): Html | null => {
    const found = list.factors.filter((factor) => factor.kind === kind)
    return found.length === 0
      ? null
      : html`<ul class="plain">
          ${found.map((factor) => html`<li>${shown(owner, factor)}</li>`)}
        </ul>`
  }
  return html`<p>${texts.intro}</p>
    <p class="soft">${texts.ends}</p>
    <h2>${texts.passkeys}</h2>
    <p>${texts.passkeysWhy}</p>
    ${ofKind('passkey')}
    <noscript><p class="note">${texts.passkeysScript}</p></noscript>
    <div data-passkeys hidden>${adding(owner, 'add-passkey', 'passkey-name', texts.addPasskey)}</div>
    <h2>${texts.apps}</h2>
    <p>${texts.appsWhy}</p>
    ${ofKind('totp')} ${adding(owner, 'add-app', 'app-name', texts.addApp)}
    <h2>${texts.email}</h2>
    ${byEmail(owner, list.email)}
    ${
      isGuarded &&
      html`<h2>${texts.recovery}</h2>
        <p>${texts.recoveryWhy} ${texts.recoveryLeft(list.recoveryCodes)}</p>
        ${simple(owner, 'renew-codes', texts.recoveryMake, texts.recoveryMakeWhy)}`
    }`
}

/** A form with nothing but a button. */
function simple(owner: Owner, act: string, label: string, why: string | null = null): Html {
  return html`<form method="post" action="${FACTORS_PATH}">
    ${hidden({ ...owner.fields, do: act })} ${why !== null && html`<p class="soft">${why}</p>`}
    <button class="quiet">${label}</button>
  </form>`
}

/** One factor: what it is, and behind a fold what can be done with it. */
function shown(owner: Owner, { id, name, createdAt, lastUsedAt }: FactorView): Html {
  const { texts } = owner
  const { factors } = texts
  const date = (at: string): string => day(texts, Date.parse(at))
  const fields = { ...owner.fields, id }
  return html`<p class="who">${name}</p>
    <p class="soft">
      ${factors.added(date(createdAt))},
      ${lastUsedAt === null ? factors.unused : factors.used(date(lastUsedAt))}
    </p>
    <details>
      <summary>${factors.change(name)}</summary>
      <form method="post" action="${FACTORS_PATH}">
        ${hidden({ ...fields, do: 'rename' })}
        ${textField({ id: `name-${id}`, name: 'name', label: factors.name, autocomplete: 'off', value: name, maxLength: 64 })}
        <button class="quiet">${factors.rename}</button>
      </form>
      <form method="post" action="${FACTORS_PATH}">
        ${hidden({ ...fields, do: 'remove' })} <button class="danger">${factors.remove}</button>
      </form>
    </details>`
}

function adding(owner: Owner, act: string, id: string, label: string): Html {
  const { factors } = owner.texts
  return html`<form method="post" action="${FACTORS_PATH}">
    ${hidden({ ...owner.fields, do: act })}
    ${textField({ id, name: 'name', label: factors.name, hint: factors.nameHint, autocomplete: 'off', maxLength: 64 })}
    <button>${label}</button>
  </form>`
}

function byEmail(owner: Owner, isOn: boolean): Html {
  const { factors } = owner.texts
  if (!isOn) {
    return html`<p>${factors.emailOff}</p>
      ${
        owner.account.emailConfirmedAt === null
          ? html`<p class="note">${factors.emailUnconfirmed}</p>`
          : simple(owner, 'email-on', factors.turnOn)
      }`
  }
  // A code is asked for only where the address was confirmed.
  if (owner.account.emailConfirmedAt === null) {
    return html`<p>${factors.emailOn}</p>
      ${simple(owner, 'email-off', factors.turnOff)}`
  }
  return html`<p>${factors.emailOn}</p>
    ${simple(owner, 'ask-email-off', factors.askCode)}
    <form method="post" action="${FACTORS_PATH}">
      ${hidden({ ...owner.fields, do: 'email-off' })}
      ${textField({ name: 'code', label: factors.code, autocomplete: 'one-time-code', maxLength: 64 })}
      <button class="quiet">${factors.turnOff}</button>
    </form>`
}

/** Where the browser makes a passkey. */
export function newPasskeyPage(
  owner: Owner,
  begun: { readonly ticket: string; readonly name: string; readonly options: CreationOptions },
): Html {
  const { ticket, name, options } = begun
  const { factors } = owner.texts
  return html`<p>${factors.passkeyAsk}</p>
    <p class="who">${name}</p>
    ${passkeyForm(owner.texts, {
      action: FACTORS_PATH,
      fields: { ...owner.fields, do: 'finish-passkey', ticket, name },
      kind: 'create',
      options,
      isAuto: true,
      isHidden: false,
      label: factors.addPasskey,
    })}
    <a class="button quiet" href="${owner.url(FACTORS_PATH)}">${owner.texts.signIn.cancel}</a>`
}

/** Where an authenticator app learns its secret, and shows that it has it. */
export function newAppPage(
  owner: Owner,
  begun: { readonly ticket: string; readonly name: string; readonly secret: string; readonly uri: string },
): Html {
  const { ticket, name, secret, uri } = begun
  const { factors } = owner.texts
  return html`<p>${factors.appScan}</p>
    <p class="who">${name}</p>
    ${qrCode(uri, factors.appPicture)}
    <p><a href="${uri}">${factors.appLink}</a></p>
    <p>${factors.appKey}: <code>${secret.replaceAll(/(.{4})(?=.)/g, '$1 ')}</code></p>
    <form method="post" action="${FACTORS_PATH}">
      ${hidden({ ...owner.fields, do: 'finish-app', ticket, name })}
      ${textField({
        name: 'code',
        label: factors.appCode,
        autocomplete: 'one-time-code',
        maxLength: 64,
        isWrong: owner.problem !== null,
        isFocused: true,
      })}
      <button>${factors.appSubmit}</button>
    </form>
    <a class="button quiet" href="${owner.url(FACTORS_PATH)}">${owner.texts.signIn.cancel}</a>`
}

/** Recovery codes, which are shown this once. */
export function recoveryCodesPage(owner: Owner, codes: readonly string[]): Html {
  const { factors } = owner.texts
  return html`<p role="status">${factors.codesWhy}</p>
    <ul class="plain">
      ${codes.map((code) => html`<li><code>${code}</code></li>`)}
    </ul>
    <a class="button" href="${owner.url(FACTORS_PATH)}">${factors.codesKept}</a>`
}
