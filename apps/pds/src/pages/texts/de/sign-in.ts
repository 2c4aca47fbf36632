import { list } from './list.ts'
import type { SignInTexts, FactorTexts, ProblemTexts } from '../en/sign-in.ts'

const KINDS: Readonly<Record<string, string>> = {
  totp: 'die 6 Ziffern aus deiner Authenticator-App',
  email: 'den Code aus der E-Mail',
  recovery: 'einen deiner Wiederherstellungscodes',
}

/** Handle and password. */
export const signIn: SignInTexts = {
  title: 'Anmelden',
  toContinue: (app) =>
    app === '' ? 'um mit einem Programm auf deinem Gerät fortzufahren.' : `um mit ${app} fortzufahren.`,
  toAccount: 'um dein Konto zu sehen und zu ändern.',
  identifier: 'Handle oder E-Mail-Adresse',
  identifierHint: 'Zum Beispiel name.example.com',
  password: 'Passwort',
  passwordHint: 'Das Passwort deines Kontos. App-Passwörter gelten hier nicht.',
  remember: 'Auf diesem Gerät angemeldet bleiben',
  rememberHint: 'Nicht auf einem Gerät, das auch andere benutzen.',
  submit: 'Anmelden',
  cancel: 'Abbrechen und zurück',
  otherAccounts: 'Konten auf diesem Gerät',
}

/** The second factor. */
export const factor: FactorTexts = {
  title: 'Noch ein Schritt',
  code: 'Code',
  hint: (kinds) => `Gib ${list(kinds.flatMap((kind) => KINDS[kind] ?? []))} ein.`,
  passkeyOnly:
    'Dein Konto ist durch einen Passkey geschützt. Gib ohne ihn einen deiner Wiederherstellungscodes ein.',
  submit: 'Weiter',
  mail: 'Code per E-Mail schicken',
  mailed: 'Ein Code ist an deine E-Mail-Adresse unterwegs.',
  restart: 'Von vorn beginnen',
}

/** What is wrong with what was typed, on any form where somebody signs in. */
export const problem: ProblemTexts = {
  wrongPassword: 'Handle oder Passwort stimmt nicht.',
  wrongCode: 'Dieser Code stimmt nicht.',
  tooLong: 'Es hat zu lange gedauert, oder es waren zu viele Versuche. Melde dich noch einmal an.',
  tooMany: 'Zu viele Versuche. Versuche es in einigen Minuten noch einmal.',
  takendown: 'Dieses Konto wurde gesperrt.',
  later: 'Das ging gerade nicht. Es ist nichts geschehen: Versuche es in einigen Minuten noch einmal.',
  mailFailed: 'Die E-Mail konnte nicht gesendet werden. Versuche es noch einmal oder nimm einen anderen Weg.',
}
