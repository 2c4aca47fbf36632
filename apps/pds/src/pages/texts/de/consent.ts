import type { Description, NameGroup, Subject } from '@avocet/oauth-scopes'

import { list } from './list.ts'
import type { AccountsTexts, ConsentTexts } from '../en/consent.ts'

/** The accounts on a device. */
export const accounts: AccountsTexts = {
  title: 'Konto wählen',
  choose: 'Diese Konten sind auf diesem Gerät angemeldet.',
  use: (handle) => `Weiter als ${handle}`,
  other: 'Anderes Konto verwenden',
  signOut: 'Abmelden',
  signOutOf: (handle) => `${handle} abmelden`,
}

/** What an app asks for. */
export const consent: ConsentTexts = {
  title: 'Zugriff erlauben',
  asks: (app) => `${app} möchte dein Konto benutzen.`,
  onDevice: 'Ein Programm auf deinem Gerät möchte dein Konto benutzen.',
  as: 'Konto',
  notYou: 'Anderes Konto verwenden',
  choose: 'Erlaubt wird Folgendes. Entferne die Häkchen bei dem, was du nicht erlauben willst.',
  alwaysNote: 'Das gehört zu jeder Anmeldung.',
  broad: 'Reicht weit',
  critical: 'Kann dir dein Konto nehmen',
  setContents: (count) =>
    count === 1 ? 'Was das ist: 1 Berechtigung' : `Was das ist: ${count} Berechtigungen`,
  technical: 'Technische Einzelheiten',
  appTerms: 'Nutzungsbedingungen der App',
  appPrivacy: 'Datenschutz der App',
  allow: 'Erlauben',
  deny: 'Nicht erlauben',
  revokeNote: 'Du kannst das jederzeit beenden.',
  chat: 'Private Nachrichten lesen und senden.',
  permission,
}

const ACTIONS: Readonly<Record<string, string>> = {
  create: 'anlegen',
  update: 'ändern',
  delete: 'löschen',
}

function permission({ subject }: Description): string {
  return sentence(subject)
}

function sentence(subject: Subject): string {
  switch (subject.kind) {
    case 'sign-in':
      return 'Erfahren, welches Konto deins ist.'
    case 'app-password':
      return (
        'Dein Konto wie mit einem App-Passwort benutzen: alle Einträge schreiben und löschen, alle Dateien hochladen, deine ' +
        'Einstellungen lesen und ändern und in deinem Namen jeden Dienst anfragen' +
        (subject.chat ? ', auch private Nachrichten.' : ', aber nicht private Nachrichten.')
      )
    case 'records':
      return `Einträge in deinem öffentlichen Repository ${list(
        subject.actions.map((action) => ACTIONS[action] ?? action),
        'und',
      )}: ${names(subject.names, 'jeder Art')}.`
    case 'calls':
      return `In deinem Namen ${
        subject.service === null
          ? 'jeden Dienst'
          : `${subject.service.did.replace(/^did:web:/, '').replace('%3A', ':')} (${subject.service.id})`
      } anfragen: ${names(subject.names, 'jede Methode')}.`
    case 'uploads':
      return `Dateien hochladen: ${list(subject.types.map(fileType), 'und')}.`
    case 'email':
      return subject.manage
        ? 'Deine E-Mail-Adresse sehen und ändern.'
        : 'Deine E-Mail-Adresse sehen, und ob sie bestätigt ist.'
    case 'archive':
      return subject.manage
        ? 'Dein ganzes öffentliches Repository durch ein Archiv ersetzen.'
        : 'Dein öffentliches Repository lesen, wie es jeder kann.'
    case 'identity':
      return subject.whole
        ? 'Deine ganze Identität beherrschen: dein Handle, deine Schlüssel und wo dein Konto liegt.'
        : 'Dein Handle ändern.'
    default: {
      const { nsid, title, detail } = subject
      if (title === null) return `Die Berechtigungen ${nsid}.`
      return detail === null ? `${title} (${nsid})` : `${title} (${nsid}): ${detail}`
    }
  }
}

const TYPES: Readonly<Record<string, string>> = {
  '*/*': 'jeder Art',
  'image/*': 'Bilder',
  'video/*': 'Videos',
  'audio/*': 'Tondateien',
  'text/*': 'Textdateien',
}

const fileType = (type: string): string => TYPES[type] ?? type

/** Names said in a sentence before the rest of them is counted. */
const MAX_NAMES = 5

function names(group: NameGroup, all: string): string {
  if (group === '*') return all
  const said = group.nsids.length > MAX_NAMES + 1 ? group.nsids.slice(0, MAX_NAMES) : group.nsids
  const rest = group.nsids.length - said.length
  return list(rest === 0 ? said : [...said, `${rest} weitere`], 'und')
}
