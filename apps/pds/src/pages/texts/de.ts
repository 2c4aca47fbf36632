import type { Description, NameGroup, Subject } from '@avocet/oauth-scopes'

import type { Texts } from './texts.ts'

const KINDS: Readonly<Record<string, string>> = {
  totp: 'die 6 Ziffern aus deiner Authenticator-App',
  email: 'den Code aus der E-Mail',
  recovery: 'einen deiner Wiederherstellungscodes',
}

/** German. */
export const de: Texts = {
  language: 'de',
  footer: {
    label: 'Über diesen Dienst',
    home: 'Startseite',
    terms: 'Nutzungsbedingungen',
    privacy: 'Datenschutz',
    support: 'Hilfe',
  },
  signIn: {
    title: 'Anmelden',
    toContinue: (app) =>
      app === '' ? 'um mit einem Programm auf deinem Gerät fortzufahren.' : `um mit ${app} fortzufahren.`,
    identifier: 'Handle oder E-Mail-Adresse',
    identifierHint: 'Zum Beispiel name.example.com',
    password: 'Passwort',
    passwordHint: 'Das Passwort deines Kontos. App-Passwörter gelten hier nicht.',
    remember: 'Auf diesem Gerät angemeldet bleiben',
    rememberHint: 'Nicht auf einem Gerät, das auch andere benutzen.',
    submit: 'Anmelden',
    cancel: 'Abbrechen und zurück',
    otherAccounts: 'Konten auf diesem Gerät',
  },
  factor: {
    title: 'Noch ein Schritt',
    code: 'Code',
    hint: (kinds) => `Gib ${list(kinds.flatMap((kind) => KINDS[kind] ?? []))} ein.`,
    passkeyOnly:
      'Dein Konto ist durch einen Passkey geschützt. Gib hier einen deiner Wiederherstellungscodes ein.',
    submit: 'Weiter',
    mail: 'Code per E-Mail schicken',
    mailed: 'Ein Code ist an deine E-Mail-Adresse unterwegs.',
    restart: 'Von vorn beginnen',
  },
  accounts: {
    title: 'Konto wählen',
    choose: 'Diese Konten sind auf diesem Gerät angemeldet.',
    use: (handle) => `Weiter als ${handle}`,
    other: 'Anderes Konto verwenden',
    signOut: 'Abmelden',
    signOutOf: (handle) => `${handle} abmelden`,
  },
  consent: {
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
  },
  error: {
    title: 'Das hat nicht geklappt',
    back: 'Geh zurück zur App und beginne dort von vorn.',
    requestGone: 'Diese Anmeldung ist abgelaufen oder schon beendet.',
    requestElsewhere:
      'Diese Anmeldung wurde in einem anderen Browser begonnen. Zu deiner Sicherheit wurde sie beendet.',
    invalidRequest: 'Die App hat eine unbrauchbare Anfrage geschickt.',
    invalidClient: 'Was die App über sich sagt, ist unbrauchbar.',
    invalidScope: 'Die App verlangt etwas, das dieser Server nicht gewähren kann.',
    unavailable: 'Die App ist gerade nicht erreichbar. Versuche es in einigen Minuten noch einmal.',
    crossSite:
      'Diese Anfrage kam von einer anderen Website oder aus einer anderen Seite. Es ist nichts geschehen.',
    expiredForm:
      'Diese Seite ist veraltet, oder dein Browser behält die Cookies dieser Website nicht. Es ist nichts geschehen.',
    notSignedIn: 'Dieses Konto ist auf diesem Gerät nicht mehr angemeldet. Es ist nichts geschehen.',
    tooMany: 'Aus deinem Netz kamen zu viele Anfragen. Versuche es in einigen Minuten noch einmal.',
    failed: 'Hier ist etwas schiefgegangen. Versuche es in einigen Minuten noch einmal.',
    notFound: 'Diese Seite gibt es nicht.',
  },
  problem: {
    wrongPassword: 'Handle oder Passwort stimmt nicht.',
    wrongCode: 'Dieser Code stimmt nicht.',
    tooLong: 'Es hat zu lange gedauert, oder es waren zu viele Versuche. Melde dich noch einmal an.',
    tooMany: 'Zu viele Versuche. Versuche es in einigen Minuten noch einmal.',
    takendown: 'Dieses Konto wurde gesperrt.',
    mailFailed:
      'Die E-Mail konnte nicht gesendet werden. Versuche es noch einmal oder nimm einen anderen Weg.',
  },
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

function list(words: readonly string[], last = 'oder'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)!}`
}
